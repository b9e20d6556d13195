package catalog

import (
	"fmt"
	"testing"
	"time"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// TestDirectoriesAreNumberedTogether publishes a tree of many directories, removes it and
// publishes it again: they get their numbers by few statements, and keep them.
func TestDirectoriesAreNumberedTogether(t *testing.T) {
	c := openTest(t)
	const one = "INSERT INTO dirs(path) VALUES (?) ON CONFLICT DO NOTHING RETURNING id"
	if err := c.write(t.Context(), func(w *conn) error { _, err := dirID(w, "t", false); return err }); err != nil {
		t.Fatal(err)
	}
	var l manifest.List
	for i := range 3*maxNumbered + 7 {
		d := manifest.Path(fmt.Sprintf("%d/%03d", i%5, i))
		l = append(l, manifest.Entry{Path: d, Kind: manifest.Dir, Mode: 0o755},
			manifest.Entry{Path: d.Join("link"), Kind: manifest.Symlink, Link: "x", Mode: 0o777})
	}
	l.Sort()
	numbers := map[string]int64{}
	for range 2 {
		publish := store.Commit{Session: "s", Target: "t/x", Entries: l, Overwrite: true, Time: time.Unix(1, 0)}
		w := <-c.writer
		delete(w.stmts, one)
		c.writer <- w
		if _, err := c.Commit(t.Context(), publish); err != nil {
			t.Fatal(err)
		}
		w = <-c.writer
		if w.stmts[one] != nil {
			t.Error("a directory got its number by itself")
		}
		var id int64
		var path, name []byte
		links := 0
		err := w.rows([]any{&id, &path, &name}, func() error {
			links++
			if was := numbers[string(path)]; was != 0 && was != id {
				t.Errorf("%s has number %d, had %d", path, id, was)
			}
			numbers[string(path)] = id
			return nil
		}, "SELECT d.id, d.path, e.name FROM dirs d CROSS JOIN entries e ON e.dir=d.id AND e.to_pub IS NULL AND e.kind=?", int64(manifest.Symlink))
		c.writer <- w
		if err != nil || links != len(l)/2 || len(numbers) != links {
			t.Errorf("%v; %d links in %d directories stand, want %d", err, links, len(numbers), len(l)/2)
		}
		if _, err := c.Commit(t.Context(), store.Commit{Session: "s", Target: "t/x", Remove: true, Overwrite: true, Time: time.Unix(2, 0)}); err != nil {
			t.Fatal(err)
		}
	}
}

// What is in a fresh directory is numbered with it; what stands, and what nothing comes
// into, is not.
func TestNumber(t *testing.T) {
	c := openTest(t)
	err := c.write(t.Context(), func(w *conn) error {
		p := newPlan(w, &store.Commit{})
		dirs := []manifest.Path{"a", "a/b", "a/b/c", "a/e", "z"}
		for _, d := range dirs {
			p.wishes[d] = []wish{{}}
		}
		p.fresh["a"], p.wishes["a/e"] = true, nil
		if err := p.number(dirs); err != nil {
			return err
		}
		for _, d := range dirs {
			if got, want := p.ids[d] > 0, d != "a/e" && d != "z"; got != want {
				t.Errorf("%s is numbered: %v, want %v", d, got, want)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
