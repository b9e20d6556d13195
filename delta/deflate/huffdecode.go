package deflate

import "math/bits"

// Decoding tables have a primary part indexed by the next litBits bits and
// secondary parts for longer codes.
const (
	litBits  = 11
	distBits = 9
	clenBits = 7
)

// An entry of a decoding table: bits 0-3 the code's length, bits 4-15 the
// symbol; for a link (bit 31) bits 0-3 hold the width of the secondary table
// and bits 4-30 its start. Zero marks a bit pattern that is no code.
type decodeEntry uint32

const linkBit decodeEntry = 1 << 31

// A decodeTable decodes one canonical prefix code (RFC 1951 section 3.2.2).
type decodeTable struct {
	primary uint
	entries []decodeEntry
}

// build makes the table for a code with the given lengths. It accepts
// incomplete codes (their missing patterns decode to nothing) and reports
// false for oversubscribed ones.
func (t *decodeTable) build(lens []uint8, primary uint) bool {
	var count [maxCodeLen + 1]int
	for _, l := range lens {
		count[l]++
	}
	count[0] = 0
	var next [maxCodeLen + 2]uint32
	code, left := uint32(0), 1
	for l := 1; l <= maxCodeLen; l++ {
		code = (code + uint32(count[l-1])) << 1
		next[l] = code
		left = left<<1 - count[l]
		if left < 0 {
			return false
		}
	}
	t.primary = primary
	if cap(t.entries) < 1<<primary {
		t.entries = make([]decodeEntry, 1<<primary, 2048+1<<primary)
	}
	t.entries = t.entries[:1<<primary]
	clear(t.entries)
	for s, l := range lens {
		if l != 0 {
			t.insert(s, uint(l), next[l])
			next[l]++
		}
	}
	return true
}

func (t *decodeTable) insert(sym int, l uint, code uint32) {
	rev := uint32(bits.Reverse16(uint16(code))) >> (16 - l)
	e := decodeEntry(sym)<<4 | decodeEntry(l)
	if l <= t.primary {
		for i := rev; i < 1<<t.primary; i += 1 << l {
			t.entries[i] = e
		}
		return
	}
	root := rev & (1<<t.primary - 1)
	link := t.entries[root]
	if link == 0 {
		link = t.addSecondary()
		t.entries[root] = link
	}
	width := uint(link & 15)
	start := uint32(link&^linkBit) >> 4
	for i := rev >> t.primary; i < 1<<width; i += 1 << (l - t.primary) {
		t.entries[start+i] = e
	}
}

// addSecondary appends a secondary table, wide enough for the longest codes.
func (t *decodeTable) addSecondary() decodeEntry {
	width := uint(maxCodeLen) - t.primary
	start := len(t.entries)
	for range 1 << width {
		t.entries = append(t.entries, 0)
	}
	return linkBit | decodeEntry(start)<<4 | decodeEntry(width)
}

// lookup finds the entry for the bits at the low end of acc.
func (t *decodeTable) lookup(acc uint64) decodeEntry {
	e := t.entries[acc&(1<<t.primary-1)]
	if e&linkBit != 0 {
		width := uint(e & 15)
		start := uint64(e&^linkBit) >> 4
		e = t.entries[start+acc>>t.primary&(1<<width-1)]
	}
	return e
}

// symbol decodes one symbol, or returns -1 for bits that are no code.
func (r *bitReader) symbol(t *decodeTable) int {
	if r.n < maxCodeLen {
		r.fill()
	}
	e := t.lookup(r.acc)
	if e == 0 {
		return -1
	}
	l := uint(e & 15)
	r.acc >>= l
	r.n -= l
	return int(e >> 4)
}

// codes assigns the canonical codes to lens, bit-reversed for writing.
func codes(lens []uint8, out []uint16) {
	var count [maxCodeLen + 1]uint32
	for _, l := range lens {
		count[l]++
	}
	count[0] = 0
	var next [maxCodeLen + 1]uint32
	code := uint32(0)
	for l := 1; l <= maxCodeLen; l++ {
		code = (code + count[l-1]) << 1
		next[l] = code
	}
	for s, l := range lens {
		if l == 0 {
			out[s] = 0
			continue
		}
		out[s] = bits.Reverse16(uint16(next[l])) >> (16 - l)
		next[l]++
	}
}
