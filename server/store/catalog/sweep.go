package catalog

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

const blobCols = "b.id, b.digest, b.size, b.pack, b.offset, b.damaged"

// blobs runs a query for blobCols.
func blobs(r *conn, q string, args ...any) (list []Blob, err error) {
	var (
		b Blob
		d sql.RawBytes
	)
	err = r.rows([]any{&b.ID, &d, &b.Size, &b.Pack, &b.Offset, &b.Damaged}, func() error {
		copy(b.Digest[:], d)
		list = append(list, b)
		return nil
	}, q, args...)
	return list, err
}

// unused is the condition that no entry of any version and no lease that
// counts refers to the blob b.
const unused = `NOT EXISTS (SELECT 1 FROM entries WHERE blob=b.id)
	AND NOT EXISTS (SELECT 1 FROM leases l JOIN holders h ON h.id=l.holder WHERE l.blob=b.id)`

// Blobs returns at most limit blobs whose ids come after the given one.
func (c *Catalog) Blobs(ctx context.Context, after int64, limit int) (list []Blob, err error) {
	err = c.read(ctx, func(r *conn) error {
		list, err = blobs(r, "SELECT "+blobCols+" FROM blobs b WHERE b.id>? ORDER BY b.id LIMIT ?+0", after, limit)
		return err
	})
	return list, err
}

// Unused returns, among the next limit blobs after an id, those that nothing
// refers to, and the id to go on after, 0 at the end.
func (c *Catalog) Unused(ctx context.Context, after int64, limit int) (list []Blob, next int64, err error) {
	err = c.read(ctx, func(r *conn) error {
		err := r.row([]any{&next}, "SELECT coalesce(max(id), 0) FROM (SELECT id FROM blobs WHERE id>? ORDER BY id LIMIT ?+0)", after, limit)
		if err != nil {
			return err
		}
		list, err = blobs(r, "SELECT "+blobCols+" FROM blobs b WHERE b.id>? AND b.id<=? AND "+unused, after, next)
		return err
	})
	kept := list[:0]
	for _, b := range list {
		if !c.leases.leased(b.ID) {
			kept = append(kept, b)
		}
	}
	return kept, next, err
}

