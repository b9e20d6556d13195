//go:build linux

package walk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pubsync/pubsync/sync/manifest"
	"pgregory.net/rapid"
)

// openers are the implementations of root that can run here.
func openers() map[string]func(string) (root, error) {
	return map[string]func(string) (root, error){
		"system":   openRoot,
		"steps":    openSteppedRoot,
		"portable": openPortable,
	}
}

// reference lists dir the plain way.
func reference(t testing.TB, dir string) manifest.List {
	t.Helper()
	var l manifest.List
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == dir {
			return err
		}
		st, err := os.Lstat(p)
		if err != nil {
			return err
		}
		sys := st.Sys().(*syscall.Stat_t)
		e := manifest.Entry{
			Path:  manifest.Path(strings.TrimPrefix(p, dir+"/")),
			Kind:  manifest.File,
			Mode:  uint32(sys.Mode) & 0o7777,
			Size:  st.Size(),
			MTime: st.ModTime().UnixNano(),
		}
		switch st.Mode().Type() {
		case fs.ModeDir:
			e.Kind, e.Size = manifest.Dir, 0
		case fs.ModeSymlink:
			e.Kind, e.Size = manifest.Symlink, 0
			e.Link, err = os.Readlink(p)
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

// growTree makes a random tree and returns its directory.
func growTree(t *testing.T, rt *rapid.T) string {
	dir := filepath.Join(t.TempDir(), fmt.Sprint(rapid.Uint64().Draw(rt, "dir")))
	name := rapid.SampledFrom([]string{"a", "a.b", "a b", "ab", "a-", "b", "0", "é", "\xff\xfe", "x:y", "1+1", "100%", "~", "a!"})
	dirs := []string{dir}
	must := func(err error) {
		if err != nil && !errors.Is(err, fs.ErrExist) && !errors.Is(err, syscall.EISDIR) {
			rt.Fatal(err)
		}
	}
	must(os.MkdirAll(dir, 0o755))
	for range rapid.IntRange(0, 25).Draw(rt, "paths") {
		p := filepath.Join(rapid.SampledFrom(dirs).Draw(rt, "in"), name.Draw(rt, "name"))
		if _, err := os.Lstat(p); err == nil {
			continue
		}
		switch rapid.IntRange(0, 5).Draw(rt, "kind") {
		case 0, 1:
			must(os.Mkdir(p, 0o755))
			dirs = append(dirs, p)
		case 2:
			must(os.Symlink(rapid.SampledFrom([]string{"a", "../..", "/etc/passwd", "no where\n", "."}).Draw(rt, "link"), p))
		default:
			must(os.WriteFile(p, make([]byte, rapid.IntRange(0, 3).Draw(rt, "size")), 0o644))
			must(os.Chmod(p, fs.FileMode(rapid.SampledFrom([]uint32{0o644, 0o600, 0o755, 0o444}).Draw(rt, "mode"))))
			when := time.Unix(rapid.Int64Range(-1e9, 4e9).Draw(rt, "secs"), rapid.Int64Range(0, 1e9-1).Draw(rt, "ns"))
			must(os.Chtimes(p, when, when))
		}
	}
	return dir
}

func TestWalkListsWhatIsThere(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir := growTree(t, rt)
		want := reference(t, dir)
		for kind, open := range openers() {
			tree, err := Walk(t.Context(), Options{Sources: []Source{{Dir: dir}}, openRoot: open, Parallel: rapid.IntRange(0, 3).Draw(rt, "parallel")})
			if err != nil {
				rt.Fatalf("%s: %v", kind, err)
			}
			if d := cmp.Diff(want, tree.Entries); d != "" && len(want)+len(tree.Entries) > 0 {
				rt.Fatalf("%s: %s", kind, d)
			}
			if err := tree.Entries.Check(); err != nil {
				rt.Fatalf("%s: %v", kind, err)
			}
			if err := tree.Close(); err != nil {
				rt.Fatalf("%s: %v", kind, err)
			}
		}
	})
}

