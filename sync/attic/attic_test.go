package attic

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pubsync/pubsync/sync/manifest"
)

// house is an attic with a clock that moves by an hour a look.
type house struct {
	*testing.T
	dir  string
	time time.Time
	*Attic
}

func newHouse(t *testing.T, max int64) *house {
	h := &house{T: t, dir: t.TempDir(), time: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	h.open(max)
	return h
}

func (h *house) now() time.Time {
	h.time = h.time.Add(time.Hour)
	return h.time
}

func (h *house) open(max int64) {
	h.Helper()
	a, err := Open(h.dir, max, h.now)
	if err != nil {
		h.Fatal(err)
	}
	h.Attic = a
}

// content is n bytes that only this name has.
func content(name string, n int) []byte {
	return bytes.Repeat([]byte(fmt.Sprintf("%-16s", name)), n/16+1)[:n]
}

func (h *house) keep(target, path manifest.Path, b []byte) manifest.Digest {
	h.Helper()
	f, err := os.CreateTemp(h.TempDir(), "")
	if err != nil {
		h.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(b); err != nil {
		h.Fatal(err)
	}
	d := manifest.DigestOf(b)
	if err := h.Keep(target, path, d, f, int64(len(b))); err != nil {
		h.Fatal(err)
	}
	return d
}

// finds fails unless the content b is found for a path; nil: nothing.
func (h *house) finds(target, path manifest.Path, b []byte) {
	h.Helper()
	name, d := h.Find(target, path)
	if b == nil {
		if name != "" {
			h.Errorf("%s of %s: found %s", path, target, name)
		}
		return
	}
	got, err := os.ReadFile(name)
	if err != nil || d != manifest.DigestOf(b) || !bytes.Equal(got, b) {
		h.Errorf("%s of %s: found %q (%v), %.16q, want %.16q", path, target, name, err, got, b)
	}
}

func TestFind(t *testing.T) {
	h := newHouse(t, 100*MinSize)
	exact, near, far := content("exact", MinSize), content("near", MinSize), content("far", MinSize)
	h.keep("a/1", "d/app-1.0.bin", exact)
	h.keep("a/2", "d/app-2.0.bin", near)
	h.keep("a/3", "e/app-3.0.bin", far)
	h.keep("a/3", "small", content("small", MinSize-1))
	for range 2 {
		h.finds("a/9", "d/app-1.0.bin", exact)
		h.finds("a/9", "d/app-2.0.bin", near)
		h.finds("a/9", "e/app-1.0.bin", far)
		h.finds("b/1", "d/app-1.0.bin", nil)
		h.finds("a/9", "d/app.bin", nil)
		h.finds("a/3", "small", nil)
		h.open(100 * MinSize) // what was kept is still there
	}
	newer := content("newer", MinSize)
	h.keep("a/4", "d/app-1.0.bin", newer)
	h.finds("a/9", "d/app-1.0.bin", newer)
	h.Drop(manifest.DigestOf(newer))
	h.finds("a/9", "d/app-1.0.bin", exact)
}

func TestOldestGoFirst(t *testing.T) {
	h := newHouse(t, 3*MinSize)
	var all [5][]byte
	for i := range all {
		all[i] = content(fmt.Sprint(i), MinSize)
	}
	name := func(i int) manifest.Path { return manifest.Path(strings.Repeat("x", i+1)) }
	for i := range 3 {
		h.keep("t", name(i), all[i])
	}
	h.finds("t", name(0), all[0]) // of use again
	h.keep("t", name(3), all[3])
	h.finds("t", name(1), nil)
	h.finds("t", name(0), all[0])
	h.keep("t", "huge", content("huge", 3*MinSize+1))
	h.finds("t", "huge", nil)
	h.finds("t", name(2), all[2])
	h.open(MinSize) // a smaller one
	h.finds("t", name(2), all[2])
	h.finds("t", name(0), nil)
	if got := h.bytes(); got != MinSize {
		t.Errorf("%d bytes in a folder for %d", got, MinSize)
	}
}

// bytes is what the contents in the folder have.
func (h *house) bytes() (n int64) {
	h.Helper()
	list, err := os.ReadDir(h.dir)
	if err != nil {
		h.Fatal(err)
	}
	for _, e := range list {
		if fi, err := e.Info(); err == nil && !strings.HasSuffix(e.Name(), ".json") {
			n += fi.Size()
		}
	}
	return n
}

// TestDamage opens folders in which something is not as it was left.
func TestDamage(t *testing.T) {
	for name, damage := range map[string]func(file string) error{
		"nothing known":   func(file string) error { return os.Remove(file + ".json") },
		"nonsense known":  func(file string) error { return os.WriteFile(file+".json", []byte("{"), 0o600) },
		"content gone":    os.Remove,
		"content cut off": func(file string) error { return os.Truncate(file, 10) },
		"other files": func(file string) error {
			return os.WriteFile(filepath.Join(filepath.Dir(file), "README"), nil, 0o600)
		},
		"a write cut off": func(file string) error {
			return os.WriteFile(filepath.Join(filepath.Dir(file), tempPrefix+"1"), make([]byte, MinSize), 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, 10*MinSize)
			good, bad := content("good", MinSize), content("bad", MinSize)
			h.keep("t", "good", good)
			d := h.keep("t", "bad", bad)
			if err := damage(h.content(d)); err != nil {
				t.Fatal(err)
			}
			h.time = time.Now().Add(2 * tempAge)
			h.open(10 * MinSize)
			h.finds("t", "good", good)
			if name == "other files" || name == "a write cut off" {
				h.finds("t", "bad", bad)
			} else {
				h.finds("t", "bad", nil)
				h.keep("t", "bad", bad)
				h.finds("t", "bad", bad)
			}
			if got := h.bytes(); got != 2*MinSize {
				t.Errorf("%d bytes are left, want %d", got, 2*MinSize)
			}
		})
	}
}

// TestShared has several use one folder at once.
func TestShared(t *testing.T) {
	h := newHouse(t, 1<<30)
	var wg sync.WaitGroup
	for i := range 8 {
		a, err := Open(h.dir, 20*MinSize, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		f, err := os.CreateTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		b := content("same for two "+fmt.Sprint(i/2), MinSize)
		if _, err := f.Write(b); err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			for j := range 20 {
				path := manifest.Path(fmt.Sprintf("f%d", j))
				if err := a.Keep("t", path, manifest.DigestOf(b), f, MinSize); err != nil {
					t.Error(err)
				}
				a.Find("t", path)
			}
		})
	}
	wg.Wait()
	h.open(1 << 30)
	if len(h.files) != 4 {
		t.Errorf("%d files, want 4", len(h.files))
	}
	for d := range h.files {
		b, err := os.ReadFile(h.content(d))
		if err != nil || manifest.DigestOf(b) != d {
			t.Errorf("%v: %v", d, err)
		}
	}
}
