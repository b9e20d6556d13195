package walk

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/pubsync/pubsync/sync/manifest"
	"pgregory.net/rapid"
)

func someStamp() Stamp { return Stamp{Size: 1, MTime: 1e18, CTime: 1e18, Dev: 2, Inode: 3} }

// long is a time at which someStamp is old.
func long() time.Time { return time.Unix(2e9, 0) }

func TestCacheKnowsOnlyTheSameStamp(t *testing.T) {
	c, d := NewCache(), manifest.DigestOf([]byte("x"))
	c.Put("f", someStamp(), d, long())
	if got, ok := c.Lookup("f", someStamp()); !ok || got != d {
		t.Errorf("got %v, %v", got, ok)
	}
	if _, ok := c.Lookup("g", someStamp()); ok {
		t.Error("another path is known")
	}
	for i, change := range []func(*Stamp){
		func(s *Stamp) { s.Size++ }, func(s *Stamp) { s.MTime++ }, func(s *Stamp) { s.CTime++ },
		func(s *Stamp) { s.Dev++ }, func(s *Stamp) { s.Inode++ },
	} {
		s := someStamp()
		change(&s)
		if _, ok := c.Lookup("f", s); ok {
			t.Errorf("change %d is not noticed", i)
		}
	}
}

func TestCacheForgetsRacyFiles(t *testing.T) {
	read := time.Unix(1e9, 0)
	for _, c := range []struct {
		mtime, ctime time.Duration // before the reading
		known        bool
	}{
		{3 * time.Second, 3 * time.Second, true},
		{2*time.Second + 1, 2*time.Second + 1, true},
		{2 * time.Second, 3 * time.Second, false},
		{3 * time.Second, 2 * time.Second, false},
		{0, 0, false},
		{-time.Hour, 3 * time.Second, false},
	} {
		s := Stamp{MTime: read.Add(-c.mtime).UnixNano(), CTime: read.Add(-c.ctime).UnixNano()}
		cache := NewCache()
		cache.Put("f", s, manifest.DigestOf(nil), time.Unix(2e9, 0)) // known from before
		cache.Put("f", s, manifest.DigestOf(nil), read)
		if _, ok := cache.Lookup("f", s); ok != c.known {
			t.Errorf("mtime %v, ctime %v before the reading: known %v", c.mtime, c.ctime, ok)
		}
	}
}

func TestCacheWithoutChangeTimes(t *testing.T) {
	c, s := NewCache(), someStamp()
	s.CTime = 0
	c.Put("f", s, manifest.DigestOf(nil), long())
	if _, ok := c.Lookup("f", s); ok || c.Len() != 0 {
		t.Error("a file without change time is trusted")
	}
}

func TestCacheSurvivesTheDisk(t *testing.T) {
	name := filepath.Join(t.TempDir(), "cache")
	rapid.Check(t, func(rt *rapid.T) {
		c := NewCache()
		for range rapid.IntRange(0, 20).Draw(rt, "files") {
			path := rapid.SampledFrom([]string{"/a/", "/a/b/", "/"}).Draw(rt, "dir") + rapid.StringN(1, 5, 20).Draw(rt, "name")
			s := Stamp{
				Size: rapid.Int64Range(0, manifest.MaxSize).Draw(rt, "size"), MTime: rapid.Int64Range(-1e18, 1e18).Draw(rt, "mtime"),
				CTime: rapid.Int64Range(1, 1e18).Draw(rt, "ctime"), Dev: rapid.Uint64().Draw(rt, "dev"), Inode: rapid.Uint64().Draw(rt, "inode"),
			}
			c.Put(path, s, manifest.DigestOf([]byte(path)), long())
		}
		if err := c.Save(name); err != nil {
			rt.Fatal(err)
		}
		got, err := LoadCache(name)
		if err != nil {
			rt.Fatal(err)
		}
		for _, m := range []map[string]known{c.files, got.files} {
			for p, k := range m {
				k.used = false
				m[p] = k
			}
		}
		if !maps.Equal(c.files, got.files) {
			rt.Fatalf("saved %v\nloaded %v", c.files, got.files)
		}
	})
	if st, err := os.Stat(name); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", st.Mode(), err)
	}
	if list, err := os.ReadDir(filepath.Dir(name)); err != nil || len(list) != 1 {
		t.Errorf("left in the folder: %v, %v", list, err)
	}
}

