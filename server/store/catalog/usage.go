package catalog

import (
	"context"
	"errors"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// Usage implements [store.Maintenance].
func (c *Catalog) Usage(ctx context.Context, p manifest.Path) (u store.Usage, err error) {
	if p != "" {
		e, err := c.Lookup(ctx, p, store.Latest)
		if errors.Is(err, store.ErrNotFound) {
			return u, nil
		}
		if err != nil {
			return u, err
		}
		if e.Kind == manifest.File {
			return store.Usage{Files: 1, Bytes: e.Size, Unique: e.Size}, nil
		}
	}
	from, to := below(p)
	err = c.read(ctx, func(r *conn) error {
		return r.row([]any{&u.Files, &u.Bytes, &u.Unique}, `
			SELECT coalesce(sum(n), 0), coalesce(sum(n*size), 0), coalesce(sum(size), 0) FROM (
				SELECT count(*) AS n, e.size FROM entries e
				WHERE e.dir IN (SELECT id FROM dirs WHERE path=?1 UNION ALL SELECT id FROM dirs WHERE path>=?2 AND path<?3)
				AND e.to_pub IS NULL AND e.blob IS NOT NULL GROUP BY e.blob)`, []byte(p), from, to)
	})
	return u, err
}

// Sole implements [store.Maintenance].
func (c *Catalog) Sole(ctx context.Context, targets []manifest.Path) (out store.Collected, err error) {
	inside := make(map[int64]int) // entries there, by blob
	err = c.read(ctx, func(r *conn) error {
		var (
			id int64
			n  int
		)
		for _, p := range targets {
			from, to := below(p)
			err := r.rows([]any{&id, &n}, func() error {
				inside[id] += n
				return nil
			}, `SELECT blob, count(*) FROM entries WHERE blob IS NOT NULL AND (
				dir IN (SELECT id FROM dirs WHERE path=?1 UNION ALL SELECT id FROM dirs WHERE path>=?2 AND path<?3)
				OR dir=(SELECT id FROM dirs WHERE path=?4) AND name=?5) GROUP BY blob`,
				[]byte(p), from, to, []byte(p.Dir()), []byte(p.Base()))
			if err != nil {
				return err
			}
		}
		for id, n := range inside {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := c.sole(r, id, n, &out); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// sole counts a blob that n entries and no others refer to.
func (c *Catalog) sole(r *conn, id int64, n int, out *store.Collected) error {
	var (
		all    int
		leased bool
		size   int64
		pack   int64
	)
	err := r.row([]any{&all, &leased, &size, &pack}, `SELECT (SELECT count(*) FROM entries WHERE blob=b.id),
		EXISTS (SELECT 1 FROM leases l JOIN holders h ON h.id=l.holder WHERE l.blob=b.id), b.size, b.pack FROM blobs b WHERE b.id=?`, id)
	if err != nil || all > n || leased || c.leases.leased(id) {
		return err
	}
	out.Blobs++
	out.Bytes += size
	if pack == 0 {
		out.Freed += size
	}
	return nil
}

// The conditions that an entry e is a holder's: for a walk over its entries, and
// for one entry at a time. Their arguments are those of heldArgs.
const (
	allHeld = `e.dir IN (SELECT id FROM dirs WHERE path=?1 UNION ALL SELECT id FROM dirs WHERE path>=?2 AND path<?3)
		AND (?4='' OR e.from_pub IN (SELECT number FROM publications WHERE owner=?4))`
	oneHeld = `EXISTS (SELECT 1 FROM dirs d WHERE d.id=e.dir AND (d.path=?1 OR d.path>=?2 AND d.path<?3))
		AND (?4='' OR EXISTS (SELECT 1 FROM publications p WHERE p.number=e.from_pub AND p.owner=?4))`
)

func heldArgs(o store.Holder) []any {
	from, to := below(o.Path)
	return []any{[]byte(o.Path), from, to, o.Owner}
}

// Kept implements [store.Maintenance].
func (c *Catalog) Kept(ctx context.Context, o store.Holder) (n int64, err error) {
	err = c.read(ctx, func(r *conn) error {
		return r.row([]any{&n}, `SELECT coalesce(sum(size), 0) FROM (
			SELECT e.size FROM entries e WHERE e.blob IS NOT NULL AND `+allHeld+` GROUP BY e.blob)`, heldArgs(o)...)
	})
	return n, err
}

// Keeps implements [store.Maintenance].
func (c *Catalog) Keeps(ctx context.Context, o store.Holder, ds []manifest.Digest) ([]bool, error) {
	keeps, ids := make([]bool, len(ds)), make([]int64, len(ds))
	err := c.read(ctx, func(r *conn) error {
		err := find(r, ds, func(i int, b Blob) error {
			ids[i] = b.ID
			return nil
		})
		for i, id := range ids {
			if err != nil {
				return err
			}
			if id != 0 {
				err = r.row([]any{&keeps[i]}, "SELECT EXISTS (SELECT 1 FROM entries e WHERE e.blob=?5 AND "+oneHeld+")", append(heldArgs(o), id)...)
			}
		}
		return err
	})
	return keeps, err
}
