package files

import (
	"context"
	"errors"

	"github.com/pubsync/pubsync/server/files/treelink"
	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// find returns what is at p itself, visible or not; nothing is
// [store.ErrNotFound].
func (h *Handler) find(ctx context.Context, q *request, p manifest.Path) (*found, error) {
	if q.newest {
		if f := h.cache.get(q.version, p); f != nil {
			return f.orNotFound()
		}
	}
	e, err := h.cfg.Store.Lookup(ctx, p, q.version)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	f := &found{entry: e}
	if err != nil {
		f.entry = manifest.Entry{}
	}
	f.entry.Path = clone(p)
	if q.newest {
		h.cache.put(q.version, f)
	}
	return f.orNotFound()
}

func (f *found) orNotFound() (*found, error) {
	if f.entry.Kind == 0 {
		return nil, store.ErrNotFound
	}
	return f, nil
}

// see is find for what the reader may see.
func (h *Handler) see(ctx context.Context, q *request, p manifest.Path) (*found, error) {
	if !q.sees(p) {
		return nil, store.ErrNotFound
	}
	if p == "" {
		return &found{entry: manifest.Entry{Kind: manifest.Dir, Mode: 0o755}}, nil
	}
	return h.find(ctx, q, p)
}

// resolve returns what is at the request's path itself and what that leads to
// when links are followed; the two are the same but for a link at the path.
// Where links stand only on the way, own is what they lead to.
func (h *Handler) resolve(ctx context.Context, q *request) (own, final *found, err error) {
	own, err = h.see(ctx, q, q.path)
	switch {
	case err == nil && own.entry.Kind != manifest.Symlink:
		return own, own, nil
	case errors.Is(err, store.ErrNotFound):
		if h.plainAbsence(ctx, q) {
			return nil, nil, store.ErrNotFound
		}
	case err != nil:
		return nil, nil, err
	}
	final, err = h.follow(ctx, q)
	if own == nil {
		own = final
	}
	return own, final, err
}

// plainAbsence reports whether no link can lead to the request's path: it is
// there but hidden, or the directory above it is there. Absent files are most
// of what build systems ask for, and this costs them one look-up more.
func (h *Handler) plainAbsence(ctx context.Context, q *request) bool {
	if !q.sees(q.path) {
		return true
	}
	dir := q.path.Dir()
	if dir == "" {
		return true
	}
	f, err := h.find(ctx, q, dir)
	return err == nil && f.entry.Kind != manifest.Symlink
}

// follow resolves every link on the request's path, the last component too.
// Links and what they lead to must be visible; whatever else goes wrong in
// the tree is [store.ErrNotFound].
func (h *Handler) follow(ctx context.Context, q *request) (*found, error) {
	var last *found
	e, err := treelink.Resolve(q.path, func(p manifest.Path) (manifest.Entry, error) {
		f, err := h.find(ctx, q, p)
		if err != nil {
			return manifest.Entry{}, err
		}
		if f.entry.Kind == manifest.Symlink && !q.sees(p) {
			return manifest.Entry{}, store.ErrNotFound
		}
		last = f
		return f.entry, nil
	})
	for _, no := range []error{treelink.ErrOutside, treelink.ErrLoop, treelink.ErrTooLong, treelink.ErrNotDir, store.ErrNotFound} {
		if errors.Is(err, no) {
			return nil, store.ErrNotFound
		}
	}
	if err != nil {
		return nil, err
	}
	if last != nil && last.entry.Path == e.Path && q.sees(e.Path) {
		return last, nil
	}
	return h.see(ctx, q, e.Path)
}
