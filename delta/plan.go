package delta

import (
	"errors"
	"fmt"
	"slices"
)

// Limits of a Plan.
const (
	MaxCopies = 1 << 19 // copies kept; matches beyond it are left literal
	MaxChain  = 32      // blocks compared for one window
)

// ErrOverlap is the error for a copy over bytes that are matched already.
var ErrOverlap = errors.New("copy overlaps another")

// PlanOptions tune a Plan. The zero value is good.
type PlanOptions struct {
	// RoundTrip is what a round costs beside its bytes, in bytes: headers and
	// the time of a round trip at the rate of the link. 0 means 200.
	RoundTrip int64
	// LiteralCost is what a literal byte is expected to cost after compression,
	// in bytes. 0: measured on a sample of what is missing.
	LiteralCost float64
	// MaxRounds ends the rounds after this many calls of Next. 0 means 8.
	MaxRounds int
	// MinBlock is the smallest block size to ask for, in bytes. 0 means 32.
	MinBlock int
	// Quick looks for no repetitions in more than 1 MiB that is missing, and for
	// those of less not far from it: where time counts more than a few bytes.
	Quick bool
	// Careful has copies proven by longer hashes: where short ones have led to a wrong
	// one, or one would cost more than matching again does. Then Next asks for the first
	// round too; [FirstRequest] is for short ones.
	Careful bool
	// Segments are the pieces of the new file that signatures of whole ranges
	// (BlockSize 0) are matched with, ascending and not overlapping: its
	// members, if it is the plain view of an archive.
	Segments []Range
	// Guess, if not nil, says what is likely to be copied besides, given the ops so
	// far and the sizes of the bases. Fine rounds ask for hashes of just that, which
	// is a few bytes for a piece that no block would fit. What it says need not be
	// true, nor make sense.
	Guess func(ops []Op, bases []int64) []Guess
}

// Stats counts what a Plan has done.
type Stats struct {
	Comparisons int64 // hashes compared with the hash of a window
	Strong      int64 // strong hashes computed over windows of the new file
	Rounds      int   // calls of Next that asked for something
}

// A placed is an op at its place in the new file.
type placed struct {
	at int64
	Op
}

func (c *placed) end() int64 { return c.at + c.Len }

// continues reports whether c goes on where prev ends, in both files, so that
// both can be one copy. One from the new file itself must not reach into itself.
func (c *placed) continues(prev *placed) bool {
	return c.at == prev.end() && c.Basis == prev.Basis && c.Off == prev.Off+prev.Len &&
		(c.Basis != Self || c.Off+c.Len <= prev.at)
}

// A Plan collects copies from bases that together with literals make up a new
// file. Keep one per file; it is not safe for concurrent use. The new file must
// not change meanwhile; if it does, the ops produce something else than either
// state, which the digest of the whole shows.
type Plan struct {
	src    Source
	bases  []basisState
	opt    PlanOptions
	copies []placed // ascending by at, not overlapping, none continuing the one before
	stats  Stats
	cost   float64 // of a literal byte, 0 if not measured yet

	repeated  []Range // what repeats was last
	repeatsOf int64   // and the missing bytes it was found in
}

// NewPlan returns a Plan for the new file src against bases of the given sizes
// in bytes; their indexes are the Basis of ops and requests. It reads nothing
// yet.
func NewPlan(src Source, bases []int64, opt PlanOptions) *Plan {
	p := &Plan{src: src, opt: opt.withDefaults(), cost: opt.LiteralCost}
	for _, size := range bases {
		p.bases = append(p.bases, basisState{size: size})
	}
	return p
}

func (o PlanOptions) withDefaults() PlanOptions {
	if o.RoundTrip == 0 {
		o.RoundTrip = 200
	}
	if o.MaxRounds == 0 {
		o.MaxRounds = 8
	}
	if o.MinBlock == 0 {
		o.MinBlock = 32
	}
	return o
}

