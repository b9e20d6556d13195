package export

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

var (
	long  = strings.Repeat("long ", 100)
	other = strings.Repeat("other ", 100)
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

func TestExportIsExact(t *testing.T) {
	s := newFake(t)
	s.publish(
		s.hold("rel/1/a+b:c", long, 0o644, time.Hour), s.hold("rel/1/d/same", long, 0o600, 0), s.hold("rel/1/d/x.sh", "#!", 0o755, 3),
		s.hold("rel/1/\xff\xfe name%2e", "bytes", 0o400, 5*time.Minute), s.hold("rel/1/empty", "", 0o666, 0),
		dir("rel/1/void", 0o700), dir("rel/1/closed", 0o555), s.hold("rel/1/closed/f", other, 0o444, 1),
		s.hold("rel/1/closed-by", "sorts between", 0o644, 0), s.hold("rel/1/old", "before the epoch", 0o644, 100*365*24*time.Hour),
		link("rel/1/l", "d/x.sh"), link("rel/1/dangling", "no/where"), link("rel/1/loop", "loop"), s.hold("elsewhere", "no", 0o644, 0),
	)
	x, _ := newExporter(t, s, Config{Targets: []manifest.Path{"rel/1"}})
	rep := syncOK(t, x)
	if diff := cmp.Diff(below(s.tree, "rel/1"), onDisk(t, x.Path("rel/1"))); diff != "" {
		t.Error(diff)
	}
	if rep.Targets != 1 || len(rep.Omitted) != 0 {
		t.Errorf("%+v", rep)
	}
	if fi, err := os.Stat(x.Path("rel/1")); err != nil || fi.ModTime().UnixNano() != dir("", 0).MTime {
		t.Errorf("the target itself: %v, %v", fi, err)
	}
	if _, err := os.Lstat(x.Path("elsewhere")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what is not in a target: %v", err)
	}
	opened := s.opened
	if rep := syncOK(t, x); rep.Targets != 0 || s.opened != opened {
		t.Errorf("nothing changed: %+v, %d blobs opened", rep, s.opened-opened)
	}
}

func stat(t *testing.T, name string) fs.FileInfo {
	t.Helper()
	fi, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	return fi
}

// What did not change shares its inode with the version before, moved or not;
// what changed, be it only in mode or mtime, must not.
func TestIncremental(t *testing.T) {
	s := newFake(t)
	s.publish(s.hold("t/keep", long, 0o644, 0), s.hold("t/moved", other, 0o644, 0), s.hold("t/mode", "m", 0o644, 0),
		s.hold("t/time", "t", 0o644, 0), s.hold("t/content", "1", 0o644, 0))
	x, _ := newExporter(t, s, Config{Targets: []manifest.Path{"t"}, Grace: time.Hour})
	syncOK(t, x)
	before, err := filepath.EvalSymlinks(x.Path("t"))
	if err != nil {
		t.Fatal(err)
	}
	was := onDisk(t, before)
	s.publish(s.hold("t/keep", long, 0o644, 0), s.hold("t/here/moved", other, 0o644, 0), s.hold("t/mode", "m", 0o600, 0),
		s.hold("t/time", "t", 0o644, 1), s.hold("t/content", "2", 0o644, 0))
	rep := syncOK(t, x)
	if rep.Same != 2 || rep.Copied+rep.Cloned != 3 {
		t.Errorf("%+v", rep)
	}
	if diff := cmp.Diff(below(s.tree, "t"), onDisk(t, x.Path("t"))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(was, onDisk(t, before)); diff != "" {
		t.Errorf("the version before has changed: %s", diff)
	}
	for old, now := range map[string]string{"keep": "keep", "moved": "here/moved"} {
		if !os.SameFile(stat(t, filepath.Join(before, old)), stat(t, filepath.Join(x.Path("t"), now))) {
			t.Errorf("%s was not linked", now)
		}
	}
	// A file that somebody has changed in place is not handed on, and a
	// rebuild hands nothing on.
	if err := os.Truncate(filepath.Join(x.Path("t"), "content"), 0); err != nil {
		t.Fatal(err)
	}
	s.publish(append(below(s.tree, ""), s.hold("t/new", "n", 0o644, 0))...)
	if rep := syncOK(t, x); rep.Same != 4 {
		t.Errorf("%+v", rep)
	}
	if diff := cmp.Diff(below(s.tree, "t"), onDisk(t, x.Path("t"))); diff != "" {
		t.Error(diff)
	}
	kept := stat(t, filepath.Join(x.Path("t"), "keep"))
	if rep, err := x.Rebuild(context.Background()); err != nil || rep.Same != 0 || rep.Targets != 1 {
		t.Errorf("rebuild: %+v, %v", rep, err)
	}
	if os.SameFile(kept, stat(t, filepath.Join(x.Path("t"), "keep"))) {
		t.Error("a rebuild has linked what was there")
	}
}

// A blob's own file is linked only where its one mode and mtime can be right.
func TestBlobLinks(t *testing.T) {
	s := newFake(t)
	s.publish(s.hold("t/a", long, 0o644, time.Hour), s.hold("t/b", long, 0o644, time.Hour), s.hold("t/later", long, 0o644, 0),
		s.hold("t/w", other, 0o755, 0), s.hold("t/small", "s", 0o644, 0), s.hold("u/a", long, 0o666, time.Hour), s.hold("u/z", long, 0o600, time.Hour))
	targets := []manifest.Path{"t", "u"}
	plain, _ := newExporter(t, s, Config{Targets: targets})
	syncOK(t, plain)
	blob := func(content string) fs.FileInfo { return stat(t, s.blobs[manifest.DigestOf([]byte(content))].file) }
	for _, name := range []string{"t/a", "t/b", "t/later", "t/w", "u/a"} {
		if fi := stat(t, plain.Path(manifest.Path(name))); os.SameFile(fi, blob(long)) || os.SameFile(fi, blob(other)) {
			t.Errorf("%s is writable and linked to the store", name)
		}
	}
	x, _ := newExporter(t, s, Config{Targets: targets, ReadOnly: true, Dir: filepath.Join(filepath.Dir(s.dir), "export")})
	rep := syncOK(t, x)
	want := map[string]bool{"t/a": true, "t/b": true, "t/later": false, "t/w": true, "t/small": false, "u/a": true, "u/z": false}
	for name, linked := range want {
		fi := stat(t, x.Path(manifest.Path(name)))
		if got := os.SameFile(fi, blob(long)) || os.SameFile(fi, blob(other)); got != linked {
			t.Errorf("%s: linked %v, want %v", name, got, linked)
		}
		if fi.Mode()&writeBits != 0 {
			t.Errorf("%s: mode %v", name, fi.Mode())
		}
	}
	if rep.Linked != 3 || rep.Same != 1 || rep.Copied+rep.Cloned != 3 {
		t.Errorf("%+v", rep)
	}
	for _, target := range targets {
		l := below(s.tree, target)
		for i := range l {
			if l[i].Kind == manifest.File {
				l[i].Mode &^= writeBits
			}
		}
		if diff := cmp.Diff(l, onDisk(t, x.Path(target))); diff != "" {
			t.Error(diff)
		}
	}
	// The store's content is untouched when the export goes.
	s.publish()
	syncOK(t, x)
	for content := range map[string]bool{long: true, other: true} {
		if b, err := os.ReadFile(s.blobs[manifest.DigestOf([]byte(content))].file); err != nil || string(b) != content {
			t.Errorf("blob: %v", err)
		}
	}
}

func TestSetIDBitsAreDropped(t *testing.T) {
	s := newFake(t)
	s.publish(s.hold("t/su", "#!", 0o4755, 0), s.hold("t/sg", "#!", 0o2755, 0), dir("t/d", 0o2775), dir("t/sticky", 0o1777))
	x, _ := newExporter(t, s, Config{Targets: []manifest.Path{"t"}})
	syncOK(t, x)
	for name, want := range map[string]fs.FileMode{
		"su": 0o755, "sg": 0o755, "d": fs.ModeDir | 0o775, "sticky": fs.ModeDir | fs.ModeSticky | 0o777,
	} {
		if got := stat(t, filepath.Join(x.Path("t"), name)).Mode(); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

func TestLinksThatLeadOut(t *testing.T) {
	s := newFake(t)
	out := map[string]string{
		"abs": "/etc/passwd", "up": "../../secret", "d/up": "../../x", "via": "d/../../x", "hop": "e/../../x", "e": "d/deep",
		"d/deep/out": "../../../x", "toout": "abs", "long": strings.Repeat("d/../", 600) + "../x",
	}
	in := map[string]string{"e": "d/deep", "d/in": "../f", "loop": "loop", "dangling": "none/../../../x", "here": "."}
	entries := []manifest.Entry{s.hold("t/f", "f", 0o644, 0), dir("t/d/deep", 0o755)}
	for name, to := range out {
		entries = append(entries, link("t/"+name, to))
	}
	for name, to := range in {
		entries = append(entries, link("t/"+name, to))
	}
	delete(out, "e")   // d/deep is inside
	delete(out, "hop") // and so is d/deep/../../x
	s.publish(entries...)
	x, _ := newExporter(t, s, Config{Targets: []manifest.Path{"t"}})
	rep := syncOK(t, x)
	got := onDisk(t, x.Path("t"))
	for name := range out {
		if _, ok := got.Find(manifest.Path(name)); ok {
			t.Errorf("%s -> %s was exported", name, out[name])
		}
	}
	for name := range in {
		if _, ok := got.Find(manifest.Path(name)); !ok {
			t.Errorf("%s -> %s was left out", name, in[name])
		}
	}
	if len(rep.Omitted) != len(out) {
		t.Errorf("omitted %q", rep.Omitted)
	}
	keep, _ := newExporter(t, s, Config{Targets: []manifest.Path{"t"}, Outside: Keep})
	syncOK(t, keep)
	if diff := cmp.Diff(below(s.tree, "t"), onDisk(t, keep.Path("t"))); diff != "" {
		t.Error(diff)
	}
	refuse, _ := newExporter(t, s, Config{Targets: []manifest.Path{"t"}, Outside: Refuse})
	if _, err := refuse.Sync(context.Background()); !errors.Is(err, ErrLeadsOut) {
		t.Errorf("refuse: %v", err)
	}
	if _, err := os.Lstat(refuse.Path("t")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("refuse: %v", err)
	}
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

func TestGrace(t *testing.T) {
	s := newFake(t)
	x, clk := newExporter(t, s, Config{Targets: []manifest.Path{"a/t"}, Grace: time.Hour})
	step := func(d time.Duration, want ...string) {
		t.Helper()
		clk.now = clk.now.Add(d)
		syncOK(t, x)
		if diff := cmp.Diff(want, versions(t, x, "a/t")); diff != "" {
			t.Fatal(diff)
		}
	}
	s.publish(s.hold("a/t/f", "1", 0o644, 0), dir("a/t/closed", 0o000), s.hold("a/t/closed/d/f", "x", 0o400, 0))
	step(0, "1", "1.list", "target")
	step(100*time.Hour, "1", "1.list", "target") // the current one stays
	s.publish(s.hold("a/t/f", "2", 0o644, 0))
	step(0, "1", "1.list", "2", "2.list", "target")
	s.publish(s.hold("a/t/f", "3", 0o644, 0))
	step(59*time.Minute, "1", "1.list", "2", "2.list", "3", "3.list", "target")
	step(time.Minute, "2", "2.list", "3", "3.list", "target")
	step(59*time.Minute, "3", "3.list", "target")
	s.publish()
	step(0, "3", "3.list", "target")
	if _, err := os.Lstat(filepath.Join(x.cfg.Dir, "a")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a target that is gone: %v", err)
	}
	step(time.Hour)
}

func TestTargetsChange(t *testing.T) {
	for _, bad := range [][]manifest.Path{{"a", "a/b"}, {"a/b", "a"}, {"a", "a"}, {".versions"}, {".versions/x"}, {""}, {"../x"}, {"/x"}} {
		if _, err := New(Config{Dir: t.TempDir(), Targets: bad}); !errors.Is(err, ErrBadTarget) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	s := newFake(t)
	s.publish(s.hold("a/b/f", "1", 0o644, 0), s.hold("a/bc/f", "2", 0o644, 0), s.hold("file", "3", 0o644, 0))
	x, clk := newExporter(t, s, Config{Targets: []manifest.Path{"a"}, Grace: time.Hour})
	syncOK(t, x)
	for _, next := range [][]manifest.Path{{"a/b", "a/bc"}, {"a"}, {"a/bc"}, {"a/b"}, {"a"}} {
		if err := x.SetTargets(next); err != nil {
			t.Fatal(err)
		}
		syncOK(t, x)
		for _, target := range next {
			if diff := cmp.Diff(below(s.tree, target), onDisk(t, x.Path(target))); diff != "" {
				t.Errorf("%q: %s", next, diff)
			}
		}
		for _, target := range []manifest.Path{"a", "a/b", "a/bc"} {
			fi, err := os.Lstat(x.Path(target))
			isLink := err == nil && fi.Mode()&fs.ModeSymlink != 0
			if want := contains(next, target); isLink != want && !(len(next) == 1 && next[0] == "a") {
				t.Errorf("%q: %q is a link: %v", next, target, isLink)
			}
		}
	}
	clk.now = clk.now.Add(time.Hour)
	syncOK(t, x)
	for _, target := range []manifest.Path{"a/b", "a/bc"} {
		if got := versions(t, x, target); got != nil {
			t.Errorf("%q still has %q", target, got)
		}
	}
	if err := x.SetTargets([]manifest.Path{"file", "a"}); err != nil {
		t.Fatal(err)
	}
	if _, err := x.Sync(context.Background()); !errors.Is(err, ErrBadTarget) || !strings.Contains(err.Error(), `"file"`) {
		t.Errorf("a file as a target: %v", err)
	}
}

func contains(l []manifest.Path, p manifest.Path) bool {
	for _, q := range l {
		if p == q {
			return true
		}
	}
	return false
}

// What is in the way and not ours is never replaced.
func TestForeignThingsStay(t *testing.T) {
	s := newFake(t)
	s.publish(s.hold("d/f", "1", 0o644, 0), s.hold("l/f", "1", 0o644, 0), s.hold("p/q/f", "1", 0o644, 0),
		s.hold("i/q/f", "1", 0o644, 0), s.hold("k/f", "1", 0o644, 0))
	x, _ := newExporter(t, s, Config{Targets: []manifest.Path{"d", "l", "p/q", "i/q", "k"}})
	outside := t.TempDir()
	for _, err := range []error{
		os.MkdirAll(filepath.Join(x.Path("d"), "mine"), 0o755), os.Symlink(outside, x.Path("l")), os.Symlink(outside, x.Path("p")),
		os.Symlink("d/mine", x.Path("i")), os.Symlink("d", x.Path("k")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := x.Sync(context.Background())
	for _, target := range []string{`"d"`, `"l"`, `"p/q"`, `"i/q"`, `"k"`} {
		if err == nil || !strings.Contains(err.Error(), target) {
			t.Errorf("%s: %v", target, err)
		}
	}
	if all, err := os.ReadDir(filepath.Join(x.Path("d"), "mine")); err != nil || len(all) != 0 {
		t.Errorf("what was there: %v %v", all, err)
	}
	if all, err := os.ReadDir(outside); err != nil || len(all) != 0 {
		t.Errorf("outside: %v %v", all, err)
	}
}

// Whatever a failed or killed export has left, the next one is right.
func TestAfterACrash(t *testing.T) {
	s := newFake(t)
	s.publish(s.hold("t/a", "1", 0o644, 0), s.hold("t/b", long, 0o644, 0))
	x, _ := newExporter(t, s, Config{Targets: []manifest.Path{"t"}, Grace: time.Hour})
	syncOK(t, x)
	good := onDisk(t, x.Path("t"))

	// Fail at every blob in turn.
	s.publish(s.hold("t/a", "2", 0o644, 0), s.hold("t/b", other, 0o644, 0), s.hold("t/c", "3", 0o644, 0))
	for fail := range 3 {
		ctx, cancel := context.WithCancel(context.Background())
		n := 0
		s.onOpen = func() {
			if n++; n > fail {
				cancel()
			}
		}
		if _, err := x.Sync(ctx); fail < 2 && !errors.Is(err, context.Canceled) {
			t.Fatalf("cancelled at blob %d: %v", fail, err)
		}
		cancel()
		if fail < 2 {
			if diff := cmp.Diff(good, onDisk(t, x.Path("t"))); diff != "" {
				t.Errorf("cancelled at blob %d: %s", fail, diff)
			}
		}
	}
	s.onOpen = nil

	// Left-overs of a kill at every step.
	at := filepath.Join(x.cfg.Dir, home("t"))
	s.publish(s.hold("t/a", "4", 0o644, 0))
	for _, err := range []error{
		os.MkdirAll(filepath.Join(at, "part", "sub", "sub"), 0o755), os.WriteFile(filepath.Join(at, "part", "sub", "f"), nil, 0o644),
		os.Chmod(filepath.Join(at, "part", "sub"), 0o500), os.Symlink("nowhere", filepath.Join(at, "link")),
		os.WriteFile(filepath.Join(at, "3.list"), []byte("cut"), 0o644), os.Mkdir(filepath.Join(at, "3"), 0o755),
		os.WriteFile(filepath.Join(at, "99.list"), []byte("of nothing"), 0o644), os.Mkdir(filepath.Join(at, "98"), 0o755),
		os.MkdirAll(filepath.Join(x.cfg.Dir, versionsDir, "0123456789abcdef"), 0o755),
		os.WriteFile(filepath.Join(at, "2.list"), []byte("cut short"), 0o644),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	syncOK(t, x)
	if diff := cmp.Diff(below(s.tree, "t"), onDisk(t, x.Path("t"))); diff != "" {
		t.Error(diff)
	}
	for _, gone := range []string{"part", "link", "98", "99.list"} {
		if _, err := os.Lstat(filepath.Join(at, gone)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", gone, err)
		}
	}
}

// Damaged content never gets into an export; the version before stays.
func TestDamage(t *testing.T) {
	s := newFake(t)
	s.publish(s.hold("t/f", "good", 0o644, 0), s.hold("u/f", "1", 0o644, 0))
	x, _ := newExporter(t, s, Config{Targets: []manifest.Path{"t", "u"}})
	syncOK(t, x)
	bad, worse := s.hold("t/g", "will rot", 0o644, 0), s.hold("t/g", "will be cut", 0o644, 0)
	s.blobs[bad.Digest].data = []byte("has rot.")
	s.blobs[worse.Digest].data = []byte("will")
	for i, e := range []manifest.Entry{bad, worse} {
		u := s.hold("u/f", fmt.Sprint("new", i), 0o644, 0)
		s.publish(s.hold("t/f", "good", 0o644, 0), e, u)
		if _, err := x.Sync(context.Background()); !errors.Is(err, store.ErrDamaged) || !strings.Contains(err.Error(), `"t"`) {
			t.Errorf("%v", err)
		}
		if l := onDisk(t, x.Path("t")); len(l) != 1 {
			t.Errorf("%v", l)
		}
		if l := onDisk(t, x.Path("u")); len(l) != 1 || l[0].Digest != u.Digest {
			t.Errorf("the other target was not brought up: %v", l)
		}
	}
}

// Nor does a blob whose file has lost its end, even where it would be linked.
func TestCutBlobIsNotLinked(t *testing.T) {
	s := newFake(t)
	e := s.hold("t/f", long, 0o444, 0)
	b := s.blobs[e.Digest]
	b.data = b.data[:10]
	if err := os.Truncate(b.file, 10); err != nil {
		t.Fatal(err)
	}
	s.publish(e)
	x, _ := newExporter(t, s, Config{Targets: []manifest.Path{"t"}})
	if _, err := x.Sync(context.Background()); !errors.Is(err, store.ErrDamaged) {
		t.Error(err)
	}
}

// An empty target is a version like any other.
func TestEmptyTarget(t *testing.T) {
	s := newFake(t)
	s.publish(dir("t", 0o755))
	x, _ := newExporter(t, s, Config{Targets: []manifest.Path{"t"}, Grace: time.Hour})
	for want := 1; want >= 0; want-- {
		if rep := syncOK(t, x); rep.Targets != want {
			t.Errorf("%+v, want %d targets", rep, want)
		}
	}
}

// A reader that enters the target sees one version, whole, at any instant.
func TestReadersSeeOneVersion(t *testing.T) {
	s := newFake(t)
	names := []string{"a", "m/n", "z"}
	publish := func(i int) {
		var l []manifest.Entry
		for _, name := range names {
			l = append(l, s.hold("t/"+name, fmt.Sprint(i), 0o644, 0))
		}
		s.publish(l...)
	}
	x, _ := newExporter(t, s, Config{Targets: []manifest.Path{"t"}, Grace: time.Hour})
	publish(0)
	syncOK(t, x)
	done, problem := make(chan struct{}), make(chan error, 1)
	go func() {
		defer close(problem)
		for rounds := 0; ; rounds++ {
			select {
			case <-done:
				return
			default:
			}
			if err := readOnce(x.Path("t"), names); err != nil {
				problem <- fmt.Errorf("round %d: %w", rounds, err)
				return
			}
		}
	}()
	for i := 1; i <= 30; i++ {
		publish(i)
		syncOK(t, x)
	}
	close(done)
	if err := <-problem; err != nil {
		t.Error(err)
	}
}

func readOnce(dir string, names []string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	var first []byte
	for i, name := range names {
		b, err := root.ReadFile(name)
		if err != nil {
			return err
		}
		if i == 0 {
			first = b
		}
		if string(b) != string(first) {
			return fmt.Errorf("%q and %q", first, b)
		}
	}
	return nil
}

func TestRun(t *testing.T) {
	s := newFake(t)
	s.publish(s.hold("t/f", "1", 0o644, 0))
	tick := make(chan time.Time)
	pauses := make(chan time.Duration, 3)
	x, _ := newExporter(t, s, Config{Targets: []manifest.Path{"t"}, Grace: time.Hour,
		After: func(d time.Duration) <-chan time.Time { pauses <- d; return tick }})
	ctx, cancel := context.WithCancel(context.Background())
	changed, reports, ended := make(chan struct{}), make(chan Report), make(chan struct{})
	go func() {
		defer close(ended)
		x.Run(ctx, changed, func(r Report, err error) {
			if err != nil {
				t.Error(err)
			}
			reports <- r
		})
	}()
	if r := <-reports; r.Targets != 1 {
		t.Errorf("at once: %+v", r)
	}
	s.publish(s.hold("t/f", "2", 0o644, 0))
	changed <- struct{}{}
	if r := <-reports; r.Targets != 1 {
		t.Errorf("when told: %+v", r)
	}
	tick <- epoch
	if r, pause := <-reports, <-pauses; r.Targets != 0 || pause != time.Hour {
		t.Errorf("after %v: %+v", pause, r)
	}
	cancel()
	<-ended
}
