package catalog

import (
	"context"
	"database/sql"
	"math/rand/v2"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// maxSights is how many paths of one blob Have tries before it says no.
const maxSights = 1000

// A candidate is a blob that Have may say yes to.
type candidate struct {
	index  int
	blob   Blob
	leased bool
	path   manifest.Path // one at which it stands, "" for none
}

// Have answers [store.Content.Have], present telling whether the bytes of a
// blob are there at their size. The caller must keep collection away meanwhile.
// With a nil sight only leases count.
//
// What is not there costs the work of what stands only out of sight, so that
// the time an answer takes does not tell one from the other: the same
// statements run over both, with the paths of some other blob in place of those
// of one that is not there; the disk is asked about neither; and a digest asked
// about many times at once is looked up once.
func (c *Catalog) Have(ctx context.Context, s store.SessionID, ds []manifest.Digest, sight store.Sight, present func(Blob) bool) ([]bool, error) {
	unique, which := distinct(ds)
	have := make([]bool, len(unique))
	var ids []int64
	err := c.read(ctx, func(r *conn) error {
		q := haveQuery{c: r, session: s, sight: sight, leases: c.leases}
		if err := q.prepare(); err != nil {
			return err
		}
		for base := 0; base < len(unique); base += findPage {
			if err := ctx.Err(); err != nil {
				return err
			}
			found, err := q.visible(unique[base:min(base+findPage, len(unique))])
			if err != nil {
				return err
			}
			for _, k := range found {
				if !k.blob.Damaged && present(k.blob) {
					have[base+k.index] = true
					ids = append(ids, k.blob.ID)
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	c.leases.add(s, ids)
	if len(unique) == len(ds) {
		return have, nil
	}
	all := make([]bool, len(ds))
	for i := range ds {
		all[i] = have[which[i]]
	}
	return all, nil
}

// distinct returns the digests each once, and for each of ds which it is.
func distinct(ds []manifest.Digest) (unique []manifest.Digest, which []int) {
	at := make(map[manifest.Digest]int, len(ds))
	which = make([]int, len(ds))
	for i, d := range ds {
		j, ok := at[d]
		if !ok {
			j = len(unique)
			at[d], unique = j, append(unique, d)
		}
		which[i] = j
	}
	return unique, which
}

// A haveQuery is one call of Have.
type haveQuery struct {
	c       *conn
	session store.SessionID
	sight   store.Sight
	leases  *leases
	holder  int64 // the session's number
	decoy   int64 // blobs from this one on stand in for those that are not there
}

func (q *haveQuery) prepare() (err error) {
	if q.holder, err = holderOf(q.c, q.session); err != nil {
		return err
	}
	last, err := lastBlob(q.c)
	q.decoy = 1
	if last > findPage {
		q.decoy += rand.Int64N(last - findPage)
	}
	return err
}

// visible returns those of the digests that the session leases or the sight
// shows, each once.
func (q *haveQuery) visible(ds []manifest.Digest) ([]candidate, error) {
	all, err := q.candidates(ds)
	if err != nil {
		return nil, err
	}
	yes := all[:0]
	open := make([]bool, len(ds))
	for i := range open {
		open[i] = true
	}
	for _, k := range all {
		seen := q.sight != nil && k.path != "" && q.sight(k.path)
		if k.blob.ID != 0 && (seen || k.leased || q.leases.has(q.session, k.blob.ID)) {
			yes, open[k.index] = append(yes, k), false
		}
	}
	if q.sight == nil || len(yes) == len(ds) {
		return yes, nil
	}
	elsewhere, err := q.standing(ds, open)
	return append(yes, elsewhere...), err
}

// holderOf returns the holder's number, 0 if the session holds nothing.
func holderOf(r *conn, s store.SessionID) (id int64, err error) {
	err = r.rows([]any{&id}, func() error { return errStop }, "SELECT id FROM holders WHERE session=?", string(s))
	return id, err
}

// orNone are the columns of a blob that may not be there.
const orNone = "coalesce(b.id, 0), coalesce(b.size, 0), coalesce(b.pack, 0), coalesce(b.offset, 0), coalesce(b.damaged, 0)"

// candidates returns, for every digest, its blob, 0 if there is none, with one
// path at which it stands, if any.
func (q *haveQuery) candidates(ds []manifest.Digest) (page []candidate, err error) {
	var (
		k    candidate
		path sql.RawBytes
	)
	b := &k.blob
	page = make([]candidate, 0, len(ds))
	err = q.c.rows([]any{&k.index, &b.ID, &b.Size, &b.Pack, &b.Offset, &b.Damaged, &k.leased, &path}, func() error {
		b.Digest = ds[k.index]
		k.path = manifest.Path(trimSlash(path))
		page = append(page, k)
		return nil
	}, each+`SELECT n.i, `+orNone+`,
			?3<>0 AND EXISTS (SELECT 1 FROM leases WHERE blob=b.id AND holder=?3),
			(SELECT d.path || '/' || e.name FROM entries e CROSS JOIN dirs d ON d.id=e.dir
				WHERE e.blob=coalesce(b.id, ?4+n.i) AND e.to_pub IS NULL LIMIT 1)
		FROM n LEFT JOIN blobs b ON b.digest=n.d`, joined(ds), len(ds), q.holder, q.decoy)
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

// standing looks for the digests that are open at all the paths where they
// stand, and returns those of which the sight shows one.
func (q *haveQuery) standing(ds []manifest.Digest, open []bool) (found []candidate, err error) {
	var (
		k         candidate
		dir, name sql.RawBytes
		rest      []manifest.Digest
		index     []int
	)
	for i, d := range ds {
		if open[i] {
			rest, index = append(rest, d), append(index, i)
		}
	}
	b, at := &k.blob, 0
	err = q.c.rows([]any{&at, &b.ID, &b.Size, &b.Pack, &b.Offset, &b.Damaged, &dir, &name}, func() error {
		k.index = index[at]
		if q.sight(manifest.Path(dir).Join(manifest.Path(name))) && b.ID != 0 && open[k.index] {
			b.Digest, open[k.index] = rest[at], false
			found = append(found, k)
		}
		return nil
	}, each+`SELECT n.i, `+orNone+`, d.path, e.name
		FROM n LEFT JOIN blobs b ON b.digest=n.d
		CROSS JOIN entries e ON e.blob=coalesce(b.id, ?4+n.i) AND e.to_pub IS NULL
		CROSS JOIN dirs d ON d.id=e.dir LIMIT ?3+0`, joined(rest), len(rest), maxSights*len(rest), q.decoy)
	return found, err
}

// similarScan is how many entries of one stem Similar looks at. At a microsecond each
// they must stay cheap beside the file that is looked for: objects of a build all have
// one stem.
const similarScan = 100

// Similar implements [store.Tree].
func (c *Catalog) Similar(ctx context.Context, dir manifest.Path, name string, limit int) (list []manifest.Entry, err error) {
	var (
		s    rowScan
		path []byte
		stem = store.Stem(name)
	)
	from, to := below(dir)
	err = c.read(ctx, func(r *conn) error {
		return r.rows(s.dest(&path), func() error {
			e := s.entry(manifest.Path(path))
			if store.Stem(e.Path.Base()) != stem {
				return nil
			}
			if list = append(list, e); len(list) >= limit {
				return errStop
			}
			return nil
		}, "SELECT d.path, "+entryCols+` FROM (
				SELECT * FROM entries WHERE stem=?1 AND to_pub IS NULL ORDER BY from_pub DESC LIMIT ?2+0) e
			CROSS JOIN dirs d ON d.id=e.dir LEFT JOIN blobs b ON b.id=e.blob
			WHERE length(?3)=0 OR d.path=?3 OR d.path>=?4 AND d.path<?5`, stemHash(name), similarScan, []byte(dir), from, to)
	})
	return list, err
}
