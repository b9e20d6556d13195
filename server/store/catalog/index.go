package catalog

import (
	"context"
	"fmt"

	"github.com/pubsync/pubsync/server/store"
)

// maxFaults bounds how many faults of the database file are named.
const maxFaults = 100

// faults returns what SQLite finds wrong with the file: its structure or, if
// deep, also whether every index agrees with its table. Both take time in
// proportion to the catalog; nobody waits for them.
func (c *Catalog) faults(ctx context.Context, deep bool) (list []string, err error) {
	pragma := "quick_check"
	if deep {
		pragma = "integrity_check"
	}
	var text string
	err = c.read(ctx, func(r *conn) error {
		return r.rows([]any{&text}, func() error {
			if text != "ok" {
				list = append(list, text)
			}
			return nil
		}, fmt.Sprintf("PRAGMA %s(%d)", pragma, maxFaults))
	})
	return list, err
}

// RepairIndexes makes all indexes anew from their tables if one of them does not
// agree with its own, and reports whether it did. Damage to the tables stays, and
// is store.ErrDamaged.
func (c *Catalog) RepairIndexes(ctx context.Context) (rebuilt bool, err error) {
	found, err := c.faults(ctx, true)
	if err != nil || len(found) == 0 {
		return false, err
	}
	err = c.write(ctx, func(w *conn) error {
		_, err := w.exec("REINDEX")
		return err
	})
	if err != nil {
		return false, err
	}
	if found, err = c.faults(ctx, true); err == nil && len(found) > 0 {
		err = fmt.Errorf("catalog: %w: %s; restore a backup", store.ErrDamaged, found[0])
	}
	return true, err
}
