package build_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pubsync/pubsync/server/build"
	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/server/store/disk"
	"github.com/pubsync/pubsync/sync/manifest"
)

// kit is a store with builds in it, a day of publications each.
type kit struct {
	*testing.T
	store.Store
	now time.Time
}

func newKit(t *testing.T) *kit {
	s, err := disk.Open(t.Context(), disk.Options{Dir: t.TempDir(), Volatile: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return &kit{t, s, time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)}
}

// publish publishes one file to each target, a day between them.
func (k *kit) publish(targets ...manifest.Path) {
	k.Helper()
	for _, target := range targets {
		k.now = k.now.Add(24 * time.Hour)
		content := string(target) + k.now.String()
		b, err := k.NewBatch("s")
		k.check(err)
		d := manifest.DigestOf([]byte(content))
		k.check(b.Add(d, int64(len(content)), strings.NewReader(content)))
		k.check(b.Commit(k.Context()))
		_, err = k.Commit(k.Context(), store.Commit{Target: target, Overwrite: true, Time: k.now, Entries: manifest.List{
			{Path: "f", Kind: manifest.File, Mode: 0o644, Size: int64(len(content)), Digest: d},
		}})
		k.check(err)
		k.check(k.Release(k.Context(), "s"))
	}
}

func (k *kit) check(err error) {
	k.Helper()
	if err != nil {
		k.Fatal(err)
	}
}

// retain runs retention over a type "p" and returns what went.
func (k *kit) retain(t build.Type, dryRun bool) (gone []string) {
	k.Helper()
	r, err := build.Retain(k.Context(), k.Store, build.Types{"p": t}, build.RetainOptions{Now: k.now, DryRun: dryRun})
	k.check(err)
	for _, x := range r.Removed {
		gone = append(gone, string(x.Target))
	}
	slices.Sort(gone)
	return gone
}

func (k *kit) goes(t build.Type, want ...string) {
	k.Helper()
	for _, dry := range []bool{true, false} {
		if got := k.retain(t, dry); !slices.Equal(got, want) {
			k.Fatalf("dry run %v of %+v: %q went, want %q", dry, t, got, want)
		}
	}
	if got := k.retain(t, false); len(got) > 0 {
		k.Fatalf("once more: %q went", got)
	}
}

func (k *kit) pin(target manifest.Path) {
	k.Helper()
	k.check(k.Update(k.Context(), func(tx store.Tx) error { return build.PutPin(tx, build.Pin{Target: target}) }))
}

func TestBounds(t *testing.T) {
	for _, c := range []struct {
		typ  build.Type
		want []string
	}{
		{build.Type{}, nil},
		{build.Type{KeepBuilds: 2}, []string{"p/1", "p/2"}},
		{build.Type{KeepBuilds: 4}, nil},
		{build.Type{KeepDays: 1}, []string{"p/1", "p/2", "p/3"}},
		{build.Type{KeepDays: 2}, []string{"p/1", "p/2"}},
		{build.Type{KeepDays: 1, KeepBuilds: 3}, []string{"p/1"}},
		{build.Type{KeepDays: 4, KeepBuilds: 1}, nil},
	} {
		k := newKit(t)
		k.publish("p/1", "p/2", "p/3", "p/4", "q/1")
		k.goes(c.typ, c.want...)
	}
}

// A build begun early and published to late is young; lines do not count each
// other's builds; what lies above any build is none.
func TestLines(t *testing.T) {
	k := newKit(t)
	k.publish("p/a/1", "p/a/2", "p/b/1", "p/a/1.x", "p/a/1/part", "p", "p/a")
	k.goes(build.Type{KeepBuilds: 1, Depth: 2}, "p/a/1.x", "p/a/2")
	k.publish("p/a/3")
	k.goes(build.Type{KeepBuilds: 1, Depth: 2}, "p/a/1")
}

func TestPinnedAndShownBuildsStay(t *testing.T) {
	k := newKit(t)
	k.publish("p/1", "p/2", "p/3", "p/4", "p/5", "p/6")
	k.pin("p/2")
	k.pin("p/4/f")
	_, err := k.Commit(k.Context(), store.Commit{Target: "p/3", Time: k.now, Aliases: manifest.List{
		{Path: "p/good", Kind: manifest.Symlink, Mode: 0o777, Link: "1"},
	}})
	k.check(err)
	k.goes(build.Type{KeepBuilds: 1}, "p/5", "p/6")
	k.pin("p")
	k.publish("p/7")
	k.goes(build.Type{KeepBuilds: 1})
	list, err := build.Pins(k.Context(), k.Store, "p")
	k.check(err)
	if len(list) != 3 || list[0].Target != "p" {
		t.Errorf("pins: %v", list)
	}
	k.check(k.Update(k.Context(), func(tx store.Tx) error {
		for _, target := range []manifest.Path{"p", "p/2", "p/4/f"} {
			k.check(build.Unpin(tx, target))
		}
		if err := build.Unpin(tx, "p"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("unpinned twice: %v", err)
		}
		return nil
	}))
	k.goes(build.Type{KeepBuilds: 1}, "p/2", "p/3", "p/4")
}

// publishing has something published to a build between the choice and the
// removal.
type publishing struct {
	store.Store
	before func()
}

func (p publishing) Commit(ctx context.Context, c store.Commit) (store.Publication, error) {
	if p.before != nil {
		p.before()
	}
	return p.Store.Commit(ctx, c)
}

func TestABuildPublishedToMeanwhileStays(t *testing.T) {
	k := newKit(t)
	k.publish("p/1", "p/2")
	s := publishing{k.Store, func() { k.publish("p/1/part") }}
	r, err := build.Retain(t.Context(), s, build.Types{"p": {KeepBuilds: 1}}, build.RetainOptions{Now: k.now})
	k.check(err)
	if len(r.Removed) > 0 {
		t.Errorf("%v went", r.Removed)
	}
	s.before = func() { k.pin("p/2") }
	r, err = build.Retain(t.Context(), s, build.Types{"p": {KeepBuilds: 1, Depth: 1}}, build.RetainOptions{Now: k.now})
	k.check(err)
	if len(r.Removed) > 0 {
		t.Errorf("%v went though pinned meanwhile", r.Removed)
	}
}

// A removal is written down in its transaction: who looks there later knows what
// went and why, and where that cannot be written nothing goes.
func TestRemovalsAreWrittenDown(t *testing.T) {
	k := newKit(t)
	k.publish("p/1", "p/2", "p/3")
	full := errors.New("the log is full")
	types := build.Types{"p": {KeepBuilds: 2, KeepDays: 1}}
	var written []build.Removal
	audit := func(fails error) func(store.Tx, build.Removal) error {
		return func(tx store.Tx, r build.Removal) error {
			written = append(written, r)
			return errors.Join(fails, tx.Put("test", string(r.Target), []byte(r.Why)))
		}
	}
	if _, err := build.Retain(t.Context(), k.Store, types, build.RetainOptions{Now: k.now, Audit: audit(full)}); !errors.Is(err, full) {
		t.Errorf("without a log: %v", err)
	}
	k.goes(build.Type{KeepBuilds: 3}) // all three are there
	written = nil
	r, err := build.Retain(t.Context(), k.Store, types, build.RetainOptions{Now: k.now, Audit: audit(nil)})
	k.check(err)
	if len(written) != 1 || !reflect.DeepEqual(written, r.Removed) {
		t.Fatalf("%+v were written down, %+v went", written, r.Removed)
	}
	w := written[0]
	if w.Target != "p/1" || w.Number != 4 || w.Usage.Files != 1 || w.Usage.Unique == 0 || w.Why != "beyond keep_builds = 2 and keep_days = 1" {
		t.Errorf("written down: %+v", w)
	}
	k.check(k.View(t.Context(), func(tx store.Tx) error {
		_, err := tx.Get("test", "p/1")
		return err
	}))
}

// What retention removed is gone at every version, and its content with the next
// collection; what others replaced can be read for KeepHistory.
func TestHistory(t *testing.T) {
	k := newKit(t)
	k.publish("p/1", "p/2", "p/2", "p/2") // versions 1 to 4
	typ := build.Type{KeepBuilds: 1, KeepHistory: 36 * time.Hour}
	k.goes(typ, "p/1") // by publication 5; two days ago was version 2
	readable := func(target manifest.Path, v store.Version, want bool) {
		t.Helper()
		err := k.Walk(t.Context(), target, v, func(manifest.Entry) error { return nil })
		if (err == nil) != want || err != nil && !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s at %d: %v", target, v, err)
		}
	}
	readable("p/1", 1, false)
	readable("p/2", 2, true) // nothing of it had ended by version 2
	k.now = k.now.Add(24 * time.Hour)
	k.goes(typ)
	readable("p/2", 2, false)
	readable("p/2", 3, true)
	readable("p/2", store.Latest, true)
	c, err := k.Collect(t.Context(), store.CollectOptions{})
	k.check(err)
	if c.Blobs != 2 {
		t.Errorf("%d blobs collected, want those of p/1 and of p/2 as it was first", c.Blobs)
	}
	log, err := k.Log(t.Context(), "p/1", 0, 10)
	k.check(err)
	if len(log) != 2 || !strings.Contains(log[0].Note, build.Note) {
		t.Errorf("log: %v", fmt.Sprint(log))
	}
}
