package session

import (
	"errors"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

const (
	// What an outline is held against is bounded in entries, by those announced and
	// for the sake of memory: of a target that holds much more nothing is looked at.
	perAnnounced = 2
	someMore     = 1000
	maxStanding  = 150_000
	// maxRest is how many entries beside the known groups are told.
	maxRest = 1024
)

// errMuch ends a walk over more than an outline is held against.
var errMuch = errors.New("too much stands under the target")

// onOutline takes the sums of the list to come and answers which groups of it stand
// under the target just so: they count as listed, and settled.
func (x *exchange) onOutline(payload []byte) error {
	o, err := wire.ParseOutline(payload)
	if err != nil {
		return err
	}
	s, n := x.session, 0
	for _, g := range o.Groups {
		n += g.Len
	}
	if n != s.rec.Entries {
		return wire.Errorf(wire.CodeBadRequest, "an outline of %d entries, where %d were announced", n, s.rec.Entries)
	}
	answer := wire.Outlined{Known: make([]bool, len(o.Groups))}
	standing, err := x.standing()
	switch {
	case errors.Is(err, errMuch) || s.rec.Checksum: // then all is listed
	case err != nil:
		return err
	default:
		answer.Rest = s.takeOutline(o, standing, answer.Known)
		answer.HasRest = x.mayTell(answer.Rest)
	}
	if err := s.takeKnown(); err != nil {
		return err
	}
	x.reply = wire.AppendOutlined(x.reply, answer)
	return x.charge()
}

// standing is what stands under the target.
func (x *exchange) standing() (manifest.List, error) {
	s := x.session
	bound := min(perAnnounced*s.rec.Entries+someMore, maxStanding)
	var l manifest.List
	err := s.store().Walk(x.ctx, s.rec.Target, store.Latest, func(e manifest.Entry) error {
		if len(l) == bound {
			return errMuch
		}
		l = append(l, e)
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	l.Sort()
	return l, err
}

// mayTell reports whether entries are few, and all such that the token may read.
func (x *exchange) mayTell(l manifest.List) bool {
	if len(l) > maxRest {
		return false
	}
	sight := x.auth.Sight()
	for i := range l {
		if !sight(x.session.rec.Target.Join(l[i].Path)) {
			return false
		}
	}
	return true
}

// takeOutline finds the groups of an outline in what stands, keeps their entries
// until the list comes to them, and returns the other entries.
func (s *session) takeOutline(o wire.Outline, standing manifest.List, known []bool) (rest manifest.List) {
	s.mu.Lock()
	defer s.mu.Unlock()
	type key struct {
		n   int
		sum [manifest.GroupSum]byte
	}
	at := map[key]int{}
	for i, g := range o.Groups {
		at[key{g.Len, g.Sum}] = i
	}
	s.outline = map[int]manifest.List{}
	for _, g := range standing.Groups(o.Cut) {
		l := standing[g.First : g.First+g.Len]
		i, ok := at[key{g.Len, g.Sum}]
		if !ok || known[i] {
			rest = append(rest, l...)
			continue
		}
		known[i] = true
		s.outline[o.Groups[i].First] = l
	}
	return rest
}

// takeKnown appends the known groups that the list has come to.
func (s *session) takeKnown() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		had := len(s.list)
		l, ok := s.outline[had]
		if !ok {
			return nil
		}
		delete(s.outline, had)
		if err := s.extend(had, l); err != nil {
			s.shorten(had)
			return err
		}
		for i := had; i < len(s.list); i++ {
			s.held[i] = true
		}
	}
}
