package delta

import (
	"slices"
)

// basisState is what a Plan knows of the rounds with one basis.
type basisState struct {
	size  int64
	block int      // block size matched last, 0 for none
	yield float64  // expected share of what is missing that a round finds
	trust float64  // expected share of gaps that are an edit of one place
	asked *Request // the last request
	need  evidence // for its blocks

	guesses []Guess // that have ranges in it
}

// firstYield is the yield expected before there was a second round.
const firstYield = 0.6

// matched learns from what a signature brought: the missing bytes before and
// after. If all gaps were edits of one place, a round would leave of each as
// much less as its blocks are smaller.
func (b *basisState) matched(sig *Signature, before, after int64) {
	b.asked = nil
	if sig.BlockSize == 0 {
		return
	}
	if b.block == 0 {
		b.yield, b.trust = firstYield, 1
	} else if before > 0 && sig.BlockSize < b.block {
		found := float64(before-after) / float64(before)
		b.yield = min((firstYield+found)/2, 8*found)
		b.trust = min(8*found/(1-float64(sig.BlockSize)/float64(b.block)), 1)
	}
	b.block = sig.BlockSize
}

// A BasisRequest asks for a signature of one of the bases of a Plan.
type BasisRequest struct {
	Basis int
	Request
}

// Next returns the requests of another round, at most one per basis, or
// nothing if no round is expected to save more bytes than it costs. Every
// request must be answered by Match before the next call, or is given up.
func (p *Plan) Next() []BasisRequest {
	if p.stats.Rounds >= p.opt.MaxRounds || p.MissingBytes() == 0 {
		return nil
	}
	repeats, err := p.repeats()
	if err != nil {
		return nil // the encoder meets it again and reports it
	}
	var reqs []BasisRequest
	idle := p.idle()
	for i := range p.bases {
		if idle[i] {
			continue
		}
		if r, ok := p.nextFor(i, repeats); ok {
			reqs = append(reqs, BasisRequest{i, r})
		}
	}
	if len(reqs) > 0 {
		p.stats.Rounds++
	}
	return reqs
}

// idle says of each of several bases whether the rounds go on without it: a coarse
// round found nothing of it, and something of another; or of none, and it is not the
// first, which is the likeliest.
func (p *Plan) idle() []bool {
	idle := make([]bool, len(p.bases))
	if len(p.bases) < 2 {
		return idle
	}
	used := make([]bool, len(p.bases))
	for i := range p.copies {
		if b := p.copies[i].Basis; b >= 0 {
			used[b] = true
		}
	}
	some := slices.Contains(used, true)
	for i := range idle {
		idle[i] = p.bases[i].block > 0 && !used[i] && (some || i > 0)
	}
	return idle
}

// nextFor returns the request for one basis that is expected to save most.
func (p *Plan) nextFor(basis int, repeats []Range) (Request, bool) {
	b := &p.bases[basis]
	if b.size == 0 {
		return Request{}, false
	}
	missing := p.MissingBytes() - total(repeats)
	seams := p.seams(basis, repeats)
	if b.block == 0 {
		return p.firstFor(basis, seams, missing)
	}
	m := newCostModel(p.literalCost(), p.opt.RoundTrip, missing, p, seams, b)
	best := m.best(b.block/4, p.opt.MinBlock)
	if best == 0 {
		best = m.best(b.block/2, p.opt.MinBlock)
	}
	if best == 0 {
		return Request{}, false
	}
	r, need := m.request(best)
	for r.Blocks() > MaxBlocks || p.MissingBytes()/int64(r.BlockSize) > MaxCopies {
		if best *= 2; best >= b.block {
			return Request{}, false
		}
		r, need = m.request(best)
	}
	if m.fine(best) {
		b.guesses = p.guess(basis)
		r.Ranges = withGuesses(r.Ranges, b.guesses)
	}
	b.asked, b.need = &r, need
	return r, len(r.Ranges) > 0
}

