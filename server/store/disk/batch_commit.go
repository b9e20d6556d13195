package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

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
	for _, w := range b.writers {
		if err := w.sync(); err != nil {
			b.err = err
			return err
		}
	}
	if err := syncFiles(b.files); err != nil {
		return full(err)
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
	buf := b.buf
	b.s.buffers.Put(&buf)
	b.buf, b.waiting, b.files, b.writers, b.done = nil, nil, nil, nil, true
}

// syncFiles makes the content of files durable, a few at a time: the system
// joins syncs that come together.
func syncFiles(files []tempFile) error {
	const parallel = 8
	errs := make(chan error, len(files))
	slots := make(chan struct{}, parallel)
	for _, t := range files {
		slots <- struct{}{}
		go func() {
			errs <- t.f.Sync()
			<-slots
		}()
	}
	var first error
	for range files {
		if err := <-errs; first == nil {
			first = err
		}
	}
	return first
}

// place gives synced files their names and makes everything known and leased.
func (s *Store) place(ctx context.Context, id store.SessionID, files []tempFile, added, healed []catalog.Blob, held []manifest.Digest, packs []catalog.Pack) error {
	s.sweep.RLock()
	defer s.sweep.RUnlock()
	dirs := make(map[string]bool)
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
		dirs[blobDir(t.digest)] = true
	}
	for dir := range dirs {
		if err := s.fs.SyncDir(dir); err != nil {
			return full(err)
		}
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
