package session

import (
	"sync"
	"time"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// session is the state of a push in memory.
type session struct {
	engine *Engine
	id     store.SessionID
	rec    *record

	users int       // requests under way; guarded by engine.mu
	used  time.Time // guarded by engine.mu

	published bool // guarded by engine.mu

	mu       sync.Mutex
	requests map[*request]bool // under way
	list     manifest.List     // as received so far
	totals   totals            // of list
	paid     totals            // taken from the token's budget
	listed   []listed          // by index
	stoodAt  store.Version     // of what listed says that stood
	abridged bool              // some of it was told by sums or short digests: by the manifest digest alone it is sure
	// outline is what the list will have that stands already, by the index at which
	// it begins.
	outline map[int]group
	builds  *builds              // what was there before, nil until asked for
	parts   map[partKey]*staging // files arriving in parts
	puts    int                  // files that came by themselves

	staged   map[manifest.Digest]int64     // see stagedBefore; nil: to be looked at
	archives map[manifest.Digest]*assembly // archives arriving as views
	arrived  []manifest.Digest             // content that came, to be indexed once it is published
	views    views
	claim    *claim
}

// totals are what a token's budget counts.
type totals struct {
	files int
	bytes int64
}

// add counts an entry, or with -1 takes it away again.
func (t *totals) add(e *manifest.Entry, times int) {
	if e.Kind == manifest.Dir {
		return
	}
	t.files += times
	t.bytes += int64(times) * e.Size
}

func newSession(e *Engine, id store.SessionID, rec *record) *session {
	return &session{
		engine: e, id: id, rec: rec, used: e.cfg.Now(), requests: map[*request]bool{}, parts: map[partKey]*staging{},
		archives: map[manifest.Digest]*assembly{}, paid: totals{rec.Files, rec.Bytes}, claim: newClaim(e.room, e.cfg.Quotas(rec.Target, rec.Owner)),
	}
}

func (s *session) store() store.Store { return s.engine.cfg.Store }

func (s *session) close() {
	s.mu.Lock()
	parts, archives := s.parts, s.archives
	s.parts, s.archives = map[partKey]*staging{}, map[manifest.Digest]*assembly{}
	s.mu.Unlock()
	for _, p := range parts { // not under the lock: see staging
		p.close()
	}
	for _, a := range archives {
		a.mu.Lock()
		a.close()
		a.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.views.close()
	s.claim.close()
}

// refused gives back what a session was promised that got no more: others may
// have use for it. What arrived is kept, and the session goes on from its list.
func (s *session) refused() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgetList()
	s.claim.end(false)
}

// arrive takes note of content that came in this session.
func (s *session) arrive(i int, d manifest.Digest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i < len(s.list) && s.list[i].Size >= minIndexed && len(s.arrived) < maxQueued {
		s.arrived = append(s.arrived, d)
	}
}
