package push

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/pubsync/pubsync/delta"
	"github.com/pubsync/pubsync/delta/codec"
	"github.com/pubsync/pubsync/sync/walk"
	"github.com/pubsync/pubsync/sync/wire"
)

// Bounds of what is sent without asking first whether the server has it: what
// this wastes at worst costs less than the round trip it saves.
const (
	eagerFiles = 256
	eagerPlain = 4 << 20   // bytes of the files
	eagerBody  = 128 << 10 // bytes of the request
	eagerList  = 32 << 10  // of them, for entries and stats
)

// volunteer keeps a signature that came unasked.
func (p *pusher) volunteer(sig wire.Signature) {
	sig.Body = append([]byte(nil), sig.Body...)
	for _, have := range p.volunteers[sig.Index] {
		if have.Basis.Is(sig.Basis) {
			return
		}
	}
	p.volunteers[sig.Index] = append(p.volunteers[sig.Index], sig)
}

// eager sends a small update whole in one request: digests, content and the
// commit. done means that it was published. Otherwise the push goes on step by
// step, and the server has what arrived.
func (p *pusher) eager(ctx context.Context) (done bool, err error) {
	w, ok := p.eagerWindow()
	if !ok || p.asking || p.opts.DryRun || len(p.opts.Bases) > 0 || p.opts.Attic != nil {
		return false, nil
	}
	if err := p.hash(ctx, &w); err != nil {
		return false, err
	}
	s := newSender(ctx, p, newFailures())
	defer s.close()
	var rest []run
	if s.body, rest = p.appendList(nil, p.runs, eagerList, true); len(rest) > 0 {
		return false, nil
	}
	s.body = append(s.body, p.amendments(w.indices)...)
	s.body = wire.AppendDigests(s.body, p.digestsOf(w.indices))
	for _, i := range w.indices {
		if p.opts.Through != Never && p.looksLikeArchive(i) {
			return false, nil // there may be a basis to see through
		}
		if err := s.eagerFile(i); err != nil {
			if errors.Is(err, walk.ErrChanged) {
				return false, nil // the long way copes with that
			}
			return false, err
		}
	}
	if err := s.pack(); err != nil {
		return false, err
	}
	if len(s.body) > eagerBody || int64(len(s.body)) > p.body.Load()-frameRoom {
		return false, nil
	}
	p.opts.Progress.State("committing")
	fl := &flight{sender: s, number: s.number, head: s.head, on: s.on}
	err = fl.send(p.appendCommit(s.body, true), func() {})
	if lost := (*lostFlight)(nil); errors.As(err, &lost) {
		p.lose(fl)
		p.asking = true
		return false, p.remote.Again()(ctx, lost.err)
	}
	if err != nil {
		return false, err
	}
	p.runs = nil
	if err := fl.settle(); err != nil || p.receipt == nil {
		return false, err
	}
	p.dealSettled()
	p.result.Status = "published"
	return true, nil
}

func (p *pusher) eagerWindow() (w window, ok bool) {
	for i, need := range p.needs {
		if !need {
			continue
		}
		w.indices = append(w.indices, i)
		w.bytes += p.tree.Entries[i].Size
		if len(w.indices) > eagerFiles || w.bytes > eagerPlain {
			return w, false
		}
	}
	return w, true
}

func (p *pusher) digestsOf(indices []int) []wire.Digest {
	ds := make([]wire.Digest, len(indices))
	for k, i := range indices {
		ds[k] = wire.Digest{Index: i, Digest: p.tree.Entries[i].Digest}
	}
	return ds
}

// eagerFile puts a file on the body, as a delta where a signature came with
// the answer to the list.
func (s *sender) eagerFile(i int) error {
	if sigs := s.p.volunteers[i]; len(sigs) > 0 {
		return s.eagerDelta(i, sigs[0])
	}
	return s.file(i)
}

func (s *sender) eagerDelta(i int, sig wire.Signature) error {
	f, err := s.p.tree.Open(i)
	if err != nil {
		return err
	}
	defer f.Close()
	decoded, err := codec.DecodeSignature(sig.Body, sig.Basis.Size)
	if err != nil {
		return fmt.Errorf("%w: %v", ErrProtocol, err)
	}
	src := delta.Source{ReaderAt: f, Size: f.Size()}
	plan := delta.NewPlan(src, []int64{sig.Basis.Size}, delta.PlanOptions{})
	if err := plan.Match(0, decoded); err != nil {
		return err
	}
	if err := plan.Refine(); err != nil {
		return err
	}
	bases := []wire.Basis{sig.Basis}
	enc := s.p.coder.NewEncoder(src, plan.Ops(), codec.EncodeOptions{NumBases: 1, Level: s.p.deltaLevel(wire.Raw, plan.MissingBytes(), src.Size), BestBytes: fewLiterals})
	for off := int64(0); ; {
		body, n, err := enc.Next(nil)
		if err == io.EOF {
			return f.Check()
		}
		if err != nil {
			return err
		}
		before := len(s.body)
		s.body = wire.AppendPart(s.body, wire.Part{Index: i, View: wire.Raw, Offset: off, Total: src.Size, Bases: bases, Body: body})
		off += n
		s.on = append(s.on, cargo{index: i, tally: &s.p.delta, bytes: n, size: len(s.body) - before, last: off == src.Size})
	}
}
