package export

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/pubsync/pubsync/sync/manifest"
)

// clock is a clock that tests turn.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func newExporter(t *testing.T, s *fakeStore, c Config) (*Exporter, *clock) {
	t.Helper()
	clk := &clock{epoch}
	c.Store, c.Now = s, clk.Now
	if c.Dir == "" {
		c.Dir = filepath.Join(t.TempDir(), "export")
	}
	x, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := x.openFolders("."); err != nil { // so that the test's folder can be removed
			t.Error(err)
		}
		x.Close()
	})
	return x, clk
}

func syncOK(t *testing.T, x *Exporter) Report {
	t.Helper()
	rep, err := x.Sync(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

// onDisk reads a tree back as entries.
func onDisk(t *testing.T, root string) manifest.List {
	t.Helper()
	root, err := filepath.EvalSymlinks(root)
	if err != nil {
		t.Fatal(err)
	}
	var l manifest.List
	err = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == root {
			return err
		}
		fi, err := d.Info()
		if err != nil {
			return err
		}
		e := manifest.Entry{Path: manifest.Path(name[len(root)+1:]), Mode: uint32(fi.Mode().Perm()), MTime: fi.ModTime().UnixNano()}
		switch {
		case fi.IsDir():
			e.Kind = manifest.Dir
		case fi.Mode()&fs.ModeSymlink != 0:
			e.Kind = manifest.Symlink
			e.Link, err = os.Readlink(name)
		default:
			e.Kind, e.Size = manifest.File, fi.Size()
			var b []byte
			b, err = os.ReadFile(name)
			e.Digest = manifest.DigestOf(b)
		}
		if fi.Mode()&(fs.ModeSetuid|fs.ModeSetgid) != 0 {
			t.Errorf("%s: mode %v", name, fi.Mode())
		}
		l = append(l, e)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	l.Sort()
	return l
}

func below(l manifest.List, dir manifest.Path) manifest.List {
	var got manifest.List
	for _, e := range l {
		if rel, ok := e.Path.Rel(dir); ok && rel != "" {
			e.Path = rel
			got = append(got, e)
		}
	}
	got.Sort()
	return got
}

func stat(t *testing.T, name string) fs.FileInfo {
	t.Helper()
	fi, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	return fi
}

func versions(t *testing.T, x *Exporter, target manifest.Path) (names []string) {
	t.Helper()
	all, err := os.ReadDir(filepath.Join(x.cfg.Dir, home(target)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range all {
		names = append(names, e.Name())
	}
	return names
}

func contains(l []manifest.Path, p manifest.Path) bool {
	for _, q := range l {
		if p == q {
			return true
		}
	}
	return false
}
