package catalog

import (
	"context"
	"fmt"
	"slices"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// A horizon says that versions before this one of what lies below target are
// no longer whole.
type horizon struct {
	target  manifest.Path
	version store.Version
}

func (c *Catalog) loadHorizons(r *conn) error {
	var (
		all    []horizon
		target []byte
		v      int64
	)
	err := r.rows([]any{&target, &v}, func() error {
		all = append(all, horizon{manifest.Path(target), store.Version(v)})
		return nil
	}, "SELECT target, version FROM horizons")
	if err == nil {
		c.past.Store(&all)
	}
	return err
}

// kept returns ErrNotFound if what is directly in dir (or, if deep, anywhere
// below it) is no longer whole at v.
func (c *Catalog) kept(dir manifest.Path, v store.Version, deep bool) error {
	for _, h := range *c.past.Load() {
		if v < h.version && (dir.Within(h.target) || deep && h.target.Within(dir)) {
			return fmt.Errorf("%q in version %d: %w: versions before %d of %q are no longer kept", dir, v, store.ErrNotFound, h.version, h.target)
		}
	}
	return nil
}

// forgetPage is how many directories one transaction goes through.
const forgetPage = 500

// Forget implements [store.Maintenance].
func (c *Catalog) Forget(ctx context.Context, target manifest.Path, v store.Version) (out store.Forgotten, err error) {
	if v, err = c.resolve(v); err != nil {
		return out, err
	}
	// The horizon first: from here on nobody begins to read what goes.
	if err := c.setHorizon(ctx, target, v); err != nil {
		return out, err
	}
	dirs, err := c.subtree(ctx, target)
	if err != nil {
		return out, err
	}
	for page := range slices.Chunk(dirs, forgetPage) {
		n, err := c.forget(ctx, page, v)
		out.Entries += n
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

func (c *Catalog) setHorizon(ctx context.Context, target manifest.Path, v store.Version) error {
	err := c.write(ctx, func(w *conn) error {
		_, err := w.exec(`INSERT INTO horizons(target, version) VALUES (?, ?)
			ON CONFLICT(target) DO UPDATE SET version=max(version, excluded.version)`, []byte(target), int64(v))
		return err
	})
	if err != nil {
		return err
	}
	return c.read(ctx, c.loadHorizons)
}

// subtree returns the ids of dir and all directories below it, of any version.
func (c *Catalog) subtree(ctx context.Context, dir manifest.Path) (ids []int64, err error) {
	var id int64
	from, to := below(dir)
	err = c.read(ctx, func(r *conn) error {
		return r.rows([]any{&id}, func() error {
			ids = append(ids, id)
			return nil
		}, "SELECT id FROM dirs WHERE path=?1 UNION ALL SELECT id FROM dirs WHERE path>=?2 AND path<?3", []byte(dir), from, to)
	})
	return ids, err
}

// forget drops the entries directly in dirs that had ended by v, and those of
// dirs that hold nothing any more: whoever writes there next makes them anew.
func (c *Catalog) forget(ctx context.Context, dirs []int64, v store.Version) (total int, err error) {
	err = c.write(ctx, func(w *conn) error {
		for _, id := range dirs {
			n, err := w.exec("DELETE FROM entries WHERE dir=? AND to_pub<=?", id, int64(v))
			if err != nil {
				return err
			}
			total += int(n)
			_, err = w.exec("DELETE FROM dirs WHERE id=?1 AND id<>1 AND NOT EXISTS (SELECT 1 FROM entries WHERE dir=?1)", id)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return total, err
}
