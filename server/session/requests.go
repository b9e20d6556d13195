package session

import (
	"context"
	"io"
	"time"

	"github.com/pubsync/pubsync/server/store"
)

// settleFor is how long a client that comes back waits for requests of its session
// that are still under way.
const settleFor = 5 * time.Second

// A Stopper is a body of which no more need be read: its reads fail from then on,
// and one that is waiting fails at once. Stop may be called concurrently with reads.
type Stopper interface{ Stop() }

// request is one request of a session while it is under way.
type request struct {
	number uint64 // given by the client; 0: none. Guarded by the session
	body   io.Reader
	over   chan struct{} // closed at its end
}

// begin enters a request; end it.
func (s *session) begin(body io.Reader) *request {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := &request{body: body, over: make(chan struct{})}
	s.requests[r] = true
	return r
}

func (s *session) end(r *request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.requests, r)
	close(r.over)
}

// number takes note of what the client calls a request.
func (s *session) number(r *request, n uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.number = n
}

// stop has no more read of the requests that a client has lost, and returns them.
func (s *session) stop(lost func(*request) bool) (rs []*request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for r := range s.requests {
		if !lost(r) {
			continue
		}
		rs = append(rs, r)
		if b, ok := r.body.(Stopper); ok {
			b.Stop()
		}
	}
	return rs
}

// before returns the requests under way that the client sent before r.
func (s *session) before(r *request) (rs []*request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for other := range s.requests {
		if 0 < other.number && other.number < r.number {
			rs = append(rs, other)
		}
	}
	return rs
}

// settle waits until what has come of requests that the client has lost is taken
// in, for a while.
func settle(ctx context.Context, rs []*request) {
	timeout := time.NewTimer(settleFor)
	defer timeout.Stop()
	for _, r := range rs {
		select {
		case <-r.over:
		case <-timeout.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// settle ends the requests of a session that are under way. A client that opens
// again has lost them; what arrived of their bodies counts only once they have
// ended, and should not be asked for again.
func (e *Engine) settle(ctx context.Context, id store.SessionID) {
	e.mu.Lock()
	s := e.sessions[id]
	e.mu.Unlock()
	if s != nil {
		settle(ctx, s.stop(func(*request) bool { return true }))
	}
}
