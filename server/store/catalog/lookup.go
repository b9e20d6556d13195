package catalog

import (
	"context"
	"fmt"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// resolve turns Latest into a number and refuses what was never published.
func (c *Catalog) resolve(v store.Version) (store.Version, error) {
	newest := store.Version(c.version.Load())
	switch {
	case v == store.Latest:
		return newest, nil
	case v < 0 || v > newest:
		return 0, fmt.Errorf("version %d: %w: the newest is %d", v, store.ErrNotFound, newest)
	}
	return v, nil
}

// Lookup implements [store.Tree].
func (c *Catalog) Lookup(ctx context.Context, p manifest.Path, v store.Version) (manifest.Entry, error) {
	v, err := c.resolve(v)
	if err != nil {
		return manifest.Entry{}, err
	}
	if err := c.kept(p.Dir(), v, false); err != nil {
		return manifest.Entry{}, err
	}
	var e manifest.Entry
	err = c.read(ctx, func(r *conn) error {
		e, err = lookup(r, p, v)
		return err
	})
	return e, err
}

func lookup(r *conn, p manifest.Path, v store.Version) (e manifest.Entry, err error) {
	var (
		s     rowScan
		found bool
	)
	// The newest row that began by v is the entry, unless it had ended by then.
	err = r.rows(s.dest(), func() error {
		found, e = true, s.entry(p.Dir())
		return errStop
	}, "SELECT "+entryCols+` FROM dirs d CROSS JOIN entries e ON e.dir=d.id LEFT JOIN blobs b ON b.id=e.blob
		WHERE d.path=?1 AND e.name=?2 AND e.from_pub<=?3 AND (e.to_pub IS NULL OR e.to_pub>?3)
		ORDER BY e.from_pub DESC LIMIT 1`, []byte(p.Dir()), []byte(p.Base()), int64(v))
	if err == nil && !found {
		err = fmt.Errorf("%q: %w in version %d", p, store.ErrNotFound, v)
	}
	return e, err
}

// isDir returns ErrNotFound if dir is not a directory in v.
func isDir(r *conn, dir manifest.Path, v store.Version) error {
	if dir == "" {
		return nil
	}
	e, err := lookup(r, dir, v)
	if err == nil && e.Kind != manifest.Dir {
		err = fmt.Errorf("%q: %w as a directory in version %d", dir, store.ErrNotFound, v)
	}
	return err
}

// ReadDir implements [store.Tree].
func (c *Catalog) ReadDir(ctx context.Context, dir manifest.Path, v store.Version, after string, limit int) ([]manifest.Entry, error) {
	v, err := c.resolve(v)
	if err != nil {
		return nil, err
	}
	if err := c.kept(dir, v, false); err != nil {
		return nil, err
	}
	var list []manifest.Entry
	err = c.read(ctx, func(r *conn) error {
		if err := isDir(r, dir, v); err != nil {
			return err
		}
		list, err = readDir(r, dir, v, after, limit)
		return err
	})
	return list, err
}

func readDir(r *conn, dir manifest.Path, v store.Version, after string, limit int) (list []manifest.Entry, err error) {
	var s rowScan
	err = r.rows(s.dest(), func() error {
		list = append(list, s.entry(dir))
		return nil
	}, "SELECT "+entryCols+` FROM dirs d CROSS JOIN entries e ON e.dir=d.id LEFT JOIN blobs b ON b.id=e.blob
		WHERE d.path=?1 AND e.name>?2 AND e.from_pub<=?3 AND (e.to_pub IS NULL OR e.to_pub>?3)
		ORDER BY e.name LIMIT ?4+0`, []byte(dir), []byte(after), int64(v), limit)
	return list, err
}

// walkPage is how many entries a walk holds at a time.
const walkPage = 2048

// Walk implements [store.Tree]. It holds no transaction while f runs.
func (c *Catalog) Walk(ctx context.Context, dir manifest.Path, v store.Version, f func(manifest.Entry) error) error {
	v, err := c.resolve(v)
	if err != nil {
		return err
	}
	if err := c.kept(dir, v, true); err != nil {
		return err
	}
	if err := c.read(ctx, func(r *conn) error { return isDir(r, dir, v) }); err != nil {
		return err
	}
	w := walk{c: c, ctx: ctx, root: dir, v: v, f: f}
	return w.run()
}

type walk struct {
	c    *Catalog
	ctx  context.Context
	root manifest.Path
	v    store.Version
	f    func(manifest.Entry) error
}

// run visits the root directory and then, in the order of their paths, all
// below it: pages that run across directories, and where one ends within a
// directory, the rest of that one first.
func (w *walk) run() error {
	if err := w.rest(w.root, ""); err != nil {
		return err
	}
	from, to := below(w.root)
	for {
		page, err := w.page(from, to)
		if err != nil {
			return err
		}
		if err := w.visit(page); err != nil {
			return err
		}
		if len(page) < walkPage {
			return nil
		}
		last := page[len(page)-1].Path
		if err := w.rest(last.Dir(), last.Base()); err != nil {
			return err
		}
		from = append([]byte(last.Dir()), 0) // the next possible path
	}
}

// page returns the first entries in the directories from one path to another.
func (w *walk) page(from, to []byte) (page []manifest.Entry, err error) {
	var (
		s    rowScan
		path []byte
	)
	err = w.c.read(w.ctx, func(r *conn) error {
		return r.rows(s.dest(&path), func() error {
			page = append(page, s.entry(manifest.Path(path)))
			return nil
		}, "SELECT d.path, "+entryCols+` FROM dirs d CROSS JOIN entries e ON e.dir=d.id LEFT JOIN blobs b ON b.id=e.blob
			WHERE d.path>=?1 AND d.path<?2 AND e.from_pub<=?3 AND (e.to_pub IS NULL OR e.to_pub>?3)
			ORDER BY d.path, e.name LIMIT ?4+0`, from, to, int64(w.v), walkPage)
	})
	return page, err
}

// rest visits what is directly in dir after a name.
func (w *walk) rest(dir manifest.Path, after string) error {
	for {
		var page []manifest.Entry
		err := w.c.read(w.ctx, func(r *conn) (err error) {
			page, err = readDir(r, dir, w.v, after, walkPage)
			return err
		})
		if err != nil {
			return err
		}
		if err := w.visit(page); err != nil {
			return err
		}
		if len(page) < walkPage {
			return nil
		}
		after = page[len(page)-1].Path.Base()
	}
}

func (w *walk) visit(page []manifest.Entry) error {
	for _, e := range page {
		e.Path, _ = e.Path.Rel(w.root)
		if err := w.f(e); err != nil {
			return err
		}
	}
	return nil
}
