package deflate

import "encoding/binary"

// A stringCount says about how often short strings occur in the window: of two stretches
// of the size of a window, the one in work and the one before it, so never too seldom.
type stringCount struct {
	now, before *[countSlots]uint16
	turn        int64 // where now begins
	next        int64 // what is counted next
}

const countSlots = 1 << 12

func (c *stringCount) clear() { c.next = -1 }

// of returns how often the string that begins at position at occurs in the window before
// it, by so many of its bytes. buf begins at base.
func (c *stringCount) of(at int64, mask uint32, buf []byte, base int64) int {
	if c.now == nil {
		c.now, c.before = new([countSlots]uint16), new([countSlots]uint16)
	}
	if from := max(at-windowSize, base); c.next < from {
		clear(c.now[:])
		clear(c.before[:])
		c.next, c.turn = from, from
	}
	for c.next < at {
		stop := min(at, c.turn+windowSize)
		for ; c.next < stop; c.next++ {
			c.now[countSlot(buf[c.next-base:], mask)]++
		}
		if stop == c.turn+windowSize {
			c.now, c.before = c.before, c.now
			clear(c.now[:])
			c.turn = stop
		}
	}
	h := countSlot(buf[at-base:], mask)
	return int(c.now[h]) + int(c.before[h])
}

func countSlot(b []byte, mask uint32) uint32 {
	return (binary.LittleEndian.Uint32(b) & mask) * 0x9e3779b1 >> 20
}
