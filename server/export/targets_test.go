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
