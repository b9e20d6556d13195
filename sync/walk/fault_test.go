//go:build linux

package walk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// A fakeRoot is a source that exists only in memory: every directory holds the
// names its list gives, and the methods fail where told to.
type fakeRoot struct {
	list  func(rel string, l *listing)
	fails map[string]error // by "METHOD PATH"
}

func (r *fakeRoot) openDir(rel string) (directory, error) {
	if err := r.fails["openDir "+rel]; err != nil {
		return nil, err
	}
	return &fakeDir{r, rel}, nil
}

func (r *fakeRoot) lstat(string) (meta, error)          { return meta{}, errors.ErrUnsupported }
func (r *fakeRoot) read(string, []byte) (meta, error)   { return meta{}, errors.ErrUnsupported }
func (r *fakeRoot) open(string) (*os.File, meta, error) { return nil, meta{}, errors.ErrUnsupported }
func (r *fakeRoot) fstat(*os.File) (meta, error)        { return meta{}, errors.ErrUnsupported }
func (r *fakeRoot) close() error                        { return nil }
func (r *fakeRoot) opener() func(string) (root, error) {
	return func(string) (root, error) { return r, nil }
}

type fakeDir struct {
	r   *fakeRoot
	rel string
}

func (d *fakeDir) read(l *listing) error {
	d.r.list(d.rel, l)
	return d.r.fails["read "+d.rel]
}

func (d *fakeDir) lstat(name string) (meta, error) {
	if d.r.fails != nil {
		if err := d.r.fails["lstat "+name]; err != nil {
			return meta{}, err
		}
	}
	m := meta{mode: 0o644, Stamp: Stamp{Size: 1, MTime: 1}}
	if name[0] == 'd' {
		m.kind, m.mode = fs.ModeDir, 0o755
	}
	return m, nil
}

func (d *fakeDir) close() error { return nil }

// nested lists, in the top directory, dirs directories "dNNNN" and in each of
// them a number of files.
func nested(dirs, files int) *fakeRoot {
	top, below := make([]string, dirs), make([]string, files)
	for i := range top {
		top[i] = fmt.Sprintf("directory-%04d", i)
	}
	for i := range below {
		below[i] = fmt.Sprintf("source-file-%04d.go", i)
	}
	return &fakeRoot{list: func(rel string, l *listing) {
		list, kind := top, fs.ModeDir
		if rel != "" {
			list, kind = below, 0
		}
		for _, name := range list {
			addName(l, name, kind)
		}
	}}
}

func TestVanishing(t *testing.T) {
	r := nested(3, 3)
	r.fails = map[string]error{
		"openDir directory-0001":    syscall.ENOENT,
		"lstat source-file-0002.go": syscall.ENOENT,
		"lstat directory-0002":      syscall.ENOENT,
	}
	got := walked(t, Options{Sources: []Source{{Dir: "."}}, openRoot: r.opener()})
	want := []string{"directory-0000/", "directory-0000/source-file-0000.go", "directory-0000/source-file-0001.go"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFailuresNameThePath(t *testing.T) {
	for call, c := range map[string]struct {
		err  error
		path string
		is   error
	}{
		"openDir ":                  {syscall.EACCES, "src", fs.ErrPermission},
		"openDir directory-0001":    {syscall.EACCES, "src/directory-0001", fs.ErrPermission},
		"read directory-0001":       {syscall.EIO, "src/directory-0001", syscall.EIO},
		"lstat source-file-0001.go": {syscall.EIO, "/source-file-0001.go", syscall.EIO},
		"lstat directory-0002":      {errTime, "src/directory-0002", errTime},
	} {
		r := nested(3, 3)
		r.fails = map[string]error{call: c.err}
		_, err := Walk(t.Context(), Options{Sources: []Source{{Dir: "src"}}, openRoot: r.opener()})
		if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.path) {
			t.Errorf("%s: got %v", call, err)
		}
	}
}

func TestDirectoryReplacedByALink(t *testing.T) {
	r := nested(3, 3)
	r.fails = map[string]error{"openDir directory-0001": syscall.ELOOP}
	_, err := Walk(t.Context(), Options{Sources: []Source{{Dir: "src"}}, openRoot: r.opener()})
	if !errors.Is(err, ErrChanged) || !strings.Contains(err.Error(), "src/directory-0001") {
		t.Errorf("got %v", err)
	}
}

// TestHintsAreNotBelieved has a listing that calls a file a directory, and one
// that does not say.
func TestHintsAreNotBelieved(t *testing.T) {
	r := &fakeRoot{list: func(rel string, l *listing) {
		if rel == "" {
			addName(l, "file", fs.ModeDir)
			addName(l, "d", kindUnknown)
			addName(l, "d2", 0)
		}
	}}
	if got, want := walked(t, Options{Sources: []Source{{Dir: "."}}, openRoot: r.opener()}), []string{"d/", "d2/", "file"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestMemory walks 100,000 files and counts every byte that was allocated on the
// way, garbage included.
func TestMemory(t *testing.T) {
	const files, most = 100_000, 40 << 20
	r := nested(files/50, 50)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	tree, err := Walk(t.Context(), Options{Sources: []Source{{Dir: "."}}, openRoot: r.opener()})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	runtime.ReadMemStats(&after)
	if n := len(tree.Entries); n != files+files/50 {
		t.Fatalf("%d entries", n)
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > most {
		t.Errorf("%d bytes allocated, more than %d", got, most)
	}
	if got := float64(after.Mallocs-before.Mallocs) / files; got > 0.5 {
		t.Errorf("%.2f allocations a file", got)
	}
}
