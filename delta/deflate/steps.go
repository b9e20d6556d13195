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

// The steps that the streams of a [Splitter] or [Joiner] may take together: so many
// for each plain byte, and some more. Of some forty archives, text, binaries and
// random digits among them, each compressed at levels 6 and 9, the worst takes 150
// for each byte, the worst of those that somebody published 27.
const (
	stepsPerByte = 20 * 27
	stepsFree    = 1 << 26
)

// mayStep returns the steps that so many plain bytes may take.
func mayStep(plain int64) int64 { return stepsFree + stepsPerByte*plain }

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
