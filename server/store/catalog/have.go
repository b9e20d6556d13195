package catalog

import (
	"context"
	"database/sql"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// maxSights is how many paths of one blob Have tries before it says no.
const maxSights = 1000

// A candidate is a blob that Have may say yes to.
type candidate struct {
	index  int
	blob   int64
	leased bool
	path   manifest.Path // one at which it stands, "" for none
}

// Have answers [store.Content.Have], present telling whether the bytes of a
// blob are there at their size. The caller must keep collection away meanwhile.
// With a nil sight only leases count.
func (c *Catalog) Have(ctx context.Context, s store.SessionID, ds []manifest.Digest, sight store.Sight, present func(Blob) bool) ([]bool, error) {
	have := make([]bool, len(ds))
	var ids []int64
	err := c.read(ctx, func(r *conn) error {
		holder, err := holderOf(r, s)
		if err != nil {
			return err
		}
		for base := 0; base < len(ds); base += findPage {
			if err := ctx.Err(); err != nil {
				return err
			}
			page, err := candidates(r, ds[base:min(base+findPage, len(ds))], holder, present)
			if err != nil {
				return err
			}
			for _, k := range page {
				ok := k.leased || c.leases.has(s, k.blob)
				if !ok {
					if ok, err = seen(r, k, sight); err != nil {
						return err
					}
				}
				if ok {
					have[base+k.index] = true
					ids = append(ids, k.blob)
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	c.leases.add(s, ids)
	return have, nil
}

// holderOf returns the holder's number, 0 if the session holds nothing.
func holderOf(r *conn, s store.SessionID) (id int64, err error) {
	err = r.rows([]any{&id}, func() error { return errStop }, "SELECT id FROM holders WHERE session=?", string(s))
	return id, err
}

// candidates returns the blobs that are whole, each with one path at which it
// stands, if any.
func candidates(r *conn, ds []manifest.Digest, holder int64, present func(Blob) bool) (page []candidate, err error) {
	var (
		k    candidate
		b    Blob
		path sql.RawBytes
	)
	err = r.rows([]any{&k.index, &b.ID, &b.Size, &b.Pack, &b.Offset, &b.Damaged, &k.leased, &path}, func() error {
		b.Digest = ds[k.index]
		if !b.Damaged && present(b) {
			k.blob, k.path = b.ID, manifest.Path(trimSlash(path))
			page = append(page, k)
		}
		return nil
	}, each+`SELECT n.i, b.id, b.size, b.pack, b.offset, b.damaged,
			?3<>0 AND EXISTS (SELECT 1 FROM leases WHERE blob=b.id AND holder=?3),
			(SELECT d.path || '/' || e.name FROM entries e CROSS JOIN dirs d ON d.id=e.dir
				WHERE e.blob=b.id AND e.to_pub IS NULL LIMIT 1)
		FROM n CROSS JOIN blobs b ON b.digest=n.d`, joined(ds), len(ds), holder)
	return page, err
}

// trimSlash removes the slash that the path of an entry in the root begins
// with.
func trimSlash(path []byte) []byte {
	if len(path) > 0 && path[0] == '/' {
		return path[1:]
	}
	return path
}

// seen reports whether the candidate stands at a path that is in sight.
func seen(r *conn, k candidate, sight store.Sight) (ok bool, err error) {
	if k.path == "" || sight == nil {
		return false, nil
	}
	if sight(k.path) {
		return true, nil
	}
	var dir, name sql.RawBytes
	err = r.rows([]any{&dir, &name}, func() error {
		if ok = sight(manifest.Path(dir).Join(manifest.Path(name))); ok {
			return errStop
		}
		return nil
	}, `SELECT d.path, e.name FROM entries e CROSS JOIN dirs d ON d.id=e.dir
		WHERE e.blob=? AND e.to_pub IS NULL LIMIT ?`, k.blob, maxSights)
	return ok, err
}

// similarScan is how many entries of one stem Similar looks at.
const similarScan = 2000

// Similar implements [store.Tree].
func (c *Catalog) Similar(ctx context.Context, dir manifest.Path, name string, limit int) (list []manifest.Entry, err error) {
	var (
		s    rowScan
		path []byte
		stem = store.Stem(name)
	)
	err = c.read(ctx, func(r *conn) error {
		return r.rows(s.dest(&path), func() error {
			e := s.entry(manifest.Path(path))
			if !e.Path.Within(dir) || store.Stem(e.Path.Base()) != stem {
				return nil
			}
			if list = append(list, e); len(list) >= limit {
				return errStop
			}
			return nil
		}, "SELECT d.path, "+entryCols+` FROM (
				SELECT * FROM entries WHERE stem=? AND to_pub IS NULL ORDER BY from_pub DESC LIMIT ?) e
			CROSS JOIN dirs d ON d.id=e.dir LEFT JOIN blobs b ON b.id=e.blob`, stemHash(name), similarScan)
	})
	return list, err
}
