package export

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pubsync/pubsync/sync/manifest"
)

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
