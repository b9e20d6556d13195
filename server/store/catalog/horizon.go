package catalog

import (
	"context"
	"fmt"
	"slices"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// horizons say before which versions what lies at or below some paths is no
// longer whole.
type horizons struct {
	newest store.Version // from it on everything is whole
	at     map[manifest.Path]store.Version
}

func (c *Catalog) loadHorizons(r *conn) error {
	var (
		all    = horizons{at: make(map[manifest.Path]store.Version)}
		target []byte
		v      int64
	)
	err := r.rows([]any{&target, &v}, func() error {
		all.at[manifest.Path(target)] = store.Version(v)
		all.newest = max(all.newest, store.Version(v))
		return nil
	}, "SELECT target, version FROM horizons")
	if err == nil {
		c.past.Store(&all)
	}
	return err
}

// kept returns ErrNotFound if what is directly in dir (or, if deep, anywhere
// below it) is no longer whole at v. It costs nothing for newer versions than
// any horizon.
func (c *Catalog) kept(dir manifest.Path, v store.Version, deep bool) error {
	past := c.past.Load()
	if v >= past.newest {
		return nil
	}
	gone := func(target manifest.Path, h store.Version) error {
		return fmt.Errorf("%q in version %d: %w: versions before %d of %q are no longer kept", dir, v, store.ErrNotFound, h, target)
	}
	for _, up := range above(dir) {
		if h, ok := past.at[up]; ok && v < h {
			return gone(up, h)
		}
	}
	if !deep {
		return nil
	}
	for target, h := range past.at {
		if v < h && target.Within(dir) {
			return gone(target, h)
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
	if ended, err := c.ended(ctx, target, v); err != nil || !ended {
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
	n, err := c.forgetTarget(ctx, target, v)
	out.Entries += n
	return out, err
}

// ended reports whether anything at or below target may have ended by v, beyond
// what is forgotten already.
func (c *Catalog) ended(ctx context.Context, target manifest.Path, v store.Version) (ended bool, err error) {
	var known int64
	for _, up := range above(target) {
		known = max(known, int64(c.past.Load().at[up]))
	}
	found := func() error {
		ended = true
		return errStop
	}
	const some = "SELECT 1 FROM publications WHERE number>?1 AND number<=?2 AND replaced+removed>0 AND "
	var one int
	err = c.read(ctx, func(r *conn) error {
		for _, up := range above(target) {
			if err := r.rows([]any{&one}, found, some+"target=?3 LIMIT 1", known, int64(v), []byte(up)); err != nil || ended {
				return err
			}
		}
		from, to := below(target)
		return r.rows([]any{&one}, found, some+"target>=?3 AND target<?4 LIMIT 1", known, int64(v), from, to)
	})
	return ended, err
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

// forgetTarget drops the entry of target itself, in the directory above it, if
// it had ended by v, and the targets at and below it that hold nothing any more.
func (c *Catalog) forgetTarget(ctx context.Context, target manifest.Path, v store.Version) (n int, err error) {
	if target == "" {
		return 0, nil
	}
	err = c.write(ctx, func(w *conn) error {
		gone, err := w.exec("DELETE FROM entries WHERE dir=(SELECT id FROM dirs WHERE path=?) AND name=? AND to_pub<=?",
			[]byte(target.Dir()), []byte(target.Base()), int64(v))
		if err != nil {
			return err
		}
		n = int(gone)
		from, to := below(target)
		_, err = w.exec(`DELETE FROM targets WHERE (target=?1 OR target>=?2 AND target<?3)
			AND NOT EXISTS (SELECT 1 FROM dirs WHERE path=target)`, []byte(target), from, to)
		return err
	})
	return n, err
}
