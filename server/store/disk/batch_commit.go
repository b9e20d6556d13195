package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/server/store/catalog"
	"github.com/pubsync/pubsync/sync/manifest"
)

// Commit implements [store.Batch]. A batch whose commit fails is discarded.
func (b *batch) Commit(ctx context.Context) error {
	if b.done {
		return fmt.Errorf("batch: %w: it is done", store.ErrInvalid)
	}
	if err := b.commit(ctx); err != nil {
		b.Discard()
		return fmt.Errorf("batch of %d blobs: %w", len(b.seen), err)
	}
	for _, w := range b.writers {
		w.keep()
	}
	b.finish()
	return nil
}

func (b *batch) commit(ctx context.Context) error {
	if b.err != nil {
		return b.err
	}
	if err := b.flush(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := b.sync(); err != nil {
		return err
	}
	return b.s.place(ctx, b.session, b.files, b.added, b.healed, b.held, b.extents())
}

func (b *batch) extents() []catalog.Pack {
	packs := make([]catalog.Pack, len(b.writers))
	for i, w := range b.writers {
		packs[i] = catalog.Pack{ID: w.id, Extent: w.tail}
	}
	return packs
}

// Discard implements [store.Batch].
func (b *batch) Discard() {
	if b.done {
		return
	}
	for _, w := range b.writers {
		w.drop(b.err == nil || errors.Is(b.err, store.ErrFull))
	}
	for _, t := range b.files {
		b.s.discard(t)
	}
	b.finish()
}

func (b *batch) finish() {
	b.giveBack()
	b.waiting, b.files, b.writers, b.done = nil, nil, nil, true
}

// sync makes the packs that were written and the files that are open durable. An
// error breaks the batch.
func (b *batch) sync() error {
	open := b.files[len(b.files)-b.open:]
	b.open = 0
	b.err = together(len(open)+len(b.writers), func(i int) error {
		if i < len(open) {
			return full(open[i].f.Sync())
		}
		return b.writers[i-len(open)].sync()
	})
	return b.err
}

// together calls f for 0 to n-1, a few at a time, and returns the first error:
// the system joins syncs that come together.
func together(n int, f func(int) error) error {
	var g errgroup.Group
	g.SetLimit(8)
	for i := range n {
		g.Go(func() error { return f(i) })
	}
	return g.Wait()
}

// place gives synced files their names and makes everything known and leased.
func (s *Store) place(ctx context.Context, id store.SessionID, files []tempFile, added, healed []catalog.Blob, held []manifest.Digest, packs []catalog.Pack) error {
	s.sweep.RLock()
	defer s.sweep.RUnlock()
	var dirs []string
	for i := range files {
		t := &files[i]
		if t.f != nil {
			if err := t.f.Close(); err != nil {
				return err
			}
			t.f = nil
		}
		if err := s.rename(t.name, t.digest); err != nil {
			return full(err)
		}
		dirs = append(dirs, blobDir(t.digest))
	}
	slices.Sort(dirs)
	dirs = slices.Compact(dirs)
	if err := together(len(dirs), func(i int) error { return full(s.fs.SyncDir(dirs[i])) }); err != nil {
		return err
	}
	return s.cat.Register(ctx, id, added, healed, held, packs)
}

// rename moves a file to the place of the blob d.
func (s *Store) rename(name string, d manifest.Digest) error {
	err := s.fs.Rename(name, blobName(d))
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := mkdir(s.fs, "blobs", fan(d)); err != nil {
		return err
	}
	return s.fs.Rename(name, blobName(d))
}

func fan(d manifest.Digest) string      { return d.String()[:2] }
func blobDir(d manifest.Digest) string  { return "blobs/" + fan(d) }
func blobName(d manifest.Digest) string { return blobDir(d) + "/" + d.String() }
