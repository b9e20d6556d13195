//go:build linux

package walk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pubsync/pubsync/sync/manifest"
)

func buildTree() []string {
	return []string{
		"tmp/deploy/images/a.img", "tmp/deploy/images/b.img", "tmp/deploy/images/a.txt", "tmp/deploy/deb/x/y.deb",
		"tmp/work/huge.o", "src/main.c", "README", "odd[1].img", "{c}.txt", "[x", "src/[x/y", "empty/",
	}
}

func TestGlobsAndShape(t *testing.T) {
	dir := t.TempDir()
	makeTree(t, dir, buildTree())
	for _, c := range []struct {
		name  string
		globs []string
		shape Shape
		want  []string
	}{
		{"file", []string{"README"}, Shape{}, []string{"README"}},
		{"star", []string{"tmp/deploy/images/*.img"}, Shape{Strip: 3}, []string{"a.img", "b.img"}},
		{"parents come along", []string{"tmp/*/images/a.img"}, Shape{}, []string{"tmp/", "tmp/deploy/", "tmp/deploy/images/", "tmp/deploy/images/a.img"}},
		{"double star", []string{"**/*.deb"}, Shape{Strip: 2}, []string{"deb/", "deb/x/", "deb/x/y.deb"}},
		{"double star in the middle", []string{"tmp/**/y.deb"}, Shape{Strip: 4}, []string{"y.deb"}},
		{"directory", []string{"tmp/deploy/images"}, Shape{Strip: 2}, []string{"images/", "images/a.img", "images/a.txt", "images/b.img"}},
		{"directory with slash", []string{"src/"}, Shape{Exclude: []string{"y"}}, []string{"src/", "src/[x/", "src/main.c"}},
		{"braces", []string{"tmp/{deploy/images,work}/*.{img,o}"}, Shape{Flatten: true}, []string{"a.img", "b.img", "huge.o"}},
		{"class", []string{"tmp/deploy/images/[a].???"}, Shape{Flatten: true}, []string{"a.img", "a.txt"}},
		{"names that look like globs", []string{"odd[1].img", "{c}.txt", "[x"}, Shape{}, []string{"[x", "odd[1].img", "{c}.txt"}},
		{"below a name that is no glob", []string{"src/[x/y"}, Shape{Strip: 2}, []string{"y"}},
		{"dot", []string{"."}, Shape{Include: []string{"*.c"}}, []string{"src/", "src/main.c"}},
		{"overlap", []string{"tmp/deploy", "tmp/deploy/images/a.img"}, Shape{Include: []string{"a.img"}, Flatten: true}, []string{"a.img"}},
		{"include by path", nil, Shape{Include: []string{"tmp/deploy/images/*.txt"}}, []string{"tmp/", "tmp/deploy/", "tmp/deploy/images/", "tmp/deploy/images/a.txt"}},
		{"include a directory", nil, Shape{Include: []string{"deb", "empty"}, Strip: 0}, []string{"empty/", "tmp/", "tmp/deploy/", "tmp/deploy/deb/", "tmp/deploy/deb/x/", "tmp/deploy/deb/x/y.deb"}},
		{"exclude a directory", []string{"tmp"}, Shape{Exclude: []string{"tmp/work", "images", "deb"}}, []string{"tmp/", "tmp/deploy/"}},
		{"include nothing", nil, Shape{Include: []string{"*.none"}}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := walked(t, Options{Sources: []Source{{Dir: dir, Globs: c.globs}}, Shape: c.shape})
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q\nwant %q", got, c.want)
			}
		})
	}
}

// TestGlobsReadNoMoreThanNeeded counts the directories opened.
func TestGlobsReadNoMoreThanNeeded(t *testing.T) {
	for glob, want := range map[string]int{
		"directory-0001/*.go":                                      2,
		"directory-0001/source-file-0001.go":                       2,
		"directory-000[12]/x*":                                     3,
		"directory-0001":                                           2,
		"*/source-file-0001.go":                                    11,
		"{directory-0001,directory-0002}/source-file-0001.go":      3,
		"other-file*":                                              1,
		"directory-0001/source-file-0001.go/further/than/anything": 2,
	} {
		r := nested(10, 3)
		opened := 0
		inner := r.list
		r.list = func(rel string, l *listing) {
			opened++
			inner(rel, l)
		}
		tree, err := Walk(t.Context(), Options{Sources: []Source{{Dir: ".", Globs: []string{glob}}}, openRoot: r.opener(), Parallel: 1})
		if err == nil {
			tree.Close()
		} else if !errors.Is(err, ErrNoMatch) {
			t.Fatal(err)
		}
		if opened != want {
			t.Errorf("%s: %d directories read, want %d", glob, opened, want)
		}
	}
}

func TestStripLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	makeTree(t, dir, []string{"d/f", "top"})
	_, err := Walk(t.Context(), Options{Sources: []Source{{Dir: dir}}, Shape: Shape{Strip: 1}})
	if !errors.Is(err, ErrStripped) || !strings.Contains(err.Error(), "top") {
		t.Errorf("got %v", err)
	}
}

func TestStripBringsABadNameToTheFront(t *testing.T) {
	dir := t.TempDir()
	makeTree(t, dir, []string{"d/c:/f"})
	if got := walked(t, Options{Sources: []Source{{Dir: dir}}}); !slices.Contains(got, "d/c:/f") {
		t.Errorf("got %q", got)
	}
	_, err := Walk(t.Context(), Options{Sources: []Source{{Dir: dir}}, Shape: Shape{Strip: 1}})
	if !errors.Is(err, manifest.ErrBadPath) || !strings.Contains(err.Error(), "d/c:") {
		t.Errorf("got %v", err)
	}
}

