package push

import (
	"fmt"

	"github.com/pubsync/pubsync/delta"
	"github.com/pubsync/pubsync/delta/archive"
	"github.com/pubsync/pubsync/delta/codec"
	"github.com/pubsync/pubsync/sync/walk"
	"github.com/pubsync/pubsync/sync/wire"
)

// match is one file being matched against its bases, by its bytes or, for an
// archive, by its views.
type match struct {
	verdict wire.Verdict
	file    *walk.File
	view    *expanded // nil: by its bytes
	local   bool      // its old version is at hand
	race    *race     // that it takes part in; nil: none
	streams []*stream
	rounds  int // of matching, so far

	plain, recipe *stream // of the view
}

// stream is one view of a file being matched.
type stream struct {
	view  wire.View
	src   delta.Source
	bases []wire.Basis                                      // with the sizes of their views once they are known
	plan  *delta.Plan                                       // nil until the first signatures are in
	dead  bool                                              // no basis has this view, or any of it
	quick bool                                              // time counts more than a few bytes
	hasty bool                                              // one round is enough
	sure  bool                                              // hashes are to be long
	trip  int64                                             // what a round takes besides, in bytes that the link carries meanwhile; 0: next to nothing
	guess func(ops []delta.Op, bases []int64) []delta.Guess // see [delta.PlanOptions]

	packed archive.Format // Gzip or Zip if that is what its bytes are: where the first round finds nothing of them, there is no second

	known []delta.Op     // what makes the view, if it was found without signatures
	at    []delta.Source // and the bases, which are at hand then

	asked   map[int]delta.BasisRequest // by basis: the questions of this round
	firsts  map[int][]byte             // by basis: first signatures, before there is a plan
	answers map[int][]byte             // by basis: hashes that answer the questions
}

func newStream(view wire.View, src delta.Source, bases []wire.Basis) *stream {
	s := &stream{view: view, src: src, firsts: map[int][]byte{}}
	for _, b := range bases {
		b.View = view
		s.bases = append(s.bases, b)
	}
	return s
}

func (m *match) raw(quick bool) *stream {
	s := newStream(wire.Raw, delta.Source{ReaderAt: m.file, Size: m.file.Size()}, m.verdict.Bases)
	if quick {
		s.hurry()
	}
	if m.file.Size() >= minLane {
		if f := sniff(m.file); f == archive.Gzip || f == archive.Zip {
			s.packed = f
		}
	}
	return s
}

// quickShare is how many bytes of a file are to save one in a round of matching where time
// counts: a byte that is missing still is looked at for some 75 ns with small blocks, in
// which the link carries several. Of an image of 690 MB the last round had taken a fifth
// of all the client did, for 0.2 MB.
const quickShare = 16 << 10

// hurry has a stream matched where time counts more than a few bytes.
func (s *stream) hurry() {
	s.quick = true
	if trip := s.src.Size / quickShare; trip > minTrip {
		s.trip = trip
	}
}

// forgetView has the file go by its bytes after all.
func (m *match) forgetView() {
	m.view.close()
	m.view, m.plain, m.recipe = nil, nil, nil
}

// plainHeld reports whether the server has the plain view to its end.
func (m *match) plainHeld() bool { return m.verdict.Plain.Size == m.view.size }

func (m *match) close() {
	m.file.Close()
	if m.view != nil {
		m.view.close()
	}
}

// volunteered takes signatures that came unasked.
func (s *stream) volunteered(sigs []wire.Signature) {
	for _, sig := range sigs {
		s.answer(wire.FrameSignature, sig)
	}
}

// answer takes what the server says of a basis. The body must not change any
// more.
func (s *stream) answer(t wire.FrameType, sig wire.Signature) {
	for k := range s.bases {
		b := &s.bases[k]
		if !b.Is(sig.Basis) {
			continue
		}
		switch {
		case s.plan != nil && t == wire.FrameHashes:
			s.answers[k] = sig.Body
		case s.plan == nil:
			if t == wire.FrameHashes {
				sig.Body = nil
			}
			b.Size = sig.Basis.Size
			s.firsts[k] = sig.Body
		}
	}
}