// Drop forgets those of the blobs that still nothing refers to, and returns
// them. The caller must keep everybody from leasing meanwhile.
func (c *Catalog) Drop(ctx context.Context, list []Blob) (dropped []Blob, err error) {
	err = c.write(ctx, func(w *conn) error {
		for _, b := range list {
			if c.leases.leased(b.ID) {
				continue
			}
			n, err := w.exec("DELETE FROM blobs AS b WHERE b.id=? AND "+unused, b.ID)
			if err != nil {
				return err
			}
			if n > 0 {
				dropped = append(dropped, b)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return dropped, nil
}

// DropStaleLeases removes the lease rows of holders that are gone.
func (c *Catalog) DropStaleLeases(ctx context.Context) error {
	return c.write(ctx, func(w *conn) error {
		_, err := w.exec("DELETE FROM leases WHERE holder NOT IN (SELECT id FROM holders)")
		return err
	})
}

// PackUse returns how many bytes of content, and how many blobs, each pack
// holds that the catalog knows of.
func (c *Catalog) PackUse(ctx context.Context) (map[int64]PackUse, error) {
	var (
		use = make(map[int64]PackUse)
		id  int64
		u   PackUse
	)
	err := c.read(ctx, func(r *conn) error {
		return r.rows([]any{&id, &u.Blobs, &u.Bytes}, func() error {
			use[id] = u
			return nil
		}, "SELECT pack, count(*), sum(size) FROM blobs WHERE pack<>0 GROUP BY pack")
	})
	return use, err
}

// A PackUse is what a pack holds.
type PackUse struct {
	Blobs, Bytes int64
}

// InPack returns all blobs in a pack, in the order of their records.
func (c *Catalog) InPack(ctx context.Context, pack int64) (list []Blob, err error) {
	err = c.read(ctx, func(r *conn) error {
		list, err = blobs(r, "SELECT "+blobCols+" FROM blobs b WHERE b.pack=? ORDER BY b.offset", pack)
		return err
	})
	return list, err
}

// Move changes the places of blobs that are still where they were, by index,
// notes how far the packs they move to are durable, and forgets the pack gone
// if it is not 0.
func (c *Catalog) Move(ctx context.Context, from, to []Blob, packs []Pack, gone int64) error {
	return c.write(ctx, func(w *conn) error {
		if err := setExtents(w, packs); err != nil {
			return err
		}
		for i := range from {
			_, err := w.exec("UPDATE blobs SET pack=?, offset=? WHERE id=? AND pack=? AND offset=?",
				to[i].Pack, to[i].Offset, from[i].ID, from[i].Pack, from[i].Offset)
			if err != nil {
				return err
			}
		}
		if gone == 0 {
			return nil
		}
		_, err := w.exec("DELETE FROM packs WHERE id=?", gone)
		return err
	})
}

// Replace sets the place of a known blob and marks it as sound.
func (c *Catalog) Replace(ctx context.Context, b Blob) error {
	return c.write(ctx, func(w *conn) error {
		_, err := w.exec("UPDATE blobs SET pack=?, offset=?, damaged=0 WHERE id=?", b.Pack, b.Offset, b.ID)
		return err
	})
}

// Uses returns every path that has, or had in a version that is kept, the
// content d.
func (c *Catalog) Uses(ctx context.Context, d manifest.Digest) (uses []store.Use, err error) {
	var (
		dir, name   []byte
		from, until int64
	)
	err = c.read(ctx, func(r *conn) error {
		return r.rows([]any{&dir, &name, &from, &until}, func() error {
			path := manifest.Path(dir).Join(manifest.Path(name))
			uses = append(uses, store.Use{Path: path, From: store.Version(from), Until: store.Version(until)})
			return nil
		}, `SELECT d.path, e.name, e.from_pub, coalesce(e.to_pub, 0) FROM blobs b
			CROSS JOIN entries e ON e.blob=b.id CROSS JOIN dirs d ON d.id=e.dir
			WHERE b.digest=? ORDER BY d.path, e.name, e.from_pub`, d[:])
	})
	return uses, err
}

// Check looks for faults in the catalog itself and calls f for each: what
// SQLite finds wrong with the file (with its indexes too, if deep), and entries
// whose content or directory the catalog does not know.
func (c *Catalog) Check(ctx context.Context, deep bool, f func(error, []store.Use) error) error {
	var (
		dir, name []byte
		from      int64
	)
	found, err := c.faults(ctx, deep)
	for _, text := range found {
		if err := f(fmt.Errorf("catalog: %w: %s; repair it, or restore a backup", store.ErrDamaged, text), nil); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	return c.read(ctx, func(r *conn) error {
		return r.rows([]any{&dir, &name, &from}, func() error {
			use := store.Use{Path: manifest.Path(dir).Join(manifest.Path(name)), From: store.Version(from)}
			return f(fmt.Errorf("catalog: %w: %q refers to content or a directory it does not know; restore a backup",
				store.ErrDamaged, use.Path), []store.Use{use})
		}, `SELECT coalesce(d.path, x''), e.name, e.from_pub FROM entries e LEFT JOIN dirs d ON d.id=e.dir
			WHERE d.id IS NULL OR e.kind=?1 AND NOT EXISTS (SELECT 1 FROM blobs WHERE id=e.blob)`, int64(manifest.File))
	})
}

// CopyTo writes a copy of the catalog, of one moment, to a new file.
func (c *Catalog) CopyTo(ctx context.Context, path string) error {
	w, err := newConn(c.db)
	if err != nil {
		return err
	}
	defer w.close()
	if err := ctx.Err(); err != nil {
		return err
	}
	_, err = w.exec("VACUUM INTO ?", path)
	return err
}
