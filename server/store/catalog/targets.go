package catalog

import (
	"context"
	"time"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// targetPage is how many targets a listing holds at a time.
const targetPage = 1000

// Targets implements [store.Tree]. It holds no transaction while f runs.
func (c *Catalog) Targets(ctx context.Context, dir manifest.Path, f func(store.Target) error) error {
	from, to := below(dir)
	if err := c.eachTarget(ctx, []byte(dir), append([]byte(dir), 0), f); err != nil {
		return err
	}
	return c.eachTarget(ctx, from, to, f)
}

// eachTarget calls f for the targets from one path to another.
func (c *Catalog) eachTarget(ctx context.Context, from, to []byte, f func(store.Target) error) error {
	for {
		page, err := c.targets(ctx, from, to)
		if err != nil {
			return err
		}
		for _, t := range page {
			if err := f(t); err != nil {
				return err
			}
		}
		if len(page) < targetPage {
			return nil
		}
		from = append([]byte(page[len(page)-1].Path), 0)
	}
}

func (c *Catalog) targets(ctx context.Context, from, to []byte) (page []store.Target, err error) {
	var (
		path        []byte
		last, nanos int64
	)
	err = c.read(ctx, func(r *conn) error {
		return r.rows([]any{&path, &last, &nanos}, func() error {
			page = append(page, store.Target{Path: manifest.Path(path), Last: store.Version(last), Time: time.Unix(0, nanos).UTC()})
			return nil
		}, `SELECT t.target, t.last, p.time FROM targets t JOIN publications p ON p.number=t.last
			WHERE t.target>=? AND t.target<? ORDER BY t.target LIMIT ?+0`, from, to, targetPage)
	})
	return page, err
}

// VersionAt implements [store.Tree].
func (c *Catalog) VersionAt(ctx context.Context, t time.Time) (store.Version, error) {
	var n int64
	err := c.read(ctx, func(r *conn) error {
		return r.rows([]any{&n}, func() error { return errStop },
			"SELECT number FROM publications WHERE time<=? ORDER BY number DESC LIMIT 1", t.UnixNano())
	})
	return store.Version(n), err
}
