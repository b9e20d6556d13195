package delta

import (
	"cmp"
	"fmt"
	"slices"
)

// A Guess is a copy that the owner of a new file thinks likely, though no hash
// says so yet: the bytes from At on may be those that Op copies.
type Guess struct {
	At int64
	Op
}

const (
	minGuess    = 16 // bytes of a guess that is worth its hash
	minFragment = 16 // bytes between guesses that are worth one
)

// guess asks PlanOptions.Guess and returns what is worth a hash of a basis:
// pieces that are in no copy yet, ascending in the basis and not overlapping there.
func (p *Plan) guess(basis int) []Guess {
	if p.opt.Guess == nil {
		return nil
	}
	sizes := make([]int64, len(p.bases))
	for i := range p.bases {
		sizes[i] = p.bases[i].size
	}
	all := slices.DeleteFunc(p.opt.Guess(p.Ops(), sizes), func(g Guess) bool {
		return g.Basis != basis || g.Off < 0 || g.Len < minGuess || g.Off > sizes[basis]-g.Len || g.At < 0 || g.At > p.src.Size-g.Len
	})
	slices.SortFunc(all, func(a, b Guess) int { return cmp.Compare(a.At, b.At) })
	var gs []Guess
	p.gaps(func(g Range, _, _ *placed) error {
		for len(all) > 0 && all[0].At+all[0].Len <= g.Off {
			all = all[1:]
		}
		for _, a := range all {
			if a.At >= g.End() {
				break
			}
			skip := max(g.Off-a.At, 0)
			a.At, a.Off = a.At+skip, a.Off+skip
			a.Len = min(a.Len-skip, g.End()-a.At)
			if a.Len >= minGuess {
				gs = append(gs, a)
			}
		}
		return nil
	})
	slices.SortStableFunc(gs, func(a, b Guess) int { return cmp.Compare(a.Off, b.Off) })
	end := int64(0)
	return slices.DeleteFunc(gs, func(g Guess) bool {
		if g.Off < end {
			return true
		}
		end = g.Off + g.Len
		return false
	})
}

// withGuesses makes each guess a range of its own among the others, so that it has
// hashes that are of nothing else.
func withGuesses(rs []Range, gs []Guess) []Range {
	if len(gs) == 0 {
		return rs
	}
	out := make([]Range, 0, len(rs)+2*len(gs))
	keep := func(from, to int64) {
		if to-from >= minFragment {
			out = append(out, Range{from, to - from})
		}
	}
	next, end := 0, int64(0) // guesses taken, and where the last ends
	for _, r := range rs {
		from := max(r.Off, end)
		for ; next < len(gs) && gs[next].Off < r.End(); next++ {
			keep(from, gs[next].Off)
			out = append(out, Range{gs[next].Off, gs[next].Len})
			end = gs[next].Off + gs[next].Len
			from = max(from, end)
		}
		if from == r.Off {
			out = append(out, r)
			continue
		}
		keep(from, r.End())
	}
	for _, g := range gs[next:] {
		out = append(out, Range{g.Off, g.Len})
	}
	return out
}

// confirm places what of the guesses about a basis the signature bears out, block by
// block.
func (p *Plan) confirm(basis int, sig *Signature) error {
	gs := p.bases[basis].guesses
	p.bases[basis].guesses = nil
	var buf []byte
	block := int64(0)
	for _, r := range sig.Ranges {
		n := blocksIn(r.Len, sig.BlockSize)
		if len(gs) > 0 && gs[0].Off == r.Off {
			buf = slices.Grow(buf[:0], int(r.Len))[:r.Len]
			if err := p.src.readFull(buf, gs[0].At); err != nil {
				return fmt.Errorf("read new file: %w", err)
			}
			if err := p.confirmed(gs[0], sig, sig.Hashes[block:block+n], buf); err != nil {
				return err
			}
			gs = gs[1:]
		}
		block += n
	}
	return nil
}

// confirmed places the blocks of b, the new file's bytes of the guess, that have
// the hashes.
func (p *Plan) confirmed(g Guess, sig *Signature, hashes []uint64, b []byte) error {
	for from := 0; from < len(hashes); {
		to := from
		for to < len(hashes) && sig.hash(b[to*sig.BlockSize:min((to+1)*sig.BlockSize, len(b))]) == hashes[to] {
			to++
		}
		p.stats.Strong += int64(to - from)
		if off := int64(from * sig.BlockSize); to > from {
			n := min(int64(to*sig.BlockSize), g.Len) - off
			if err := p.Place(g.At+off, Op{g.Basis, g.Off + off, n}); err != nil {
				return err
			}
		}
		from = to + 1
	}
	return nil
}
