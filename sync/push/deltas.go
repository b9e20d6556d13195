package push

import (
	"errors"

	"github.com/pubsync/pubsync/delta"
	"github.com/pubsync/pubsync/delta/codec"
	"github.com/pubsync/pubsync/sync/walk"
	"github.com/pubsync/pubsync/sync/wire"
)

// Bounds of the files whose rounds of matching go together: their questions
// share requests, so that a round costs one round trip for all of them.
const (
	groupFiles = 128
	groupBytes = 64 << 20
)

// match is one file being matched against its bases.
type match struct {
	verdict wire.Verdict
	file    *walk.File
	plan    *delta.Plan
	asked   map[int]delta.BasisRequest // by basis: the questions of this round
	answers map[int][]byte             // by basis: hashes, or nil
}

// deltas sends files as deltas, group by group.
func (s *sender) deltas(vs []wire.Verdict, sigs map[int][]wire.Signature) error {
	for len(vs) > 0 {
		n, bytes := 0, int64(0)
		for n < len(vs) && n < groupFiles && (n == 0 || bytes < groupBytes) {
			bytes += s.p.tree.Entries[vs[n].Index].Size
			n++
		}
		if err := s.group(vs[:n], sigs); err != nil {
			return err
		}
		vs = vs[n:]
	}
	return nil
}

func (s *sender) group(vs []wire.Verdict, sigs map[int][]wire.Signature) error {
	var ms []*match
	defer func() {
		for _, m := range ms {
			m.file.Close()
		}
	}()
	for _, v := range vs {
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
		ms = append(ms, newMatch(v, f))
	}
	if err := s.rounds(ms, sigs); err != nil {
		return err
	}
	for _, m := range ms {
		if err := s.finish(m); err != nil {
			return err
		}
	}
	return nil
}

func newMatch(v wire.Verdict, f *walk.File) *match {
	sizes := make([]int64, len(v.Bases))
	for i, b := range v.Bases {
		sizes[i] = b.Size
	}
	src := delta.Source{ReaderAt: f, Size: f.Size()}
	return &match{verdict: v, file: f, plan: delta.NewPlan(src, sizes, delta.PlanOptions{})}
}

// rounds matches the files of a group until no further round pays.
func (s *sender) rounds(ms []*match, sigs map[int][]wire.Signature) error {
	for _, m := range ms {
		if err := m.first(sigs[m.verdict.Index]); err != nil {
			return err
		}
	}
	for {
		if err := s.question(ms); err != nil {
			return err
		}
		more := false
		for _, m := range ms {
			if err := m.take(); err != nil {
				return err
			}
			m.next()
			more = more || len(m.asked) > 0
		}
		if !more {
			return nil
		}
	}
}

// first uses the signatures that came unasked and asks for the others.
func (m *match) first(sigs []wire.Signature) error {
	m.asked = map[int]delta.BasisRequest{}
	for k, b := range m.verdict.Bases {
		m.asked[k] = delta.BasisRequest{Basis: k, Request: delta.FirstRequest(m.file.Size(), b.Size)}
	}
	for _, sig := range sigs {
		for k, b := range m.verdict.Bases {
			if sig.Basis.Digest != b.Digest || sig.Basis.View != b.View {
				continue
			}
			decoded, err := codec.DecodeSignature(sig.Body, b.Size)
			if err != nil {
				return err
			}
			if err := m.plan.Match(k, decoded); err != nil {
				return err
			}
			delete(m.asked, k)
		}
	}
	return nil
}

// next plans another round.
func (m *match) next() {
	m.asked = map[int]delta.BasisRequest{}
	for _, r := range m.plan.Next() {
		m.asked[r.Basis] = r
	}
}

// take matches the answers of a round. A question without an answer is given
// up: the bytes it was about go as literals.
func (m *match) take() error {
	for k, body := range m.answers {
		asked, ok := m.asked[k]
		if !ok || len(body) == 0 {
			continue
		}
		sig, err := codec.DecodeHashes(body, asked.Request)
		if err != nil {
			return err
		}
		if err := m.plan.Match(k, sig); err != nil {
			return err
		}
	}
	m.answers = nil
	return nil
}

// question sends the questions of all files of the group.
func (s *sender) question(ms []*match) error {
	var body []byte
	at := map[int]*match{}
	for _, m := range ms {
		at[m.verdict.Index] = m
		for k, r := range m.asked {
			sign := wire.Sign{Index: m.verdict.Index, Basis: m.verdict.Bases[k], Params: codec.AppendRequest(nil, &r.Request, m.verdict.Bases[k].Size)}
			if len(body) > 0 && int64(len(body)+len(sign.Params)) > s.limit() {
				if err := s.put(body, at); err != nil {
					return err
				}
				body = nil
			}
			body = wire.AppendSign(body, sign)
		}
	}
	if len(body) == 0 {
		return nil
	}
	return s.put(body, at)
}

// put sends questions and hands the answers to the files they are about.
func (s *sender) put(body []byte, at map[int]*match) error {
	return s.p.remote.Exchange(s.ctx, s.p.session, body, func(f wire.Frame) error {
		if f.Type != wire.FrameHashes {
			return s.p.onEnd(f)
		}
		sig, err := wire.ParseSignature(f.Payload)
		if err != nil {
			return err
		}
		m := at[sig.Index]
		if m == nil {
			return nil
		}
		for k, b := range m.verdict.Bases {
			if b.Digest == sig.Basis.Digest && b.View == sig.Basis.View {
				if m.answers == nil {
					m.answers = map[int][]byte{}
				}
				m.answers[k] = append([]byte(nil), sig.Body...)
			}
		}
		return nil
	})
}

// finish sends what the matching left to send.
func (s *sender) finish(m *match) error {
	src := delta.Source{ReaderAt: m.file, Size: m.file.Size()}
	if err := s.encode(m.verdict, src, m.verdict.Bases, m.plan.Ops(), &s.p.delta); err != nil {
		return err
	}
	if m.file.Check() != nil {
		return s.changed(m.verdict.Index)
	}
	return nil
}