func TestCacheKeepsTheUsed(t *testing.T) {
	c := NewCache()
	for i := range 10 {
		c.files[fmt.Sprint(i)] = known{used: i%2 == 0}
	}
	if got := fmt.Sprint(c.kept(10)); got != "[0 1 2 3 4 5 6 7 8 9]" {
		t.Errorf("all: %s", got)
	}
	if got := fmt.Sprint(c.kept(7)); got != "[0 1 2 3 4 6 8]" {
		t.Errorf("seven: %s", got)
	}
	if got := fmt.Sprint(c.kept(3)); got != "[0 2 4]" {
		t.Errorf("three: %s", got)
	}
}

func savedCache(t testing.TB) string {
	t.Helper()
	c := NewCache()
	for i := range 3 {
		c.Put(fmt.Sprintf("/dir/file%d", i), someStamp(), manifest.DigestOf([]byte{byte(i)}), long())
	}
	name := filepath.Join(t.TempDir(), "cache")
	if err := c.Save(name); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestDamagedCache(t *testing.T) {
	name := savedCache(t)
	good, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 1
		if _, err := decodeCache(bad); err == nil {
			t.Fatalf("bit flipped in byte %d: loaded", i)
		}
		if _, err := decodeCache(good[:i]); err == nil {
			t.Fatalf("cut after %d bytes: loaded", i)
		}
	}
	if err := os.WriteFile(name, good[:len(good)-1], 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err := LoadCache(name); !errors.Is(err, ErrBadCache) || c == nil || c.Len() != 0 {
		t.Errorf("got %v, %v", c, err)
	}
}

func TestCacheOfOthers(t *testing.T) {
	for what, spoil := range map[string]func(name string) error{
		"group may write": func(name string) error { return os.Chmod(name, 0o620) },
		"all may write":   func(name string) error { return os.Chmod(name, 0o602) },
		"link": func(name string) error {
			if err := os.Rename(name, name+"2"); err != nil {
				return err
			}
			return os.Symlink(name+"2", name)
		},
		"directory": func(name string) error {
			if err := os.Remove(name); err != nil {
				return err
			}
			return os.Mkdir(name, 0o700)
		},
	} {
		name := savedCache(t)
		if err := spoil(name); err != nil {
			t.Fatal(err)
		}
		if c, err := LoadCache(name); !errors.Is(err, ErrBadCache) || c == nil || c.Len() != 0 {
			t.Errorf("%s: got %v", what, err)
		}
	}
}

func TestNoCacheYet(t *testing.T) {
	c, err := LoadCache(filepath.Join(t.TempDir(), "absent"))
	if err != nil || c.Len() != 0 {
		t.Errorf("got %v, %v", c, err)
	}
}

// sealed puts the checksum after a body, so that a fuzzer gets past it.
func sealed(body []byte) []byte {
	sum := sha256.Sum256(body)
	return append(bytes.Clone(body), sum[:]...)
}

func FuzzDecodeCache(f *testing.F) {
	good, err := os.ReadFile(savedCache(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good[:len(good)-sha256.Size])
	f.Add([]byte(cacheMagic + "\x00"))
	f.Add([]byte(cacheMagic + "\x01\x00\x01f\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, body []byte) {
		c, err := decodeCache(sealed(body))
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := c.encode(&out); err != nil {
			t.Fatal(err)
		}
		again, err := decodeCache(out.Bytes())
		if err != nil || !maps.Equal(c.files, again.files) {
			t.Fatalf("%v: %v, %v", err, c.files, again.files)
		}
	})
}
