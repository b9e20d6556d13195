package disk_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/server/store/disk"
	"github.com/pubsync/pubsync/server/store/disk/faultfs"
	"github.com/pubsync/pubsync/sync/manifest"
)

// TestDamage spoils stored bytes in every way a disk may: fsck finds just the
// content that is hit and names its path, reads fail loudly, and the next push
// of the same content heals the published tree.
func TestDamage(t *testing.T) {
	flip := func(at int) func([]byte) []byte {
		return func(b []byte) []byte { b[at] ^= 0x10; return b }
	}
	large := manifest.DigestOf([]byte(pushLarge)).String()
	for _, tt := range []struct {
		name, file string
		change     func([]byte) []byte
		damaged    int
		quick      bool // found without reading content
	}{
		{"bit in a pack", "packs/00000001.pack", flip(110), 1, false},
		{"bit in a header", "packs/00000001.pack", flip(20), 1, true},
		{"pack cut off", "packs/00000001.pack", func(b []byte) []byte { return b[:len(b)-1000] }, 2, true},
		{"pack emptied", "packs/00000001.pack", func(b []byte) []byte { return nil }, 4, true},
		{"bit in a file", "blobs/" + large[:2] + "/" + large, flip(77), 1, false},
		{"file cut off", "blobs/" + large[:2] + "/" + large, func(b []byte) []byte { return b[:9] }, 1, true},
		{"file too long", "blobs/" + large[:2] + "/" + large, func(b []byte) []byte { return append(b, 0) }, 1, true},
	} {
		for _, content := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/%v", tt.name, content), func(t *testing.T) {
				t.Parallel()
				fsys := faultfs.New()
				p := push{s: openFault(t, t.TempDir(), fsys)}
				defer p.s.Close()
				if err := p.run(); err != nil {
					t.Fatal(err)
				}
				if !fsys.Alter(tt.file, tt.change) {
					t.Fatalf("no %s among %v", tt.file, fsys.Names())
				}
				var found []store.Finding
				sum, err := p.s.Check(context.Background(), store.CheckOptions{Content: content}, func(f store.Finding) error {
					found = append(found, f)
					return nil
				})
				want := tt.damaged
				if !content && !tt.quick {
					want = 0
				}
				if err != nil || len(found) != want || sum.Damaged != want {
					t.Fatalf("found %v, want %d (%v)", found, want, err)
				}
				if want == 0 {
					return
				}
				for _, f := range found {
					if !errors.Is(f.Err, store.ErrDamaged) || len(f.Uses) == 0 || !strings.HasPrefix(string(f.Uses[0].Path), "t/d/f") {
						t.Errorf("finding %+v", f)
					}
					if _, err := p.s.Open(context.Background(), f.Digest); !errors.Is(err, store.ErrDamaged) {
						t.Errorf("open: %v", err)
					}
				}
				if err := p.run(); err != nil {
					t.Fatal(err)
				}
				p.sane(t)
			})
		}
	}
}

