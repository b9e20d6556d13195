package deflate

import "math"

// changedBytes are the positions of edits in a window.
type changedBytes struct {
	ahead []int64                  // ascending, behind those in bits
	near  []int64                  // some of those in bits, the last ones
	last  int64                    // of those in bits
	bits  [changedRing / 64]uint64 // of a ring of positions, up to last
}

// changedRing is what of them is kept: a window and more.
const changedRing = 2 * windowSize

func (c *changedBytes) clear() { c.ahead, c.near, c.last = c.ahead[:0], c.near[:0], math.MinInt64/2 }

// enter enters those before position to.
func (c *changedBytes) enter(to int64) {
	for len(c.ahead) > 0 && c.ahead[0] < to {
		at := c.ahead[0]
		for w := max(c.last>>6, at>>6-changedRing/64) + 1; w <= at>>6; w++ {
			c.bits[w&(changedRing/64-1)] = 0
		}
		c.bits[at>>6&(changedRing/64-1)] |= 1 << (at & 63)
		c.last = at
		c.ahead, c.near = c.ahead[1:], append(c.near, at)
	}
}

// any reports whether there are any from position from, which is in the window, to
// before to.
func (c *changedBytes) any(from, to int64) bool {
	to = min(to, c.last+1)
	for from < to {
		word := c.bits[from>>6&(changedRing/64-1)] >> (from & 63)
		if n := to - from; n < 64 {
			word &= 1<<n - 1
		}
		if word != 0 {
			return true
		}
		from = from>>6<<6 + 64
	}
	return false
}
