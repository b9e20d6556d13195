package push

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/walk"
	"github.com/pubsync/pubsync/sync/wire"
)

// maxChanges is how often a file may change under the reader before the push
// gives up on it.
const maxChanges = 5

// hash fills in the digests of a window's files, those known already excepted, and
// what its shelf has a place for, and takes note of entries that changed.
func (p *pusher) hash(ctx context.Context, w *window) error {
	p.furnish(w)
	var next atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	for range min(hashers(), len(w.indices)) {
		g.Go(func() error {
			var buf []byte // made when it is wanted
			for {
				k := int(next.Add(1) - 1)
				if k >= len(w.indices) {
					return nil
				}
				changed, err := p.hashNth(ctx, w, k, &buf)
				if err != nil {
					return err
				}
				if changed {
					p.events.Lock()
					p.amended[w.indices[k]] = true
					p.events.Unlock()
				}
			}
		})
	}
	return g.Wait()
}

// hashBuffer is how many bytes of a file are read at once.
const hashBuffer = 256 << 10

// hashNth sets the digest of the window's k-th file, and reports whether its entry
// differs from what was listed.
func (p *pusher) hashNth(ctx context.Context, w *window, k int, buf *[]byte) (changed bool, err error) {
	i := w.indices[k]
	if err := ctx.Err(); err != nil {
		return false, context.Cause(ctx)
	}
	e := &p.tree.Entries[i]
	content := w.shelf.content(k)
	if !e.Digest.IsZero() && content == nil {
		return false, nil
	}
	kept := content != nil
	if !kept {
		if *buf == nil {
			*buf = make([]byte, hashBuffer)
		}
		if e.Size > hashBuffer {
			return p.hashFile(ctx, i, *buf)
		}
		content = (*buf)[:e.Size]
	}
	switch err := p.tree.Read(i, content); {
	case errors.Is(err, walk.ErrChanged):
		return p.hashFile(ctx, i, make([]byte, hashBuffer))
	case err != nil:
		return false, err
	}
	e.Digest = sha256.Sum256(content)
	if kept {
		w.shelf.keep(k)
	}
	return false, nil
}

// hashFile sets the digest of entry i from content that did not change while
// it was read, and reports whether the entry differs from what was listed.
func (p *pusher) hashFile(ctx context.Context, i int, buf []byte) (changed bool, err error) {
	for try := 0; ; try++ {
		d, err := p.digest(ctx, i, buf)
		if err == nil {
			p.tree.Entries[i].Digest = d
			return changed, nil
		}
		if !errors.Is(err, walk.ErrChanged) || try == maxChanges {
			return changed, err
		}
		if err := p.refresh(ctx, i); err != nil {
			return changed, err
		}
		changed = true
	}
}

func (p *pusher) digest(ctx context.Context, i int, buf []byte) (manifest.Digest, error) {
	f, err := p.tree.Open(i)
	if err != nil {
		return manifest.Digest{}, err
	}
	defer f.Close()
	h := sha256.New()
	for {
		n, err := f.Read(buf)
		h.Write(buf[:n])
		if err == io.EOF {
			break
		}
		if err != nil {
			return manifest.Digest{}, err
		}
		if err := ctx.Err(); err != nil {
			return manifest.Digest{}, context.Cause(ctx)
		}
	}
	if err := f.Check(); err != nil {
		return manifest.Digest{}, err
	}
	return manifest.Digest(h.Sum(nil)), nil
}

// refresh looks at a changed file again after giving its writer a moment.
func (p *pusher) refresh(ctx context.Context, i int) error {
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return p.tree.Refresh(i)
}

// rehash brings entry i up to date after its file changed between hashing and
// sending, and returns the frames that tell the server.
func (p *pusher) rehash(ctx context.Context, i int) ([]byte, error) {
	p.events.Lock()
	p.changes[i]++
	often := p.changes[i] > maxChanges
	p.events.Unlock()
	if often {
		return nil, fmt.Errorf("%s: %w, again and again", p.tree.Local(i), walk.ErrChanged)
	}
	if err := p.refresh(ctx, i); err != nil {
		return nil, err
	}
	if _, err := p.hashFile(ctx, i, make([]byte, hashBuffer)); err != nil {
		return nil, err
	}
	return p.amendment(i), nil
}

// amendments codes those of the entries that changed since they were listed.
func (p *pusher) amendments(indices []int) (frames []byte) {
	p.events.Lock()
	defer p.events.Unlock()
	if len(p.amended) == 0 {
		return nil
	}
	for _, i := range indices {
		if p.amended[i] {
			frames = append(frames, p.amendment(i)...)
		}
	}
	return frames
}

// amendment codes the entry at i as it is now.
func (p *pusher) amendment(i int) []byte {
	e := p.tree.Entries[i]
	e.Digest = manifest.Digest{}
	return wire.AppendAmend(nil, i, e)
}