// answers reports whether the signature answers the last request.
func (b *basisState) answers(sig *Signature) bool {
	return b.asked != nil && b.asked.BlockSize == sig.BlockSize && b.asked.HashBits() == sig.HashBits() &&
		slices.Equal(b.asked.Ranges, sig.Ranges)
}

// An evidence is how many bits of hashes must agree before a copy is taken that
// continues none: from the part of the basis that lies beside the gap, or from
// anywhere.
type evidence struct{ near, far int }

// runs returns how many blocks of the signature in a row are that evidence, of one that
// was not asked for by the plan those that prove a copy from anywhere.
func (p *Plan) runs(b *basisState, sig *Signature) evidence {
	need := b.need
	if !b.answers(sig) {
		far := sig.anywhere(p.src.Size) + shortMargin
		need = evidence{far, far}
	}
	n := sig.HashBits()
	return evidence{(need.near + n - 1) / n, (need.far + n - 1) / n}
}

// firstFor returns the coarse request for a basis of which only whole ranges,
// or nothing, are matched.
func (p *Plan) firstFor(basis int, seams []seam, missing int64) (Request, bool) {
	r := Request{}
	for _, s := range seams {
		if s.free.Len > 0 {
			r.Ranges = append(r.Ranges, s.free)
		}
	}
	if len(r.Ranges) == 0 || len(r.Ranges) > MaxRanges {
		return r, false
	}
	r.BlockSize = firstBlockSize(total(r.Ranges))
	if windows := p.MissingBytes(); p.opt.Careful {
		r.setLong(r.anywhere(windows) + longMargin)
	} else {
		r.setShort(max((r.anywhere(windows)+shortMargin)/2+1, log2(4*int64(len(r.Ranges)))+shortMargin, log2(total(r.Ranges))))
	}
	return r, r.Blocks() <= MaxBlocks
}

// A seam is a piece of a basis that no copy uses, and how much is missing in
// the new file right beside the copies at its ends.
type seam struct {
	free    Range
	missing int64 // without repetitions
	windows int64 // with them: how many offsets may be compared with a block
}

// seams returns the unused pieces of a basis, ascending. What is in repeats does
// not count as missing.
func (p *Plan) seams(basis int, repeats []Range) []seam {
	type used struct {
		Range
		before, after Range // missing in the new file beside it
	}
	between := func(from, to int64) Range { return Range{from, to - from} }
	newSeam := func(from, to int64, left, right Range) seam {
		return seam{
			free:    between(from, to),
			missing: max(left.Len-overlap(left, repeats), right.Len-overlap(right, repeats)),
			windows: left.Len + right.Len,
		}
	}
	var us []used
	var end int64
	for i := range p.copies {
		c := &p.copies[i]
		if n := len(us); n > 0 && i > 0 && p.copies[i-1].Basis == basis {
			us[n-1].after = between(end, c.at)
		}
		if c.Basis == basis {
			us = append(us, used{Range{c.Off, c.Len}, between(end, c.at), Range{}})
		}
		end = c.end()
	}
	if n := len(us); n > 0 && p.copies[len(p.copies)-1].Basis == basis {
		us[n-1].after = between(end, p.src.Size)
	}
	slices.SortFunc(us, func(a, b used) int {
		switch {
		case a.Off < b.Off:
			return -1
		case a.Off > b.Off:
			return 1
		}
		return 0
	})
	var (
		ss   []seam
		from int64
		left Range
	)
	for _, u := range us {
		if u.Off > from {
			ss = append(ss, newSeam(from, u.Off, left, u.before))
		}
		if u.End() > from {
			from, left = u.End(), u.after
		}
	}
	if size := p.bases[basis].size; from < size {
		if len(us) == 0 {
			left = between(0, p.src.Size)
		}
		ss = append(ss, newSeam(from, size, left, Range{}))
	}
	return ss
}
