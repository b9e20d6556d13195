package export

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pubsync/pubsync/sync/manifest"
)

// An alias within a target is a link in its export; one that is a target itself
// shows what it leads to, whole, and moves by one rename.
func TestAliases(t *testing.T) {
	s := newFake(t)
	one, two := s.hold("p/1/f", "one", 0o644, 0), s.hold("p/2/f", "two", 0o644, 0)
	s.publish(one, link("p/latest", "1"))
	x, _ := newExporter(t, s, Config{Targets: []manifest.Path{"p/latest"}, Grace: time.Hour})
	line, _ := newExporter(t, s, Config{Targets: []manifest.Path{"p"}})
	read := func(x *Exporter, want string) {
		t.Helper()
		syncOK(t, x)
		if got, err := os.ReadFile(filepath.Join(x.Path("p/latest"), "f")); err != nil || string(got) != want {
			t.Errorf("latest/f: %q, %v; want %q", got, err, want)
		}
	}
	read(x, "one")
	read(line, "one")
	s.publish(one, two, link("p/latest", "2"))
	held, err := os.Open(x.Path("p/latest"))
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	read(x, "two")
	read(line, "two")
	if diff := cmp.Diff(below(s.tree, "p"), onDisk(t, line.Path("p"))); diff != "" {
		t.Error(diff)
	}
	if to, err := os.Readlink(filepath.Join(line.Path("p"), "latest")); err != nil || to != "2" {
		t.Errorf("the alias in the export of its line leads to %q, %v", to, err)
	}
	s.publish(one)
	syncOK(t, x)
	if _, err := os.Lstat(x.Path("p/latest")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the alias is gone and its export is not: %v", err)
	}
}

// Whoever may publish a link must not choose what is exported.
func TestAliasesThatLeadElsewhere(t *testing.T) {
	for _, to := range []string{"../secret/1", "/secret/1", "..", ".", "loop", "f", "../p/../secret"} {
		s := newFake(t)
		s.publish(s.hold("p/f", "f", 0o644, 0), s.hold("secret/1/f", "secret", 0o644, 0), link("p/latest", to), link("p/loop", "latest"))
		x, _ := newExporter(t, s, Config{Targets: []manifest.Path{"p/latest"}})
		if _, err := x.Sync(context.Background()); !errors.Is(err, ErrBadTarget) {
			t.Errorf("a link to %q: %v", to, err)
		}
	}
}

// Each means is used where it works and no other is.
func TestMeans(t *testing.T) {
	for _, c := range []struct {
		means  Means
		linked int
	}{{Cheapest, 1}, {Hard, 1}, {Reflink, 0}, {Copy, 0}} {
		s := newFake(t)
		s.publish(s.hold("t/big", long, 0o444, 0), s.hold("t/small", "s", 0o444, 0))
		x, _ := newExporter(t, s, Config{Targets: []manifest.Path{"t"}, Means: c.means, Dir: s.dir + "-export"})
		rep := syncOK(t, x)
		if rep.Linked != c.linked || rep.Linked+rep.Cloned+rep.Copied != 2 || c.means == Copy && rep.Copied != 2 {
			t.Errorf("means %d: %+v", c.means, rep)
		}
	}
}
