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