// Place records that the new file's bytes from at on equal those that op
// copies, without checking. It is for what the caller knows from elsewhere
// (members of equal digest). Errors wrap [ErrOverlap] or [ErrBadRequest].
func (p *Plan) Place(at int64, op Op) error {
	if op.Basis < 0 || op.Basis >= len(p.bases) || op.Off < 0 || op.Len <= 0 ||
		op.Off > p.bases[op.Basis].size-op.Len || at < 0 || at > p.src.Size-op.Len {
		return fmt.Errorf("%w: copy of %d bytes at %d from %d of basis %d", ErrBadRequest, op.Len, at, op.Off, op.Basis)
	}
	i, _ := slices.BinarySearchFunc(p.copies, at, func(c placed, at int64) int { return int(min(max(c.end()-at, 0), 1)*2 - 1) })
	if i < len(p.copies) && p.copies[i].at < at+op.Len {
		return fmt.Errorf("%w: %d bytes at %d of the new file", ErrOverlap, op.Len, at)
	}
	if len(p.copies) >= MaxCopies {
		return nil
	}
	p.copies = slices.Insert(p.copies, i, placed{at, op})
	return nil
}

// add appends a copy after all others, or extends the last one.
func (p *Plan) add(c placed) {
	if n := len(p.copies); n > 0 && c.continues(&p.copies[n-1]) {
		p.copies[n-1].Len += c.Len
	} else if n < MaxCopies {
		p.copies = append(p.copies, c)
	}
}

// gaps calls f for every piece of the new file that is in no copy, ascending,
// with the copies before and after it, nil where there is none.
func (p *Plan) gaps(f func(g Range, before, after *placed) error) error {
	return p.gapsOf(0, len(p.copies)+1, f)
}

// gapsOf does so for those that lie before the copies from one to another; that after
// the last copy counts as before one more.
func (p *Plan) gapsOf(from, to int, f func(g Range, before, after *placed) error) error {
	var (
		end    int64
		before *placed
	)
	if from > 0 {
		before = &p.copies[from-1]
		end = before.end()
	}
	for i := from; i < min(to, len(p.copies)); i++ {
		c := &p.copies[i]
		if c.at > end {
			if err := f(Range{end, c.at - end}, before, c); err != nil {
				return err
			}
		}
		end, before = c.end(), c
	}
	if to > len(p.copies) && end < p.src.Size {
		return f(Range{end, p.src.Size - end}, before, nil)
	}
	return nil
}

// MissingBytes returns how many bytes of the new file are in no copy yet.
func (p *Plan) MissingBytes() int64 {
	n := p.src.Size
	for i := range p.copies {
		n -= p.copies[i].Len
	}
	return n
}

// MissingCost estimates how many bytes what is in no copy yet takes once compressed,
// from a sample, without what the last round saw to be missing twice. It reads the new
// file; what cannot be read is taken not to get small.
func (p *Plan) MissingCost() int64 {
	n := int64(0)
	p.gaps(func(g Range, _, _ *placed) error {
		n += g.Len - overlap(g, p.repeated)
		return nil
	})
	return int64(float64(n) * p.literalCost())
}

// Ops returns the ops that produce the new file from its first byte to its
// last.
func (p *Plan) Ops() []Op {
	ops := make([]Op, 0, 2*len(p.copies)+1)
	var end int64
	for i := range p.copies {
		c := &p.copies[i]
		if c.at > end {
			ops = append(ops, Op{Literal, end, c.at - end})
		}
		if n := len(ops); n > 0 && i > 0 && c.continues(&p.copies[i-1]) {
			ops[n-1].Len += c.Len
		} else {
			ops = append(ops, c.Op)
		}
		end = c.end()
	}
	if end < p.src.Size {
		ops = append(ops, Op{Literal, end, p.src.Size - end})
	}
	return ops
}

// Stats returns the counts so far.
func (p *Plan) Stats() Stats { return p.stats }
