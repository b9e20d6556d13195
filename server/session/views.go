package session

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"sync"
	"syscall"

	"github.com/pubsync/pubsync/delta"
	"github.com/pubsync/pubsync/delta/archive"
	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// indexName is the derived index, kept beside an archive, that holds what the
// expansion of it found out. An empty one says that the blob is no archive.
const indexName = "archive-1"

// Bounds of the expanded bases that a session keeps at once: as many as the client
// matches at once, in rounds that ask about each again, while they take no more
// than so many bytes of disk; a few in any case.
const (
	minViews     = 4
	maxViews     = 128
	maxViewBytes = 1 << 30
)

// A basisView is an archive taken apart: its plain stream in a file without a
// name, its recipe in memory.
type basisView struct {
	plain  *os.File
	size   int64
	recipe []byte
	blob   store.Blob
}

func (v *basisView) close() {
	v.plain.Close()
	v.blob.Close()
}

// views are the expanded bases of a session.
type views struct {
	mu     sync.Mutex
	of     map[manifest.Digest]*heldView
	order  []manifest.Digest // the one asked for last at the end
	closed bool
}

// A heldView is a basis expanded, or being expanded by whoever asked first.
type heldView struct {
	ready chan struct{} // closed once v and err are set
	v     *basisView    // nil for what is no archive
	err   error
	users int
}

// view returns the expanded basis, or nil if it is no archive. The caller calls
// done when it is through with it. Nothing is locked while a basis is expanded,
// and the caller must not have one of the engine's turns.
func (s *session) view(ctx context.Context, d manifest.Digest, open func() (store.Blob, error)) (v *basisView, done func(), err error) {
	for {
		h, first := s.views.enter(d)
		if first {
			h.v, h.err = s.expand(ctx, d, open)
			s.views.made(d, h)
		} else {
			select {
			case <-h.ready:
			case <-ctx.Done():
				s.views.put(h)
				return nil, nil, ctx.Err()
			}
		}
		switch {
		case h.err == nil:
			return h.v, func() { s.views.put(h) }, nil
		case first || ctx.Err() != nil:
			s.views.put(h)
			return nil, nil, h.err
		}
		s.views.put(h) // another's request failed or was given up: try ourselves
	}
}

// enter returns what is held of a basis, to be put back by the caller. first
// says that the caller is to make it.
func (vs *views) enter(d manifest.Digest) (h *heldView, first bool) {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	h = vs.of[d]
	if h == nil {
		if vs.of == nil {
			vs.of = map[manifest.Digest]*heldView{}
		}
		h = &heldView{ready: make(chan struct{})}
		vs.of[d] = h
		first = true
	} else {
		vs.order = slices.DeleteFunc(vs.order, func(o manifest.Digest) bool { return o == d })
	}
	vs.order = append(vs.order, d)
	h.users++
	return h, first
}

// made tells those who wait that h is made, or has failed.
func (vs *views) made(d manifest.Digest, h *heldView) {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	if h.err != nil && vs.of[d] == h {
		delete(vs.of, d)
		vs.order = slices.DeleteFunc(vs.order, func(o manifest.Digest) bool { return o == d })
	}
	close(h.ready)
	vs.shrink()
}

func (vs *views) put(h *heldView) {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	h.users--
	vs.shrink()
}

// shrink closes the views asked for longest ago that nobody uses until few
// enough are left, or all of them once the session is over.
func (vs *views) shrink() {
	for i := 0; i < len(vs.order) && vs.tooMany(); {
		h := vs.of[vs.order[i]]
		if h.users > 0 {
			i++
			continue
		}
		if h.v != nil {
			h.v.close()
		}
		delete(vs.of, vs.order[i])
		vs.order = slices.Delete(vs.order, i, i+1)
	}
}

func (vs *views) tooMany() bool {
	n, bytes := len(vs.order), int64(0)
	if vs.closed || n > maxViews {
		return n > 0
	}
	for _, d := range vs.order {
		bytes += vs.of[d].size()
	}
	return n > minViews && bytes > maxViewBytes
}

// size is what the view takes on disk; that of one being made is not known.
func (h *heldView) size() int64 {
	select {
	case <-h.ready:
		if h.v != nil {
			return h.v.size
		}
	default:
	}
	return 0
}