// TestOrder walks names that sort differently with and without a slash after
// them, at every level.
func TestOrder(t *testing.T) {
	dir := t.TempDir()
	var paths []string
	for _, a := range []string{"a", "a!", "a.b", "a0", "a!b"} {
		for _, b := range []string{"a", "a!", "a.b", "a0", "a!b"} {
			paths = append(paths, a+"/"+b+"/x", a+"/"+b+".f")
		}
	}
	makeTree(t, dir, paths)
	tree, err := Walk(t.Context(), Options{Sources: []Source{{Dir: dir}}})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	if d := cmp.Diff(reference(t, dir), tree.Entries); d != "" {
		t.Error(d)
	}
}

func TestSources(t *testing.T) {
	for _, c := range []struct {
		name string
		a, b []string
		want []string
		dup  bool
	}{
		{"apart", []string{"x"}, []string{"y"}, []string{"x", "y"}, false},
		{"directories merge", []string{"d/x", "e/"}, []string{"d/y", "d/e/z"}, []string{"d/", "d/e/", "d/e/z", "d/x", "d/y", "e/"}, false},
		{"same file", []string{"d/x"}, []string{"d/x"}, nil, true},
		{"file and directory", []string{"d"}, []string{"d/x"}, nil, true},
		{"directory and file", []string{"d/x"}, []string{"d"}, nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := filepath.Join(t.TempDir(), "one"), filepath.Join(t.TempDir(), "two")
			makeTree(t, a, append(c.a, "a-only"))
			makeTree(t, b, append(c.b, "b-only"))
			tree, err := Walk(t.Context(), Options{Sources: []Source{{Dir: a}, {Dir: b}}})
			if c.dup {
				if !errors.Is(err, ErrDuplicate) || !strings.Contains(err.Error(), filepath.Join(a, "d")) || !strings.Contains(err.Error(), filepath.Join(b, "d")) {
					t.Fatalf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer tree.Close()
			want := append(c.want, "a-only", "b-only")
			slices.Sort(want)
			if got := names(tree.Entries); !slices.Equal(got, want) {
				t.Fatalf("got %q, want %q", got, want)
			}
			for i := range tree.Entries {
				if _, err := os.Lstat(tree.Local(i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestFirstSourceGivesTheDirectory(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	var dirs []string
	for i := range 50 {
		dirs = append(dirs, fmt.Sprintf("d%02d/", i))
	}
	makeTree(t, a, dirs)
	makeTree(t, b, dirs)
	for _, d := range dirs {
		if err := os.Chmod(filepath.Join(a, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := Walk(t.Context(), Options{Sources: []Source{{Dir: a}, {Dir: b}}})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	if len(tree.Entries) != len(dirs) {
		t.Errorf("%d entries", len(tree.Entries))
	}
	for i, e := range tree.Entries {
		if e.Mode != 0o700 || !strings.HasPrefix(tree.Local(i), a) {
			t.Errorf("%q has mode %o, from %q", e.Path, e.Mode, tree.Local(i))
		}
	}
}

func TestSpecialFilesAreReported(t *testing.T) {
	dir := t.TempDir()
	makeTree(t, dir, []string{"d/f", "z"})
	for _, p := range []string{"d/pipe", "pipe", "excluded"} {
		if err := syscall.Mkfifo(filepath.Join(dir, p), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f := new(Filter)
	if err := f.Exclude("excluded"); err != nil {
		t.Fatal(err)
	}
	var skipped []string
	got := walked(t, Options{Sources: []Source{{Dir: dir}}, Filter: f, Skipped: func(p string, kind fs.FileMode) {
		if kind != fs.ModeNamedPipe {
			t.Errorf("%s: kind %v", p, kind)
		}
		skipped = append(skipped, p)
	}})
	if want := []string{"d/", "d/f", "z"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if want := []string{filepath.Join(dir, "d/pipe"), filepath.Join(dir, "pipe")}; !slices.Equal(skipped, want) {
		t.Errorf("skipped %q, want %q", skipped, want)
	}
}

func TestBadNames(t *testing.T) {
	dir := t.TempDir()
	makeTree(t, dir, []string{"ok", "new\nline", "d/con", "dots./x", "back\\slash"})
	_, err := Walk(t.Context(), Options{Sources: []Source{{Dir: dir}}})
	if !errors.Is(err, manifest.ErrBadPath) {
		t.Fatalf("got %v", err)
	}
	for _, name := range []string{`new\nline`, "d/con", "dots.", `back\\slash`} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("error does not name %s: %v", name, err)
		}
	}
	if strings.Contains(err.Error(), "\x00") || strings.Contains(err.Error(), "new\nline") {
		t.Errorf("the error has a raw control byte: %q", err)
	}
	f := new(Filter)
	for _, p := range []string{"new?line", "con", "dots.", "back*"} {
		if err := f.Exclude(p); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := walked(t, Options{Sources: []Source{{Dir: dir}}, Filter: f}), []string{"d/", "ok"}; !slices.Equal(got, want) {
		t.Errorf("with the names excluded: got %q, want %q", got, want)
	}
}

func TestBadNamesLeftOut(t *testing.T) {
	dir := t.TempDir()
	makeTree(t, dir, []string{"ok", "new\nline", "d/con", "d/f", "dots./x", "dots./y", "back\\slash"})
	var unfit []Unfit
	got := walked(t, Options{Sources: []Source{{Dir: dir}}, Unfit: func(u Unfit) { unfit = append(unfit, u) }})
	if want := []string{"d/", "d/f", "ok"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	want := []Unfit{
		{filepath.Join(dir, "back\\slash"), "backslash"}, {filepath.Join(dir, "d/con"), "a device name of Windows"},
		{filepath.Join(dir, "dots."), "a component ends in a dot"}, {filepath.Join(dir, "new\nline"), "control byte 0x0a"},
	}
	if !slices.Equal(unfit, want) {
		t.Errorf("left out %q, want %q", unfit, want)
	}
}

func TestManyBadNames(t *testing.T) {
	dir := t.TempDir()
	var paths []string
	for i := range 30 {
		paths = append(paths, fmt.Sprintf("bad%02d./f", i))
	}
	makeTree(t, dir, paths)
	_, err := Walk(t.Context(), Options{Sources: []Source{{Dir: dir}}})
	var unfit *UnfitError
	if !errors.As(err, &unfit) || unfit.Total != 30 || len(unfit.Unfit) != maxUnfit || !strings.HasSuffix(err.Error(), " and 10 more") {
		t.Errorf("got %v", err)
	}
}

func TestNoSuchDirectory(t *testing.T) {
	dir := t.TempDir()
	makeTree(t, dir, []string{"file"})
	for kind, open := range openers() {
		for _, name := range []string{"absent", "file"} {
			_, err := Walk(t.Context(), Options{Sources: []Source{{Dir: filepath.Join(dir, name)}}, openRoot: open})
			if err == nil || !strings.Contains(err.Error(), filepath.Join(dir, name)) {
				t.Errorf("%s: %s: got %v", kind, name, err)
			}
		}
	}
}

func TestSourceMayBeALink(t *testing.T) {
	dir := t.TempDir()
	makeTree(t, dir, []string{"real/x"})
	if err := os.Symlink("real", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if got := walked(t, Options{Sources: []Source{{Dir: filepath.Join(dir, "link")}}}); !slices.Equal(got, []string{"x"}) {
		t.Errorf("got %q", got)
	}
}

func TestCancelled(t *testing.T) {
	dir := t.TempDir()
	makeTree(t, dir, []string{"d/x"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Walk(ctx, Options{Sources: []Source{{Dir: dir}}}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	dir := t.TempDir()
	for _, o := range []Options{
		{Sources: []Source{{Dir: dir}, {Dir: dir}}, Files: []string{"a"}},
		{Sources: []Source{{Dir: dir, Globs: []string{"*"}}}, Files: []string{"a"}},
		{Sources: []Source{{Dir: dir}}, Shape: Shape{Strip: -1}},
	} {
		if _, err := Walk(t.Context(), o); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
}
