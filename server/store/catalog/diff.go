package catalog

import (
	"context"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// Diff implements [store.Tree]. The rows of a path that differ are those that
// began or ended in between; nothing else is looked at but passed over. It holds
// no transaction while f runs.
func (c *Catalog) Diff(ctx context.Context, dir manifest.Path, from, to store.Version, f func(store.Change) error) (err error) {
	if from, err = c.resolve(from); err != nil {
		return err
	}
	if to, err = c.resolve(to); err != nil {
		return err
	}
	if err := c.kept(dir, min(from, to), true); err != nil {
		return err
	}
	err = c.read(ctx, func(r *conn) error {
		err := isDir(r, dir, to)
		if err != nil {
			err = isDir(r, dir, from)
		}
		return err
	})
	if err != nil || from == to {
		return err
	}
	d := differ{c: c, ctx: ctx, root: dir, older: min(from, to), newer: max(from, to), back: from > to, f: f}
	return d.run()
}

type differ struct {
	c            *Catalog
	ctx          context.Context
	root         manifest.Path
	older, newer store.Version
	back         bool // newer is what the reader compares from
	f            func(store.Change) error
	held         *store.Change // may have another row yet
}

// diffPage is how many rows a diff holds at a time.
const diffPage = 2048

// A diffRow is an entry that stands in one of two versions and not in the other.
type diffRow struct {
	entry manifest.Entry
	older bool // it stands in the older one
}

// run goes through the rows of the root itself, then those of all directories
// below it: pages that run across directories, and where one ends within a
// directory, the rest of that one first.
func (d *differ) run() error {
	if err := d.rest(d.root, nil); err != nil {
		return err
	}
	from, to := below(d.root)
	for {
		page, err := d.page("d.path>=?1 AND d.path<?2", from, to)
		if err != nil {
			return err
		}
		if err := d.rows(page); err != nil {
			return err
		}
		if len(page) < diffPage {
			return d.flush()
		}
		last := page[len(page)-1].entry.Path
		if err := d.rest(last.Dir(), append([]byte(last.Base()), 0)); err != nil {
			return err
		}
		from = append([]byte(last.Dir()), 0) // the next possible path
	}
}

// rest goes through the rows directly in dir from a name on.
func (d *differ) rest(dir manifest.Path, name []byte) error {
	for {
		page, err := d.page("d.path=?1 AND e.name>=?2", []byte(dir), append([]byte{}, name...))
		if err != nil {
			return err
		}
		if err := d.rows(page); err != nil || len(page) < diffPage {
			return err
		}
		name = append([]byte(page[len(page)-1].entry.Path.Base()), 0)
	}
}

// page returns the first rows of those selected. The rows of one name, two at
// most, are on one page.
func (d *differ) page(selected string, from, to []byte) (page []diffRow, err error) {
	var (
		s     rowScan
		path  []byte
		older bool
	)
	err = d.c.read(d.ctx, func(r *conn) error {
		return r.rows(s.dest(&path, &older), func() error {
			e := s.entry(manifest.Path(path))
			if len(page) >= diffPage && page[len(page)-1].entry.Path != e.Path {
				return errStop
			}
			page = append(page, diffRow{e, older})
			return nil
		}, "SELECT d.path, e.from_pub<=?4, "+entryCols+` FROM dirs d CROSS JOIN entries e ON e.dir=d.id LEFT JOIN blobs b ON b.id=e.blob
			WHERE `+selected+` AND e.from_pub<=?3 AND (e.to_pub IS NULL OR e.to_pub>?4)
			AND (e.from_pub<=?4) <> (e.to_pub IS NULL OR e.to_pub>?3)
			ORDER BY d.path, e.name, e.from_pub LIMIT ?5+0`, from, to, int64(d.newer), int64(d.older), diffPage+2)
	})
	return page, err
}

func (d *differ) rows(page []diffRow) error {
	for i := range page {
		if err := d.row(&page[i]); err != nil {
			return err
		}
	}
	return nil
}

func (d *differ) row(r *diffRow) error {
	rel, _ := r.entry.Path.Rel(d.root)
	if d.held == nil || d.held.Path != rel {
		if err := d.flush(); err != nil {
			return err
		}
		d.held = &store.Change{Path: rel}
	}
	e := r.entry
	e.Path = rel
	if r.older != d.back {
		d.held.Before = &e
	} else {
		d.held.After = &e
	}
	return nil
}

// flush hands on what is held, unless it ended and came back as it was.
func (d *differ) flush() error {
	c := d.held
	d.held = nil
	if c == nil || c.Before != nil && c.After != nil && *c.Before == *c.After {
		return nil
	}
	return d.f(*c)
}