// close closes the views, those in use as soon as they are put back.
func (vs *views) close() {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	vs.closed = true
	vs.shrink()
}

// expand takes a basis apart, by its index if it has one.
func (s *session) expand(ctx context.Context, d manifest.Digest, open func() (store.Blob, error)) (*basisView, error) {
	blob, err := open()
	if err != nil || blob == nil {
		return nil, err
	}
	index, err := s.store().Derived(ctx, d, indexName)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		blob.Close()
		return nil, err
	}
	v, err := s.engine.takeApart(ctx, s.id, d, blob, index, err == nil)
	if v == nil || err != nil {
		blob.Close()
	}
	return v, err
}

// takeApart expands a blob into a file without a name, for a session or, if who is "",
// for none. known says that index is what was found out before.
func (e *Engine) takeApart(ctx context.Context, who store.SessionID, d manifest.Digest, blob store.Blob, index []byte, known bool) (*basisView, error) {
	if known && len(index) == 0 || !known && !sniffs(blob, blob.Size()) {
		return nil, nil
	}
	done, err := e.turns.take(ctx, who)
	if err != nil {
		return nil, err
	}
	defer done()
	spool, err := e.cfg.Spool()
	if err != nil {
		return nil, err
	}
	v := &basisView{plain: spool, blob: blob}
	if known {
		if err := v.replay(ctx, blob, index); err == nil {
			return v, nil
		}
		// An index that does not fit its blob is made anew.
	}
	view, err := archive.Sample(ctx, blob, blob.Size(), spool, archive.DefaultLimits())
	if errors.Is(err, archive.ErrNotArchive) {
		spool.Close()
		return nil, e.keepIndex(ctx, d, nil)
	}
	if fullDisk(err) {
		spool.Close()
		return nil, nil // by its bytes, then
	}
	if err != nil {
		spool.Close()
		return nil, err
	}
	v.size, v.recipe = view.PlainSize, view.Recipe
	x, err := archive.NewIndex(ctx, view)
	if err == nil {
		err = e.keepIndex(ctx, d, x.Marshal())
	}
	if err != nil && !fullDisk(err) {
		spool.Close()
		return nil, err
	}
	return v, nil
}

// fullDisk reports whether something failed for want of space.
func fullDisk(err error) bool {
	return errors.Is(err, store.ErrFull) || errors.Is(err, syscall.ENOSPC)
}

func (v *basisView) replay(ctx context.Context, blob store.Blob, index []byte) error {
	x, err := archive.UnmarshalIndex(index, archive.DefaultLimits())
	if err != nil {
		return err
	}
	n, err := archive.Replay(ctx, blob, blob.Size(), x.Recipe, v.plain, archive.DefaultLimits())
	if err != nil {
		return err
	}
	v.size, v.recipe = n, x.Recipe
	return nil
}

// keepIndex keeps an index; a blob that has gone meanwhile is no failure.
func (e *Engine) keepIndex(ctx context.Context, d manifest.Digest, index []byte) error {
	err := e.cfg.Store.PutDerived(ctx, d, indexName, index)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// sniffs reports whether size bytes may be an archive.
func sniffs(b io.ReaderAt, size int64) bool {
	head := make([]byte, min(size, archive.SniffHead))
	tail := make([]byte, min(size, archive.SniffTail))
	if _, err := b.ReadAt(head, 0); err != nil && err != io.EOF {
		return false
	}
	if _, err := b.ReadAt(tail, size-int64(len(tail))); err != nil && err != io.EOF {
		return false
	}
	return archive.Sniff(head, tail) != archive.Bytes
}

// openView opens a view of a basis for reading. It returns a zero source if it
// is not to be had.
func (x *exchange) openView(b wire.Basis) (delta.Source, func(), error) {
	v, done, err := x.session.view(x.ctx, b.Digest, func() (store.Blob, error) { return x.openBlob(b.Digest) })
	if err != nil || v == nil {
		return delta.Source{}, nil, err
	}
	if b.View == wire.Recipe {
		return delta.Source{ReaderAt: bytes.NewReader(v.recipe), Size: int64(len(v.recipe))}, done, nil
	}
	return delta.Source{ReaderAt: v.plain, Size: v.size}, done, nil
}
