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
