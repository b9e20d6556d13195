package session

import (
	"context"
	"sync"
	"time"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
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
	held     []bool            // by index: its content, if it has any, is held and leased
	stands   []standing        // by index: whether it stood at version stoodAt
	stoodAt  store.Version
	given    []bool       // by index: the client gave its digest, not the quick check
	short    map[int]bool // by index: only the beginning of its digest was given
	// outline is what the list will have that stands already, by the index at which
	// it begins.
	outline map[int]group
	awaited []bool               // by index: a file of a known group whose mtime and size are to be told
	old     map[int]oldFile      // by index: what is published at the path of an unsettled file
	builds  *builds              // earlier builds of the type, nil until asked for
	parts   map[partKey]*staging // files arriving in parts
	puts    int                  // files that came by themselves

	staged   map[manifest.Digest]int64     // see stagedBefore; nil: to be looked at
	archives map[manifest.Digest]*assembly // archives arriving as views
	arrived  []manifest.Digest             // content that came, to be indexed once it is published
	views    views
	claim    *claim
}

// oldFile is a file that was published at the path of an entry when the session
// looked.
type oldFile struct {
	size   int64
	digest manifest.Digest
	mtime  int64
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
		engine: e, id: id, rec: rec, used: e.cfg.Now(), requests: map[*request]bool{}, old: map[int]oldFile{}, short: map[int]bool{}, parts: map[partKey]*staging{},
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

// forgetList has the client list again.
func (s *session) forgetList() {
	s.list, s.held, s.stands, s.given, s.awaited, s.outline, s.short = nil, nil, nil, nil, nil, nil, map[int]bool{}
}

// addList takes entries first, first+1, ... and returns the bits of those that
// need a digest. Entries it has already are answered again from what it knows.
func (s *session) addList(ctx context.Context, first int, l manifest.List) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if first > len(s.list) {
		return nil, listNeeded(len(s.list))
	}
	if first+len(l) > s.rec.Entries {
		return nil, wire.Errorf(wire.CodeBadRequest, "the list has more than the %d entries announced", s.rec.Entries)
	}
	had := len(s.list)
	seen, err := s.store().Version(ctx) // what comes after it, the commit looks for
	if err == nil {
		s.saw(seen)
		err = s.extend(first, l)
	}
	if err == nil {
		err = s.settle(ctx, had)
	}
	if err != nil {
		s.shorten(had)
		return nil, err
	}
	bits := make([]byte, (len(l)+7)/8)
	for i := range l {
		// What was held against the beginning of a digest is asked about again, so that
		// the commit goes by the whole.
		if !s.held[first+i] || s.short[first+i] {
			bits[i/8] |= 1 << (i % 8)
			continue
		}
		s.given[first+i] = false // the client need not know the digest (any more)
	}
	return bits, nil
}

func (s *session) extend(first int, l manifest.List) error {
	if s.list == nil {
		// What was announced, as far as it costs little to be lied to.
		n := min(s.rec.Entries, 1<<18)
		s.list, s.held, s.given = make(manifest.List, 0, n), make([]bool, 0, n), make([]bool, 0, n)
		s.totals = totals{}
	}
	for i := range l {
		at := first + i
		if at < len(s.list) {
			if s.list[at].Path != l[i].Path {
				return wire.Errorf(wire.CodeBadRequest, "entry %d is %q now and was %q before", at, l[i].Path, s.list[at].Path)
			}
			continue
		}
		if at > 0 && s.list[at-1].Path >= l[i].Path {
			return wire.Errorf(wire.CodeBadRequest, "entry %d, %q, is out of order", at, l[i].Path)
		}
		s.list = append(s.list, l[i])
		s.totals.add(&l[i], 1)
		s.held = append(s.held, false)
		s.given = append(s.given, false)
		s.awaited = append(s.awaited, false)
		s.stands = append(s.stands, changed)
	}
	return nil
}

// shorten cuts the list to its first n entries.
func (s *session) shorten(n int) {
	for i := n; i < len(s.list); i++ {
		s.totals.add(&s.list[i], -1)
		delete(s.old, i)
	}
	s.list, s.held, s.stands, s.given, s.awaited = s.list[:n], s.held[:n], s.stands[:n], s.given[:n], s.awaited[:n]
}

// settle applies the quick check to the entries from index first on: what is no
// file needs no content, and a file of the same path, size and mtime has the
// content that is published.
func (s *session) settle(ctx context.Context, first int) error {
	for i := first; i < len(s.list); i++ {
		s.held[i] = s.list[i].Kind != manifest.File
	}
	return s.store().Match(ctx, s.rec.Target, s.list[first:], func(i int, was manifest.Entry) error {
		e := &s.list[first+i]
		if was.SameAs(e) && !s.rec.Checksum {
			s.stands[first+i] = stood
		}
		switch {
		case e.Kind != manifest.File || was.Kind != manifest.File:
		case !s.rec.Checksum && was.Size == e.Size && was.MTime == e.MTime:
			e.Digest, s.held[first+i] = was.Digest, true
		default:
			s.old[first+i] = oldFile{was.Size, was.Digest, was.MTime}
		}
		return nil
	})
}

// amend replaces the entry at index i: its file changed after it was listed.
func (s *session) amend(i int, e manifest.Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i >= len(s.list) {
		return listNeeded(len(s.list))
	}
	if s.list[i].Path != e.Path || s.list[i].Kind != e.Kind {
		return wire.Errorf(wire.CodeBadRequest, "entry %d is %q, not %q", i, s.list[i].Path, e.Path)
	}
	s.totals.add(&s.list[i], -1)
	s.totals.add(&e, 1)
	s.claim.settle(debt{i, wire.Raw})
	s.list[i] = e
	s.held[i], s.stands[i], s.given[i], s.awaited[i] = e.Kind != manifest.File, changed, false, false
	return nil
}

// setHeld records that the content of the entry at i is held, and reports
// whether it was not before.
func (s *session) setHeld(i int, d manifest.Digest) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i >= len(s.list) || s.list[i].Digest != d || s.held[i] {
		return false
	}
	s.held[i] = true
	return true
}

// arrive takes note of content that came in this session.
func (s *session) arrive(i int, d manifest.Digest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i < len(s.list) && s.list[i].Size >= minIndexed && len(s.arrived) < maxQueued {
		s.arrived = append(s.arrived, d)
	}
}

func (s *session) isHeld(i int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return i < len(s.held) && s.held[i]
}

// entry returns the entry at index i.
func (s *session) entry(i int) (manifest.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i >= len(s.list) {
		return manifest.Entry{}, listNeeded(len(s.list))
	}
	return s.list[i], nil
}

// file returns the entry at index i, which must be a file whose digest the
// client has given.
func (s *session) file(i int) (manifest.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i >= len(s.list) {
		return manifest.Entry{}, listNeeded(len(s.list))
	}
	e := s.list[i]
	if e.Kind != manifest.File {
		return e, wire.Errorf(wire.CodeBadRequest, "entry %d, %q, is no file", i, e.Path)
	}
	if e.Digest.IsZero() {
		return e, listNeeded(len(s.list)) // the digests were lost with the list
	}
	return e, nil
}

func listNeeded(have int) error {
	err := wire.Errorf(wire.CodeListNeeded, "the server has %d entries of the list", have)
	err.Have = int64(have)
	return err
}
