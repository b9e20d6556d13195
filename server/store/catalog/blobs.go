package catalog

import (
	"context"
	"fmt"
	"strings"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// A Blob is where a blob lies.
type Blob struct {
	ID      int64 // never used for another blob; 0 while unknown
	Digest  manifest.Digest
	Size    int64 // bytes of content
	Pack    int64 // 0: a file of its own
	Offset  int64 // of its record in the pack
	Damaged bool
}

// A Pack is a pack file and how far it is known to be durable.
type Pack struct {
	ID     int64
	Extent int64 // bytes
}

// findPage is how many digests one statement looks up.
const findPage = 1000

// each runs over the digests in ?1, of which there are ?2, as n.i and n.d: one
// parameter and one statement for many keys, six times as fast as a statement
// per key.
const each = `WITH RECURSIVE k(i) AS (SELECT 0 WHERE ?2>0 UNION ALL SELECT i+1 FROM k WHERE i+1<?2),
	n(i, d) AS (SELECT i, substr(?1, i*32+1, 32) FROM k) `

// joined returns the digests one after another, for each.
func joined(ds []manifest.Digest) []byte {
	b := make([]byte, 0, len(ds)*manifest.DigestSize)
	for i := range ds {
		b = append(b, ds[i][:]...)
	}
	return b
}

// find calls f with the index and place of every digest that has a row.
func find(r *conn, ds []manifest.Digest, f func(i int, b Blob) error) error {
	var (
		i int
		b Blob
	)
	for base := 0; base < len(ds); base += findPage {
		page := ds[base:min(base+findPage, len(ds))]
		err := r.rows([]any{&i, &b.ID, &b.Size, &b.Pack, &b.Offset, &b.Damaged}, func() error {
			b.Digest = page[i]
			return f(base+i, b)
		}, each+"SELECT n.i, b.id, b.size, b.pack, b.offset, b.damaged FROM n CROSS JOIN blobs b ON b.digest=n.d",
			joined(page), len(page))
		if err != nil {
			return err
		}
	}
	return nil
}

// Find calls f with the index and place of every digest the catalog knows.
func (c *Catalog) Find(ctx context.Context, ds []manifest.Digest, f func(i int, b Blob)) error {
	return c.read(ctx, func(r *conn) error {
		return find(r, ds, func(i int, b Blob) error {
			f(i, b)
			return nil
		})
	})
}

// Locate returns the place of a blob, or ErrNotFound.
func (c *Catalog) Locate(ctx context.Context, d manifest.Digest) (Blob, error) {
	b := Blob{Digest: d}
	err := c.read(ctx, func(r *conn) error {
		return r.row([]any{&b.ID, &b.Size, &b.Pack, &b.Offset, &b.Damaged},
			"SELECT id, size, pack, offset, damaged FROM blobs WHERE digest=?", d[:])
	})
	if err != nil {
		err = fmt.Errorf("blob %v: %w", d, err)
	}
	return b, err
}

// Register makes blobs known and leases them, together with those of held that
// are known already, to session s, and notes how far the packs are durable, in
// one durable transaction. A blob that is known at another place stays there,
// unless it was damaged or is to be healed: then it moves.
func (c *Catalog) Register(ctx context.Context, s store.SessionID, added, healed []Blob, held []manifest.Digest, packs []Pack) error {
	return c.writeAgain(ctx, func(w *conn) error {
		if err := setExtents(w, packs); err != nil {
			return err
		}
		if len(added)+len(healed) == 0 {
			return lease(w, s, held)
		}
		last, err := lastBlob(w)
		if err != nil {
			return err
		}
		if err := upsert(w, added, "WHERE damaged"); err != nil {
			return err
		}
		if err := upsert(w, healed, ""); err != nil {
			return err
		}
		fresh, err := leaseSince(w, s, last)
		if err != nil {
			return err
		}
		if fresh == int64(len(added)+len(healed)) {
			return lease(w, s, held)
		}
		ds := held
		for _, b := range added {
			ds = append(ds, b.Digest)
		}
		for _, b := range healed {
			ds = append(ds, b.Digest)
		}
		return lease(w, s, ds)
	})
}

// lastBlob returns the greatest number of a blob, 0 if there is none.
func lastBlob(r *conn) (id int64, err error) {
	err = r.row([]any{&id}, "SELECT coalesce(max(id), 0) FROM blobs")
	return id, err
}

func setExtents(w *conn, packs []Pack) error {
	for _, p := range packs {
		_, err := w.exec("INSERT INTO packs(id, extent) VALUES (?, ?) ON CONFLICT(id) DO UPDATE SET extent=excluded.extent", p.ID, p.Extent)
		if err != nil {
			return err
		}
	}
	return nil
}

// upsert inserts blobs; those that are known and fulfil the condition move.
func upsert(w *conn, blobs []Blob, where string) error {
	const row = "(?,?,?,?)"
	for _, size := range insertSizes() {
		q := "INSERT INTO blobs(digest, size, pack, offset) VALUES " + row + strings.Repeat(","+row, size-1) +
			" ON CONFLICT(digest) DO UPDATE SET size=excluded.size, pack=excluded.pack, offset=excluded.offset, damaged=0 " + where
		args := make([]any, 0, 4*size)
		for len(blobs) >= size {
			args = args[:0]
			for i := range blobs[:size] {
				b := &blobs[i]
				args = append(args, b.Digest[:], b.Size, b.Pack, b.Offset)
			}
			if _, err := w.exec(q, args...); err != nil {
				return err
			}
			blobs = blobs[size:]
		}
	}
	return nil
}

// SetDamaged marks a blob as damaged, or as sound again. No tree that uses a
// damaged blob stands. ErrNotFound if the catalog does not know the blob.
func (c *Catalog) SetDamaged(ctx context.Context, d manifest.Digest, damaged bool) error {
	return c.write(ctx, func(w *conn) error {
		n, err := w.exec("UPDATE blobs SET damaged=? WHERE digest=?", damaged, d[:])
		if err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("blob %v: %w", d, store.ErrNotFound)
		}
		if !damaged {
			return nil
		}
		dirs, err := dirsWith(w, d)
		if err != nil {
			return err
		}
		for _, dir := range dirs {
			if err := unsettle(w, dir, true, false); err != nil {
				return err
			}
		}
		return nil
	})
}

// dirsWith returns the directories in which an entry with this content stands.
func dirsWith(r *conn, d manifest.Digest) (dirs []manifest.Path, err error) {
	var path []byte
	err = r.rows([]any{&path}, func() error {
		dirs = append(dirs, manifest.Path(path))
		return nil
	}, `SELECT path FROM dirs WHERE id IN (
		SELECT e.dir FROM blobs b CROSS JOIN entries e ON e.blob=b.id AND e.to_pub IS NULL WHERE b.digest=?)`, d[:])
	return dirs, err
}

// Packs returns all packs.
func (c *Catalog) Packs(ctx context.Context) (packs []Pack, err error) {
	var p Pack
	err = c.read(ctx, func(r *conn) error {
		return r.rows([]any{&p.ID, &p.Extent}, func() error {
			packs = append(packs, p)
			return nil
		}, "SELECT id, extent FROM packs ORDER BY id")
	})
	return packs, err
}
