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
	x.session.abridge()
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
	answer := wire.Outlined{Groups: make([]wire.Standing, len(o.Groups))}
	seen, err := s.store().Version(x.ctx) // what comes after it, the commit looks for
	if err != nil {
		return err
	}
	standing, err := x.standing()
	switch {
	case errors.Is(err, errMuch) || s.rec.Checksum: // then all is listed
	case err != nil:
		return err
	default:
		answer.Rest = s.takeOutline(o, standing, seen, answer.Groups)
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

// A group is one of an outline that stands under the target.
type group struct {
	entries manifest.List
	known   wire.Standing
}

// takeOutline finds the groups of an outline in what stood at a version, keeps their entries
// until the list comes to them, and returns the other entries. Groups that
// stand but for stats of files are returned with the others where they are few: then
// the client learns from that which files need a digest.
func (s *session) takeOutline(o wire.Outline, standing manifest.List, seen store.Version, known []wire.Standing) (rest manifest.List) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saw(seen)
	type key struct {
		n   int
		sum [manifest.GroupSum]byte
	}
	at := map[key]int{}
	for i, g := range o.Groups {
		at[key{g.Len, g.Sum}] = i
	}
	s.outline = map[int]group{}
	var other []int // groups that stand but for stats of files
	others := 0
	for _, g := range standing.Groups(o.Cut) {
		l := standing[g.First : g.First+g.Len]
		i, ok := at[key{g.Len, g.Sum}]
		if !ok || known[i] != wire.Unknown {
			rest = append(rest, l...)
			continue
		}
		switch told := &o.Groups[i]; {
		case told.Others != g.Others:
			known[i] = wire.OtherStats
			other, others = append(other, i), others+g.Len
		case told.Dirs != g.Dirs:
			known[i] = wire.OtherDirs
		default:
			known[i] = wire.Stands
		}
		s.outline[o.Groups[i].First] = group{l, known[i]}
	}
	if len(rest)+others > maxRest {
		return rest
	}
	for _, i := range other {
		first := o.Groups[i].First
		rest = append(rest, s.outline[first].entries...)
		known[i] = wire.Unknown
		delete(s.outline, first)
	}
	rest.Sort()
	return rest
}

// takeKnown appends the known groups that the list has come to.
func (s *session) takeKnown() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		had := len(s.list)
		g, ok := s.outline[had]
		if !ok {
			return nil
		}
		delete(s.outline, had)
		if err := s.extend(had, g.entries); err != nil {
			s.shorten(had)
			return err
		}
		for i := had; i < len(s.list); i++ {
			s.listed[i].held, s.listed[i].stands = true, standingIn(g.known, s.list[i].Kind)
			if e := &s.list[i]; g.known == wire.OtherStats && e.Kind == manifest.File {
				s.await(i, e)
			}
		}
	}
}