// TestRepair spoils the index and leaves the content: a repair finds it again.
func TestRepair(t *testing.T) {
	fsys, dir := faultfs.New(), t.TempDir()
	p := push{s: openFault(t, dir, fsys)}
	if err := p.run(); err != nil {
		t.Fatal(err)
	}
	// All records move: garbage before the first, and one header spoilt in
	// between that belongs to a blob the catalog no longer needs.
	fsys.Alter("packs/00000001.pack", func(b []byte) []byte {
		return bytes.Join([][]byte{b[:16], []byte("psb1 garbage"), b[16:]}, nil)
	})
	defer p.s.Close()
	found := func() int {
		n := 0
		if _, err := p.s.Check(context.Background(), store.CheckOptions{}, func(store.Finding) error { n++; return nil }); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := found(); n != 4 {
		t.Fatalf("%d found, want 4", n)
	}
	r, err := p.s.Repair(context.Background(), store.CheckOptions{})
	if err != nil || r != (store.Repaired{Found: 4, Skipped: 1}) {
		t.Fatalf("%+v, %v", r, err)
	}
	p.sane(t)
}

// TestBackupOfDamage backs up a store that has lost content: the copy says how much
// it lacks, and is as good as what is left.
func TestBackupOfDamage(t *testing.T) {
	for _, spoil := range []struct {
		name    string
		change  func(name string) error
		lacking int
	}{
		{"nothing", func(string) error { return nil }, 0},
		{"a blob gone", os.Remove, 1},
		{"a blob short", func(name string) error { return os.Truncate(name, 100) }, 1},
		{"a pack short", func(name string) error {
			return os.Truncate(filepath.Join(filepath.Dir(name), "..", "..", "packs", "00000001.pack"), 1000)
		}, 1},
	} {
		t.Run(spoil.name, func(t *testing.T) {
			dir, to := t.TempDir(), filepath.Join(t.TempDir(), "copy")
			p := push{s: open(t, dir).(*disk.Store)}
			if err := p.run(); err != nil {
				t.Fatal(err)
			}
			defer p.s.Close()
			large := manifest.DigestOf([]byte(pushLarge)).String()
			if err := spoil.change(filepath.Join(dir, "blobs", large[:2], large)); err != nil {
				t.Fatal(err)
			}
			lacking, err := p.s.Backup(context.Background(), to)
			if err != nil || lacking != spoil.lacking {
				t.Fatalf("%d lacking, want %d (%v)", lacking, spoil.lacking, err)
			}
			copied := open(t, to)
			defer copied.Close()
			sum, err := copied.Check(context.Background(), store.CheckOptions{Content: true}, func(store.Finding) error { return nil })
			if err != nil || (sum.Damaged > 0) != (spoil.lacking > 0) {
				t.Errorf("the copy: %+v, %v", sum, err)
			}
		})
	}
}

// TestOrphans collects what a crash leaves behind, and only that.
func TestOrphans(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir).(*disk.Store)
	p := push{s: s}
	if err := p.run(); err != nil {
		t.Fatal(err)
	}
	d := manifest.DigestOf([]byte("orphan")).String()
	for _, name := range []string{"blobs/" + d[:2] + "/" + d, "packs/000000ff.pack", "derived/" + d[:2] + "/" + d + "/sig", "tmp/0000"} {
		name = filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, []byte("orphan"), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	// A batch that is being written is no orphan.
	b, err := s.NewBatch("other")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		c := fmt.Sprint(i, strings.Repeat("x", 100_000))
		if err := b.Add(manifest.DigestOf([]byte(c)), int64(len(c)), strings.NewReader(c)); err != nil {
			t.Fatal(err)
		}
	}
	c, err := s.Collect(context.Background(), store.CollectOptions{})
	if err != nil || c.Orphans != 3 {
		t.Fatalf("%+v, %v", c, err)
	}
	if err := b.Commit(context.Background()); err != nil {
		t.Fatal(err)
	}
	p.sane(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	p.s = open(t, dir).(*disk.Store)
	defer p.s.Close()
	p.sane(t)
	if list, _ := os.ReadDir(filepath.Join(dir, "tmp")); len(list) != 0 {
		t.Errorf("tmp holds %v", list)
	}
}

// TestLocked opens a store that is open.
func TestLocked(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	_, err := disk.Open(context.Background(), disk.Options{Dir: dir})
	if !errors.Is(err, store.ErrLocked) || !strings.Contains(err.Error(), dir) {
		t.Fatalf("got %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := open(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
}

// TestNewerFormat refuses a folder that a later program wrote.
func TestNewerFormat(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "format"), []byte("pubsync store 2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := disk.Open(context.Background(), disk.Options{Dir: dir}); err == nil {
		s.Close()
		t.Fatal("opened")
	}
}

// TestSymlinks puts symbolic links in the store's folder that lead out of it:
// nothing outside is read or written.
func TestSymlinks(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	s := open(t, dir)
	defer s.Close()
	secret := filepath.Join(outside, "secret")
	if err := os.WriteFile(secret, []byte(pushLarge), 0o600); err != nil {
		t.Fatal(err)
	}
	d := manifest.DigestOf([]byte(pushLarge))
	p := push{s: s.(*disk.Store)}
	if err := p.batch([]string{pushLarge}); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "blobs", d.String()[:2], d.String())
	if err := errors.Join(os.Remove(name), os.Symlink(secret, name), os.Symlink(outside, filepath.Join(dir, "staging", "s"))); err != nil {
		t.Fatal(err)
	}
	if b, err := s.Open(context.Background(), d); err == nil {
		b.Close()
		t.Error("a link out of the store was followed")
	}
	if w, err := s.OpenPartial("s", d); err == nil {
		w.Close()
		t.Error("a partial was staged outside of the store")
	}
	if list, _ := os.ReadDir(outside); len(list) != 1 {
		t.Errorf("outside holds %v", list)
	}
}
