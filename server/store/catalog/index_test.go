package catalog

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// TestIndexesAreRebuilt empties an index behind SQLite's back: the one that tells
// collection what is in use. A thorough check finds it, a repair mends it.
func TestIndexesAreRebuilt(t *testing.T) {
	ctx := t.Context()
	c, err := Open(ctx, Options{Path: filepath.Join(t.TempDir(), "catalog.db"), Volatile: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Register(ctx, "s", []Blob{{Digest: manifest.Digest{1}, Size: 1}}, nil, nil, nil); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		_, err := c.Commit(ctx, store.Commit{Target: manifest.Path(fmt.Sprint("t/", i)), Time: time.Unix(0, 0), Entries: manifest.List{
			{Path: "f", Kind: manifest.File, Size: 1, Digest: manifest.Digest{1}},
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	check := func(deep bool) (found []string) {
		t.Helper()
		err := c.Check(ctx, deep, func(err error, _ []store.Use) error {
			if !errors.Is(err, store.ErrDamaged) {
				t.Errorf("finding: %v", err)
			}
			found = append(found, err.Error())
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if found := check(true); len(found) > 0 {
		t.Fatalf("at first: %q", found)
	}
	var sql string
	err = c.write(ctx, func(w *conn) error {
		if err := w.row([]any{&sql}, "SELECT sql FROM sqlite_schema WHERE name='entries_blob'"); err != nil {
			return err
		}
		for _, q := range []string{
			"DROP INDEX entries_blob", strings.Replace(sql, "WHERE", "WHERE 0 AND", 1), "PRAGMA writable_schema=1",
			"UPDATE sqlite_schema SET sql='" + sql + "' WHERE name='entries_blob'", "PRAGMA writable_schema=RESET",
		} {
			if _, err := w.db.ExecContext(ctx, q); err != nil {
				return fmt.Errorf("%s: %w", q, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found := check(true); len(found) == 0 {
		t.Fatal("an empty index is not found")
	}
	for _, want := range []bool{true, false} {
		if rebuilt, err := c.RepairIndexes(ctx); err != nil || rebuilt != want {
			t.Errorf("repair: %v, %v; want %v", rebuilt, err, want)
		}
	}
	if found := check(true); len(found) > 0 {
		t.Errorf("after the repair: %q", found)
	}
}
