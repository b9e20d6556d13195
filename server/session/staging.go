package session

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// waitForPart is how long a part waits for the one before it, which another
// request of the same session is still bringing.
const waitForPart = 30 * time.Second

type partKey struct {
	digest manifest.Digest
	view   wire.View
}

// staging is one view of one file arriving in parts. Parts are applied one
// after another; a part that comes early waits for its turn. Its lock may be
// held when the session's is taken, never the other way round.
type staging struct {
	mu      sync.Mutex
	turn    chan struct{} // closed and replaced whenever size moves
	partial store.Partial
	done    bool // finished: the content is held
}

func (st *staging) close() {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.partial != nil {
		st.partial.Close()
		st.partial = nil
	}
}

// size returns how much is staged; ok is false once it has finished.
func (st *staging) size() (n int64, ok bool) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.partial == nil {
		return 0, false
	}
	return st.partial.Size(), true
}

// stage returns the staging of a file's view, opening what is staged on disk.
func (s *session) stage(k partKey) (*staging, error) {
	s.mu.Lock()
	st := s.parts[k]
	if st == nil {
		st = &staging{turn: make(chan struct{})}
		s.parts[k] = st
	}
	s.mu.Unlock()
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.partial == nil && !st.done {
		p, err := s.openPartial(k)
		if err != nil {
			return nil, err
		}
		st.partial = p
	}
	return st, nil
}

func (s *session) openPartial(k partKey) (store.Partial, error) {
	return s.store().OpenPartial(s.id, k.digest)
}

// stagedBefore returns how many bytes were staged under a name when the session
// came into memory, or was looked at last: of what is open since it is behind.
func (s *session) stagedBefore(ctx context.Context, name manifest.Digest) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.staged == nil {
		staged, err := s.store().Staged(ctx, s.id)
		if err != nil {
			return 0, err
		}
		if staged == nil {
			staged = map[manifest.Digest]int64{}
		}
		s.staged = staged
	}
	return s.staged[name], nil
}

// stagedSize returns how many bytes of the raw view of a file are staged. The
// store lacks its content: a staging that had finished is of a blob that has been
// lost since, and is forgotten.
func (s *session) stagedSize(ctx context.Context, d manifest.Digest) (int64, error) {
	key := partKey{d, wire.Raw}
	s.mu.Lock()
	st := s.parts[key]
	s.mu.Unlock()
	if st != nil {
		if staged, ok := st.size(); ok {
			return staged, nil
		}
		s.mu.Lock()
		delete(s.parts, key)
		s.staged = nil
		s.mu.Unlock()
	}
	return s.stagedBefore(ctx, d)
}

// await locks st once its size has reached off. It returns the bytes staged,
// and an error with code "gap" if the parts before do not come.
func (st *staging) await(ctx context.Context, off int64) (int64, error) {
	timeout := time.NewTimer(waitForPart)
	defer timeout.Stop()
	for {
		st.mu.Lock()
		if st.done {
			return 0, nil
		}
		if st.partial == nil { // the session was closed meanwhile
			st.mu.Unlock()
			return 0, listNeeded(0)
		}
		size := st.partial.Size()
		if size >= off {
			return size, nil
		}
		turn := st.turn
		st.mu.Unlock()
		select {
		case <-turn:
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-timeout.C:
			err := wire.Errorf(wire.CodeGap, "a part begins at byte %d and %d are staged", off, size)
			err.Have = size
			return 0, err
		}
	}
}

// moved wakes those that await. st must be locked.
func (st *staging) moved() {
	close(st.turn)
	st.turn = make(chan struct{})
}

// skipWriter drops the first bytes written to it: those staged already when a
// part is repeated.
type skipWriter struct {
	w    io.Writer
	skip int64
}

func (s *skipWriter) Write(p []byte) (int, error) {
	n := len(p)
	if s.skip >= int64(n) {
		s.skip -= int64(n)
		return n, nil
	}
	p = p[s.skip:]
	s.skip = 0
	if _, err := s.w.Write(p); err != nil {
		return 0, err
	}
	return n, nil
}