func TestFlattenedNamesClash(t *testing.T) {
	dir := t.TempDir()
	makeTree(t, dir, []string{"d/f", "e/f"})
	_, err := Walk(t.Context(), Options{Sources: []Source{{Dir: dir}}, Shape: Shape{Flatten: true}})
	if !errors.Is(err, ErrDuplicate) || !strings.Contains(err.Error(), "d/f") || !strings.Contains(err.Error(), "e/f") {
		t.Errorf("got %v", err)
	}
}

func TestStrippedTreeOpens(t *testing.T) {
	dir := t.TempDir()
	makeTree(t, dir, []string{"bad./f", "bad./d/g"})
	tree, err := Walk(t.Context(), Options{Sources: []Source{{Dir: dir}}, Shape: Shape{Strip: 1}})
	if err != nil {
		t.Fatal(err) // the bad name was stripped
	}
	defer tree.Close()
	i, ok := tree.Entries.Find("d/g")
	if !ok {
		t.Fatalf("got %q", names(tree.Entries))
	}
	f, err := tree.Open(i)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if got, want := tree.Local(i), filepath.Join(dir, "bad./d/g"); got != want {
		t.Errorf("local path %q, want %q", got, want)
	}
}

func TestNoMatch(t *testing.T) {
	dir := t.TempDir()
	makeTree(t, dir, []string{"f"})
	_, err := Walk(t.Context(), Options{Sources: []Source{{Dir: dir, Globs: []string{"f", "*.deb"}}}})
	if !errors.Is(err, ErrNoMatch) || !strings.Contains(err.Error(), "*.deb") {
		t.Errorf("got %v", err)
	}
}

func TestBadPatterns(t *testing.T) {
	dir := t.TempDir()
	for _, o := range []Options{
		{Shape: Shape{Include: []string{"[a"}}},
		{Shape: Shape{Exclude: []string{"{a"}}},
		{Shape: Shape{Include: []string{""}}},
		{Shape: Shape{Include: []string{"../x"}}},
		{Sources: []Source{{Globs: []string{"/etc/passwd"}}}},
		{Sources: []Source{{Globs: []string{""}}}},
	} {
		if len(o.Sources) == 0 {
			o.Sources = make([]Source, 1)
		}
		o.Sources[0].Dir = dir
		if _, err := Walk(t.Context(), o); !errors.Is(err, ErrPattern) {
			t.Errorf("%+v: got %v", o, err)
		}
	}
	var f Filter
	for _, p := range []string{"- ", "+ ", "a\x00b"} {
		if err := f.Exclude(p); !errors.Is(err, ErrPattern) {
			t.Errorf("%q: got %v", p, err)
		}
	}
}

func TestFilesFromRefusals(t *testing.T) {
	dir := t.TempDir()
	makeTree(t, dir, []string{"d/f", "f"})
	if err := os.Symlink("d", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		is   error
	}{
		{"absent", fs.ErrNotExist},
		{"absent/f", fs.ErrNotExist},
		{"../x", manifest.ErrBadPath},
		{"d/../../x", manifest.ErrBadPath},
		{"f/", nil},
		{"link/f", nil},
		{"link/", nil},
	} {
		for kind, open := range openers() {
			_, err := Walk(t.Context(), Options{Sources: []Source{{Dir: dir}}, Files: []string{c.name}, openRoot: open})
			if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), strings.Trim(c.name, "/")) {
				t.Errorf("%s, %s: got %v", kind, c.name, err)
			}
		}
	}
	if got := walked(t, Options{Sources: []Source{{Dir: dir}}, Files: []string{}}); len(got) != 0 {
		t.Errorf("an empty list took %q", got)
	}
	if got := walked(t, Options{Sources: []Source{{Dir: dir}}, Files: []string{"d/f"}, Shape: Shape{Exclude: []string{"d"}}}); len(got) != 0 {
		t.Errorf("an excluded directory gave %q", got)
	}
}

func TestReadNames(t *testing.T) {
	for _, c := range []struct {
		text string
		nul  bool
		want []string
	}{
		{"", false, []string{}},
		{"a\nb c\r\n\n#x\n;y\nd", false, []string{"a", "b c", "d"}},
		{"a\nb\x00\x00#x\x00c\r", true, []string{"a\nb", "c\r"}},
	} {
		got, err := ReadNames(strings.NewReader(c.text), c.nul)
		if err != nil || got == nil || !slices.Equal(got, c.want) {
			t.Errorf("%q: got %q, %v", c.text, got, err)
		}
	}
	if _, err := ReadNames(endless{}, false); err == nil {
		t.Error("an endless list was read")
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestGlobSources(t *testing.T) {
	got, err := GlobSources("work", []string{"*.img", "./out//x", "../other/*.deb", "/abs/[a]*", "..", "../more", "/"})
	if err != nil {
		t.Fatal(err)
	}
	want := []Source{
		{Dir: "work", Globs: []string{"*.img", "out/x"}},
		{Dir: ".", Globs: []string{"other/*.deb", ".", "more"}},
		{Dir: "/", Globs: []string{"abs/[a]*", "."}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if _, err := GlobSources("", []string{""}); !errors.Is(err, ErrPattern) {
		t.Errorf("got %v", err)
	}
}