// questions appends the sign frames of this round.
func (s *stream) questions(index int, add func(wire.Sign) error) error {
	for k, b := range s.bases {
		q := wire.Sign{Index: index, Basis: b}
		switch {
		case s.dead:
			return nil
		case s.plan == nil:
			if _, known := s.firsts[k]; known {
				continue
			}
			q.Total = s.src.Size
		default:
			r, ok := s.asked[k]
			if !ok {
				continue
			}
			q.Params = codec.AppendRequest(nil, &r.Request, b.Size)
		}
		if err := add(q); err != nil {
			return err
		}
	}
	return nil
}

// advance matches what was answered and plans the next round. It reports
// whether there is one.
func (s *stream) advance() (more bool, err error) {
	if s.dead {
		return false, nil
	}
	if s.plan == nil {
		err = s.begin()
	} else {
		err = s.matchAnswers()
	}
	if err != nil || s.dead || s.hasty {
		return false, err
	}
	s.asked, s.answers = map[int]delta.BasisRequest{}, map[int][]byte{}
	for _, r := range s.plan.Next() {
		s.asked[r.Basis] = r
	}
	return len(s.asked) > 0, nil
}

// begin makes the plan from the first signatures, of the bases that have one.
func (s *stream) begin() error {
	var (
		bases []wire.Basis
		sigs  []*delta.Signature
		sizes []int64
	)
	for k, b := range s.bases {
		body := s.firsts[k]
		if len(body) == 0 {
			continue
		}
		sig, err := codec.DecodeSignature(body, b.Size)
		if err != nil {
			return fmt.Errorf("%w: %v", ErrProtocol, err)
		}
		bases, sigs, sizes = append(bases, b), append(sigs, sig), append(sizes, b.Size)
	}
	s.bases, s.firsts = bases, nil
	if len(bases) == 0 {
		s.dead = true
		return nil
	}
	s.plan = delta.NewPlan(s.src, sizes, delta.PlanOptions{RoundTrip: s.trip, MaxRounds: maxRounds, Quick: s.quick, Careful: s.sure, Guess: s.guess})
	for k, sig := range sigs {
		if s.sure {
			break // the plan asks for long ones
		}
		if err := s.plan.Match(k, sig); err != nil {
			return err
		}
	}
	if !s.sure && s.packed != archive.Bytes && s.plan.MissingBytes() == s.src.Size {
		s.plan, s.bases, s.dead = nil, nil, true
	}
	return nil
}

// matchAnswers matches the answers of a round. A question without an answer is
// given up: the bytes it was about go as literals.
func (s *stream) matchAnswers() error {
	for k, body := range s.answers {
		asked, ok := s.asked[k]
		if !ok || len(body) == 0 {
			continue
		}
		sig, err := codec.DecodeHashes(body, asked.Request)
		if err != nil {
			return fmt.Errorf("%w: %v", ErrProtocol, err)
		}
		if err := s.plan.Match(k, sig); err != nil {
			return err
		}
	}
	return nil
}

// ops returns what makes the view: literals throughout where nothing matched.
func (s *stream) ops() ([]delta.Op, error) {
	if s.known != nil {
		return s.known, nil
	}
	if s.plan == nil {
		if s.src.Size == 0 {
			return nil, nil
		}
		return []delta.Op{{Basis: delta.Literal, Len: s.src.Size}}, nil
	}
	if !s.hasty {
		if err := s.plan.Refine(); err != nil {
			return nil, err
		}
	}
	return s.plan.Ops(), nil
}

// missing returns how much of the view no basis has.
func (s *stream) missing() int64 {
	if s.plan == nil {
		return s.src.Size
	}
	return s.plan.MissingBytes()
}

// maxRounds bounds the rounds of matching a file.
const maxRounds = 12
