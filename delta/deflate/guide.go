package deflate

import (
	"io"
	"iter"
)

// A Guide tells [Join] which plain bytes of the new stream are copies of plain
// bytes of an old stream by the same encoder. Where a copied stretch has a
// copied window before it, the encoder did what it did before, so Join takes
// the old stream's tokens in place of searching for matches; only the seams
// between copies are searched.
//
// A Guide is advice. It cannot make Join fail or exceed its limits, but a
// false one, or in rare cases a true one (an encoder's choice may depend on
// the absolute position), can make the result wrong, which the caller's
// digest check finds. A Guide serves one call of Join.
type Guide struct {
	// Old is the old compressed stream from its first byte. It is read once,
	// forwards, as far as needed.
	Old io.Reader

	// Recipe is the recipe of the old stream.
	Recipe []byte

	// Copies yields the copied stretches in ascending order of New, without
	// overlaps in New. Stretches that go backwards in Old are searched
	// instead.
	Copies iter.Seq[Copy]
}

// A Copy says that Len plain bytes at offset New of the new stream equal
// those at offset Old of the old one.
type Copy struct {
	New, Old, Len int64
}
