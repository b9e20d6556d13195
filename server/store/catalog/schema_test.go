package catalog

import (
	"path/filepath"
	"testing"

	"github.com/pubsync/pubsync/server/store"
)

func TestOlderSchema(t *testing.T) {
	o := Options{Path: filepath.Join(t.TempDir(), "catalog.db")}
	c, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	err = c.write(t.Context(), func(w *conn) error {
		_, err := w.db.ExecContext(w.ctx, "ALTER TABLE publications DROP COLUMN owner; PRAGMA user_version = 1")
		return err
	})
	if err == nil {
		err = c.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	if c, err = Open(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Kept(t.Context(), store.Holder{Owner: "a"}); err != nil {
		t.Error(err)
	}
}
