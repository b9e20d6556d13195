package disk

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pubsync/pubsync/server/store/catalog"
	"github.com/pubsync/pubsync/sync/manifest"
)

// packs rewrites the packs that are mostly dead and removes those nobody
// refers to.
func (c *collection) packs() error {
	known, err := c.s.cat.Packs(c.ctx)
	if err != nil {
		return err
	}
	use, err := c.s.cat.PackUse(c.ctx)
	if err != nil {
		return err
	}
	for _, p := range known {
		u := use[p.ID]
		live := u.Bytes + u.Blobs*headerSize
		if live > p.Extent/2 {
			continue
		}
		if err := c.repack(p, live); err != nil {
			return fmt.Errorf("pack %d: %w", p.ID, err)
		}
	}
	return c.orphanPacks()
}

// repack copies what lives of a pack into others and removes it.
func (c *collection) repack(p catalog.Pack, live int64) error {
	if c.o.DryRun {
		c.out.Packs++
		c.out.Freed += p.Extent - live
		return nil
	}
	undo, ok := c.s.packs.retire(p.ID)
	if !ok {
		return nil // a batch is writing to it; next time
	}
	if err := c.s.moveAll(c.ctx, p.ID); err != nil {
		undo()
		return err
	}
	c.out.Packs++
	c.out.Freed += p.Extent - live
	return c.s.packs.remove(p.ID)
}

// orphanPacks removes pack files that the catalog does not know and nobody is
// writing: what a crash left of a batch.
func (c *collection) orphanPacks() error {
	list, err := c.s.fs.ReadDir("packs")
	if err != nil {
		return err
	}
	for _, e := range list {
		id, ok := packID(e.Name())
		if !ok {
			continue
		}
		undo, ok := c.s.packs.retire(id)
		if !ok {
			continue // being written
		}
		// Only now: a batch might have made the pack known until a moment ago.
		known, err := c.s.cat.Packs(c.ctx)
		if err != nil || slices.ContainsFunc(known, func(p catalog.Pack) bool { return p.ID == id }) {
			undo()
			if err != nil {
				return err
			}
			continue
		}
		if err := c.orphanPack(id); err != nil {
			return err
		}
	}
	return nil
}

func (c *collection) orphanPack(id int64) error {
	c.out.Orphans++
	if st, err := c.s.fs.Stat(packName(id)); err == nil {
		c.out.Freed += st.Size()
	}
	if c.o.DryRun {
		return nil
	}
	return c.s.packs.remove(id)
}

// retire takes a pack from those that may be written. It reports false if one
// is writing it now; undo puts it back as it was.
func (p *packs) retire(id int64) (undo func(), ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lent[id] {
		return nil, false
	}
	i := slices.IndexFunc(p.free, func(k catalog.Pack) bool { return k.ID == id })
	if i < 0 {
		return func() {}, true
	}
	k := p.free[i]
	p.free = slices.Delete(p.free, i, i+1)
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.free = append(p.free, k)
	}, true
}

// packID returns the number in a pack's name.
func packID(name string) (int64, bool) {
	hex, ok := strings.CutSuffix(name, ".pack")
	id, err := strconv.ParseInt(hex, 16, 64)
	return id, ok && err == nil
}

// moveAll copies every sound blob of a pack into other packs, in one sync and
// one transaction, and forgets the pack. Those that are not sound are marked.
func (s *Store) moveAll(ctx context.Context, id int64) error {
	from, err := s.cat.InPack(ctx, id)
	if err != nil {
		return err
	}
	m := mover{s: s}
	err = m.run(ctx, from, id)
	for _, w := range m.writers {
		if err == nil {
			w.keep()
		} else {
			w.drop(true)
		}
	}
	return err
}

// mover copies blobs from one pack to others.
type mover struct {
	s        *Store
	writers  []*packWriter
	from, to []catalog.Blob
}

func (m *mover) run(ctx context.Context, list []catalog.Blob, gone int64) error {
	for _, b := range list {
		if err := errors.Join(ctx.Err(), m.copy(ctx, b)); err != nil {
			return err
		}
	}
	var packs []catalog.Pack
	for _, w := range m.writers {
		if err := w.sync(); err != nil {
			return err
		}
		packs = append(packs, catalog.Pack{ID: w.id, Extent: w.tail})
	}
	return m.s.cat.Move(ctx, m.from, m.to, packs, gone)
}

func (m *mover) copy(ctx context.Context, b catalog.Blob) error {
	record, err := m.s.record(b)
	if err != nil && !isDamage(err) {
		return err
	}
	if err != nil {
		// Lost already; the next push heals it. The row stays for that.
		return m.s.cat.SetDamaged(ctx, b.Digest, true)
	}
	if k := len(m.writers); k == 0 || m.writers[k-1].tail+int64(len(record)) > m.s.packs.limit {
		w, err := m.s.packs.lend(int64(len(record)))
		if err != nil {
			return err
		}
		m.writers = append(m.writers, w)
	}
	w := m.writers[len(m.writers)-1]
	to := b
	to.Pack, to.Offset = w.id, w.tail
	if err := w.append(record); err != nil {
		return err
	}
	m.from, m.to = append(m.from, b), append(m.to, to)
	return nil
}

// record reads the record of a blob in a pack, header and content, and checks
// the content against the digest.
func (s *Store) record(b catalog.Blob) ([]byte, error) {
	f, err := s.packs.open(b.Pack)
	if err != nil {
		return nil, err
	}
	defer f.release()
	if err := checkRecord(f, b); err != nil {
		return nil, err
	}
	record := make([]byte, headerSize+b.Size)
	if _, err := f.ReadAt(record, b.Offset); err != nil {
		return nil, noEOF(err)
	}
	if manifest.Digest(sha256.Sum256(record[headerSize:])) != b.Digest {
		return nil, errAltered
	}
	return record, nil
}
