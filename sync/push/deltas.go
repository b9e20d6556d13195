package push

import (
	"context"
	"errors"
	"slices"

	"github.com/pubsync/pubsync/delta"
	"github.com/pubsync/pubsync/delta/archive"
	"github.com/pubsync/pubsync/sync/walk"
	"github.com/pubsync/pubsync/sync/wire"
)

// packedMatch is the rate of a link in bytes a second above which a file that was
// compressed as one is not looked for by its bytes in what the server has: of 22 releases
// a twentieth was found, in the time that both sides take over 70 MB a second.
const packedMatch = 3.5e6

// smallRecipe is the size in bytes up to which a recipe goes as it is.
const smallRecipe = 512

// group sends files as deltas whose rounds of matching go together. Those for which
// that comes out slow it gives back to the lanes.
func (s *sender) group(g group, l *lanes, sigs map[int][]wire.Signature) error {
	if r := s.race(g, l); r != nil {
		return s.contest(r, l, sigs)
	}
	var ms []*match
	defer func() {
		for _, m := range ms {
			m.close()
		}
	}()
	for _, v := range g.files {
		f, err := s.p.tree.Open(v.Index)
		if errors.Is(err, walk.ErrChanged) {
			if err := s.changed(v.Index); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		m := &match{verdict: v, file: f}
		done, err := s.byLocal(m)
		if err != nil || done {
			err = errors.Join(err, s.unchanged(m))
			m.close()
			if err != nil {
				return err
			}
			continue
		}
		ms = append(ms, m)
		if err := s.look(m, g.bytes, sigs[v.Index]); err != nil {
			return err
		}
	}
	s.weighRounds(ms, l)
	ms, err := s.rounds(ms, l, sigs)
	if err != nil {
		return err
	}
	apart := false
	for _, m := range ms {
		apart = apart || m.view != nil
		if err := s.finish(m); err != nil {
			return err
		}
	}
	if apart && l.more() {
		return s.flush() // the server has work while the next are matched here
	}
	return nil
}

// look decides by what view a file is matched.
func (s *sender) look(m *match, bytes bool, sigs []wire.Signature) error {
	if m.view == nil && !bytes { // else it is of an attempt with a local basis
		answers := s.askMeanwhile(m, sigs)
		err := s.takeUp(m)
		more, asked := answers(err == nil && m.view != nil)
		if err = errors.Join(err, asked); err != nil {
			return err
		}
		sigs = append(sigs, more...)
	}
	if m.view == nil {
		return s.useBytes(m, sigs)
	}
	m.plain = newStream(wire.Plain, delta.Source{ReaderAt: m.view.plain, Size: m.view.size}, m.verdict.Bases)
	m.plain.guess, m.plain.quick, m.plain.sure = m.view.guess, !s.p.thorough(), s.failed.careful(m.verdict.Index)
	if !m.plainHeld() {
		m.plain.volunteered(sigs)
		m.streams = append(m.streams, m.plain)
	}
	var bases []wire.Basis
	if len(m.view.recipe) > smallRecipe {
		bases = m.verdict.Bases
	}
	m.recipe = newStream(wire.Recipe, m.view.recipeSource(), bases)
	m.streams = append(m.streams, m.recipe)
	return nil
}

// askMeanwhile asks for the first signatures of what is inside the bases of an archive
// that is about to be taken apart: the server takes those apart as long. What it returns
// waits for the answer if that is wanted still, and is to be called.
func (s *sender) askMeanwhile(m *match, sigs []wire.Signature) func(wanted bool) ([]wire.Signature, error) {
	none := func(bool) ([]wire.Signature, error) { return nil, nil }
	v := &m.verdict
	if m.file.Size() < minLane || len(v.Bases) == 0 || len(sigs) > 0 || v.Staged > 0 || v.ViewsStaged() || m.local {
		return none
	}
	if _, ok := s.p.expandable(v.Index, m.file, s.analysis(m)); !ok {
		return none
	}
	var body []byte
	_ = newStream(wire.Plain, delta.Source{}, v.Bases).questions(v.Index, func(q wire.Sign) error {
		body = wire.AppendSign(body, q)
		return nil
	})
	ctx, cancel := context.WithCancel(s.ctx)
	var answers []wire.Signature
	done := make(chan error, 1)
	go func() {
		done <- s.p.exchange(ctx, body, func(f wire.Frame) error {
			if f.Type != wire.FrameHashes && f.Type != wire.FrameSignature {
				return s.p.onEnd(f)
			}
			sig, err := wire.ParseSignature(f.Payload)
			sig.Body = slices.Clone(sig.Body)
			answers = append(answers, sig)
			return err
		})
	}()
	return func(wanted bool) ([]wire.Signature, error) {
		if !wanted {
			cancel()
		}
		err := <-done
		cancel()
		if !wanted {
			return nil, nil
		}
		return answers, err
	}
}

// useBytes has a file matched by its bytes, unless that takes longer than it saves.
func (s *sender) useBytes(m *match, sigs []wire.Signature) error {
	raw := m.raw(s.p.rate.fast())
	if raw.packed == archive.Gzip && s.p.opts.Through == Auto && s.p.rate.outruns(packedMatch) {
		raw.bases = nil
	}
	raw.hasty, raw.sure = s.p.hasty(raw.src.Size), s.failed.careful(m.verdict.Index)
	raw.volunteered(sigs)
	m.streams = []*stream{raw}
	return nil
}

// minTrip is what the headers of a round take, in bytes.
const minTrip = 200

// weighRounds tells streams what their rounds take, as far as the link carries nothing
// else meanwhile: where there is nothing left to do but these files.
func (s *sender) weighRounds(ms []*match, l *lanes) {
	p := s.p
	if len(ms) == 0 || p.inWork > 1 || p.thorough() || l.more() {
		return
	}
	trip := max(int64(p.rate.carried(p.rate.roundTrip()))/int64(len(ms)), minTrip)
	for _, m := range ms {
		for _, st := range m.streams {
			st.trip = max(st.trip, trip)
		}
	}
}

// rounds matches the files of a group until no further round pays, and returns those
// that still go with it.
func (s *sender) rounds(ms []*match, l *lanes, sigs map[int][]wire.Signature) ([]*match, error) {
	for more := true; more; {
		if err := s.question(ms); err != nil {
			return ms, err
		}
		more = false
		kept := ms[:0:0]
		for _, m := range ms {
			again, err := s.advance(m, sigs[m.verdict.Index])
			if err != nil {
				return ms, err
			}
			m.rounds++
			if s.p.slow(m, again) {
				l.decline(m.verdict, sniff(m.file))
				m.close()
				continue
			}
			more, kept = more || again, append(kept, m)
		}
		ms = kept
		more = more && s.roundPays(ms)
	}
	return ms, nil
}

// worthByte is what a byte less is worth beside the time that it takes, in times of that.
const worthByte = 2

// roundPays reports whether another round of matching is likely to save more than the link
// carries in the time, beside the content that is on its way.
func (s *sender) roundPays(ms []*match) bool {
	p := s.p
	if p.thorough() {
		return true
	}
	left := int64(0)
	for _, m := range ms {
		if m.view != nil {
			return true // what is inside an archive is weighed by itself
		}
		for _, st := range m.streams {
			if st.plan != nil && len(st.asked) > 0 {
				left += st.plan.MissingCost()
			}
		}
	}
	return worthByte*float64(left-left/roundShare)+float64(p.airborne.Load()) > p.rate.carried(p.rate.roundTrip())
}

// advance takes a file through a round. An archive none of whose bases is one
// goes by its bytes after all.
func (s *sender) advance(m *match, sigs []wire.Signature) (more bool, err error) {
	for _, st := range m.streams {
		again, err := s.p.advanceStream(s.ctx, st)
		if err != nil {
			return false, err
		}
		more = more || again
	}
	if m.plain != nil && m.plain.dead {
		m.forgetView()
		return true, s.useBytes(m, sigs)
	}
	return more, nil
}

// question sends the questions of all files of the group.
func (s *sender) question(ms []*match) error {
	var body []byte
	at := map[int]*match{}
	for _, m := range ms {
		at[m.verdict.Index] = m
		for _, st := range m.streams {
			err := st.questions(m.verdict.Index, func(q wire.Sign) error {
				if len(body) > 0 && int64(len(body)+len(q.Params)) > s.limit() {
					if err := s.put(body, at); err != nil {
						return err
					}
					body = nil
				}
				body = wire.AppendSign(body, q)
				return nil
			})
			if err != nil {
				return err
			}
		}
	}
	if len(body) == 0 {
		return nil
	}
	return s.put(body, at)
}

// put sends questions and hands the answers to the files they are about.
func (s *sender) put(body []byte, at map[int]*match) error {
	return s.p.exchange(s.ctx, body, func(f wire.Frame) error {
		if f.Type != wire.FrameHashes && f.Type != wire.FrameSignature {
			return s.p.onEnd(f)
		}
		sig, err := wire.ParseSignature(f.Payload)
		if err != nil {
			return err
		}
		if m := at[sig.Index]; m != nil {
			sig.Body = append([]byte(nil), sig.Body...)
			for _, st := range m.streams {
				st.answer(f.Type, sig)
			}
		}
		return nil
	})
}

// finish sends what the matching left to send.
func (s *sender) finish(m *match) error {
	if m.vain() {
		m.forgetView()
		if err := s.useBytes(m, nil); err != nil {
			return err
		}
		m.streams[0].bases = nil
	}
	if m.view != nil {
		return s.finishArchive(m)
	}
	raw := m.streams[0]
	if err := s.encode(m.verdict, raw, m.verdict.Staged, s.tallyOf(raw), true); err != nil {
		return err
	}
	return s.unchanged(m)
}

func (s *sender) tallyOf(st *stream) *tally {
	if st.plan == nil {
		return &s.p.whole
	}
	return &s.p.delta
}

// finishArchive sends the recipe, then the plain view, each from where the server
// has it. With the last part the server rebuilds the archive.
func (s *sender) finishArchive(m *match) error {
	due := m.rebuilding()
	s.p.pace.found(m.view.took, due)
	s.due[m.verdict.Index], s.left[m.verdict.Index] = due, m.left()
	if err := s.encode(m.verdict, m.recipe, m.verdict.Recipe.Size, &s.p.archive, false); err != nil {
		return err
	}
	if err := s.encode(m.verdict, m.plain, m.verdict.Plain.Size, &s.p.archive, true); err != nil {
		return err
	}
	return s.unchanged(m)
}

// unchanged has a file looked at again that changed while it was matched.
func (s *sender) unchanged(m *match) error {
	if m.file.Check() != nil {
		return s.changed(m.verdict.Index)
	}
	return nil
}
