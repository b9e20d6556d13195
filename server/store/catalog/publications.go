package catalog

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// settle brings the standing trees up to date with publication n. A commit that
// only adds breaks no tree that was merged in, but every mirror it may touch;
// one that ends entries may break any at, above or below where it does. Both
// are taken to do so without looking closer.
func (p *plan) settle(n int64) error {
	commit := p.commit
	touched := p.moved
	if p.added+p.replaced+p.removed > len(p.moved) {
		touched = append(touched, commit.Target)
	}
	for _, path := range touched {
		if err := unsettle(p.c, path, p.replaced+p.removed > 0, true); err != nil {
			return err
		}
	}
	if commit.Remove || commit.TreeDigest.IsZero() {
		return nil
	}
	modes := []bool{false}
	if commit.Mirror || p.fresh[commit.Target] {
		modes = append(modes, true)
	}
	for _, mirror := range modes {
		_, err := p.c.exec("INSERT OR REPLACE INTO standing(mirror, target, tree, number) VALUES (?, ?, ?, ?)",
			mirror, []byte(commit.Target), commit.TreeDigest[:], n)
		if err != nil {
			return err
		}
	}
	return nil
}

// unsettle forgets the trees that stand at or above path and, if deep, below
// it: the mirrored ones and, if merged, the others too.
func unsettle(c *conn, path manifest.Path, merged, deep bool) error {
	for mirror := range 2 {
		if mirror == 0 && !merged {
			continue
		}
		for _, dir := range above(path) {
			if _, err := c.exec("DELETE FROM standing WHERE mirror=? AND target=?", mirror, []byte(dir)); err != nil {
				return err
			}
		}
		if !deep {
			continue
		}
		from, to := below(path)
		if _, err := c.exec("DELETE FROM standing WHERE mirror=? AND target>=? AND target<?", mirror, from, to); err != nil {
			return err
		}
	}
	return nil
}

// log writes the publication's row.
func log(c *conn, p *store.Publication) error {
	_, err := c.exec("INSERT INTO publications("+pubCols+") VALUES (?,?,?,?,?,?,?,?,?,?,?)",
		int64(p.Number), []byte(p.Target), p.Time.UnixNano(), p.TreeDigest[:], p.Mirror,
		p.Added, p.Replaced, p.Removed, p.Entries, []byte(p.Note), p.Owner)
	if err != nil {
		return err
	}
	_, err = c.exec(`INSERT INTO targets(target, parent, last) VALUES (?, ?, ?)
		ON CONFLICT(target) DO UPDATE SET last=excluded.last`, []byte(p.Target), []byte(p.Target.Dir()), int64(p.Number))
	return err
}

const pubCols = "number, target, time, tree, mirror, added, replaced, removed, entries, note, owner"

// publications runs a query for pubCols.
func publications(r *conn, q string, args ...any) (list []store.Publication, err error) {
	var (
		number, nanos      int64
		target, tree, note []byte
		p                  store.Publication
	)
	err = r.rows([]any{&number, &target, &nanos, &tree, &p.Mirror, &p.Added, &p.Replaced, &p.Removed, &p.Entries, &note, &p.Owner}, func() error {
		p.Number, p.Target, p.Note, p.Time = store.Version(number), manifest.Path(target), string(note), time.Unix(0, nanos).UTC()
		copy(p.TreeDigest[:], tree)
		list = append(list, p)
		return nil
	}, q, args...)
	return list, err
}

// Standing implements [store.Tree].
func (c *Catalog) Standing(ctx context.Context, target manifest.Path, d manifest.Digest, mirror bool) (store.Publication, error) {
	var list []store.Publication
	err := c.read(ctx, func(r *conn) (err error) {
		list, err = publications(r, "SELECT "+pubCols+` FROM publications
			WHERE number=(SELECT number FROM standing WHERE mirror=? AND target=? AND tree=?)`, mirror, []byte(target), d[:])
		return err
	})
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("tree %v at %q: %w", d, target, store.ErrNotFound)
	}
	if err != nil {
		return store.Publication{}, err
	}
	return list[0], nil
}

// Log implements [store.Tree].
func (c *Catalog) Log(ctx context.Context, target manifest.Path, before store.Version, limit int) (list []store.Publication, err error) {
	if before <= 0 {
		before = 1 << 62
	}
	const (
		all  = "SELECT " + pubCols + " FROM publications WHERE number<?1 ORDER BY number DESC LIMIT ?2+0"
		deep = "SELECT " + pubCols + ` FROM publications WHERE number IN (
			SELECT number FROM publications WHERE target=?3 AND number<?1 UNION ALL
			SELECT number FROM publications WHERE target>=?4 AND target<?5 AND number<?1)
			ORDER BY number DESC LIMIT ?2+0`
	)
	from, to := below(target)
	err = c.read(ctx, func(r *conn) error {
		if target == "" {
			list, err = publications(r, all, int64(before), limit)
		} else {
			list, err = publications(r, deep, int64(before), limit, []byte(target), from, to)
		}
		return err
	})
	return list, err
}

// Builds implements [store.Tree].
func (c *Catalog) Builds(ctx context.Context, typ manifest.Path, limit int) ([]manifest.Path, error) {
	const (
		cols = "SELECT t.target, t.last FROM targets t WHERE "
		here = " AND EXISTS (SELECT 1 FROM dirs d JOIN entries e ON e.dir=d.id WHERE d.path=t.target AND e.to_pub IS NULL)"
	)
	type build struct {
		target manifest.Path
		last   int64
	}
	var (
		list   []build
		target []byte
		last   int64
	)
	add := func() error {
		list = append(list, build{manifest.Path(target), last})
		return nil
	}
	err := c.read(ctx, func(r *conn) error {
		err := r.rows([]any{&target, &last}, add, cols+"t.parent=?1 AND t.target<>?1"+here+" ORDER BY t.last DESC LIMIT ?2+0", []byte(typ), limit)
		if err != nil {
			return err
		}
		return r.rows([]any{&target, &last}, add, cols+"t.target=?1"+here, []byte(typ))
	})
	slices.SortFunc(list, func(a, b build) int { return cmp.Compare(b.last, a.last) })
	var paths []manifest.Path
	for _, b := range list[:min(len(list), max(limit, 0))] {
		paths = append(paths, b.target)
	}
	return paths, err
}
