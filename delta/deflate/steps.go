package deflate

import "fmt"

// Plain bytes and corrections can be made so that each search walks chains of
// thousands of candidates which are alike for hundreds of bytes. What searches take
// is counted in steps: one for each candidate looked at, one for every stepBytes of
// it that are compared, and searchSteps for each search.
const (
	stepBytes   = 16
	searchSteps = 8
)

// The steps that the streams of a [Splitter], or of the [Joiner]s of one [Budget], may
// take together: so many for each plain byte, and some more. Of some sixty inputs, text,
// executables, tables of numbers and random letters of few kinds among them, each
// compressed at levels 6 to 9, the worst takes 47 for each byte, the worst of those
// that somebody published 16, and the worst of encoders that no model fits 12. A core
// makes some 130 million in a second: 8 GiB of plain bytes made for it take 70 minutes.
const (
	stepsPerByte = 64
	stepsFree    = 1 << 22
)

// mayStep returns the steps that so many plain bytes may take.
func mayStep(plain int64) int64 { return stepsFree + stepsPerByte*plain }

// A Budget bounds what several [Joiner]s search for together, one after another: those
// that try to rebuild the same streams, with a guide, without one, by other recipes. What
// all of them take is no more than what one may, but for the few segments that are in
// work when it is spent. The zero value is a whole one. It is not safe for concurrent
// use.
type Budget struct {
	plain int64 // plain bytes of the try that came farthest
	steps int64 // of all
}

// spend takes steps for a stream, or streams, of which plain bytes have come so far. It
// reports whether there were as many.
func (b *Budget) spend(plain, steps int64) bool {
	b.plain, b.steps = max(b.plain, plain), b.steps+steps
	return b.steps <= mayStep(b.plain)
}

// errSteps is the error for plain bytes that take more.
func errSteps() error { return fmt.Errorf("deflate: too many steps of search: %w", ErrLimit) }

// enterSteps is about what entering a position takes, in steps.
const enterSteps = 4

// stepped returns the steps so far, and work those and what was entered. c may be nil.
func (c *chainPredictor) stepped() int64 {
	if c == nil {
		return 0
	}
	return c.steps
}

func (c *chainPredictor) work() int64 {
	if c == nil {
		return 0
	}
	return c.steps + enterSteps*int64(c.entered)
}
