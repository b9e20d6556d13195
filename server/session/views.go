package session

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"sync"

	"github.com/pubsync/pubsync/delta"
	"github.com/pubsync/pubsync/delta/archive"
	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// indexName is the derived index, kept beside an archive, that holds what the
// expansion of it found out. An empty one says that the blob is no archive.
const indexName = "archive-1"

// maxViews is how many expanded bases a session keeps at once.
const maxViews = 4

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

// views are the expanded bases of a session, the one used last at the end.
type views struct {
	mu    sync.Mutex
	of    map[manifest.Digest]*basisView // nil for what is no archive
	order []manifest.Digest
	users map[*basisView]int
}

// view returns the expanded basis, or nil if it is no archive. The caller calls
// done when it is through with it.
func (s *session) view(ctx context.Context, d manifest.Digest, blob func() (store.Blob, error)) (v *basisView, done func(), err error) {
	s.views.mu.Lock()
	defer s.views.mu.Unlock()
	if s.views.of == nil {
		s.views.of, s.views.users = map[manifest.Digest]*basisView{}, map[*basisView]int{}
	}
	v, known := s.views.of[d]
	if !known {
		if v, err = s.expand(ctx, d, blob); err != nil {
			return nil, nil, err
		}
		s.views.of[d] = v
		s.views.order = append(s.views.order, d)
		s.views.shrink()
	}
	if v == nil {
		return nil, func() {}, nil
	}
	s.views.users[v]++
	return v, func() { s.views.put(v) }, nil
}

func (vs *views) put(v *basisView) {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	vs.users[v]--
	vs.shrink()
}

// shrink closes the oldest views that nobody uses until few enough are left.
func (vs *views) shrink() {
	for i := 0; len(vs.order) > maxViews && i < len(vs.order); {
		v := vs.of[vs.order[i]]
		if v != nil && vs.users[v] > 0 {
			i++
			continue
		}
		if v != nil {
			v.close()
			delete(vs.users, v)
		}
		delete(vs.of, vs.order[i])
		vs.order = append(vs.order[:i], vs.order[i+1:]...)
	}
}

func (vs *views) close() {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	for _, v := range vs.of {
		if v != nil {
			v.close()
		}
	}
	vs.of, vs.order, vs.users = nil, nil, nil
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
	v, err := s.engine.takeApart(ctx, d, blob, index, err == nil)
	if v == nil || err != nil {
		blob.Close()
	}
	return v, err
}

// takeApart expands a blob into a file without a name. known says that index is
// what was found out before.
func (e *Engine) takeApart(ctx context.Context, d manifest.Digest, blob store.Blob, index []byte, known bool) (*basisView, error) {
	if known && len(index) == 0 || !known && !sniffs(blob) {
		return nil, nil
	}
	if err := e.archives.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer e.archives.Release(1)
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
	view, err := archive.Expand(ctx, blob, blob.Size(), spool, archive.DefaultLimits())
	if errors.Is(err, archive.ErrNotArchive) {
		spool.Close()
		return nil, e.keepIndex(ctx, d, nil)
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
	if err != nil {
		spool.Close()
		return nil, err
	}
	return v, nil
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

// sniffs reports whether a blob may be an archive.
func sniffs(b store.Blob) bool {
	head := make([]byte, min(b.Size(), archive.SniffHead))
	tail := make([]byte, min(b.Size(), archive.SniffTail))
	if _, err := b.ReadAt(head, 0); err != nil && err != io.EOF {
		return false
	}
	if _, err := b.ReadAt(tail, b.Size()-int64(len(tail))); err != nil && err != io.EOF {
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
