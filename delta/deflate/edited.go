package deflate

import "encoding/binary"

// Edited strings are strings of one size with an edit in them, and where in the new
// stream they occur again.
type editedStrings struct {
	size    int64
	mask    uint64         // of the bytes of a string in a word
	cfg     *chainConfig   // what the encoder hashes alike counts as the same; nil if not
	last    int64          // where the last string begins
	strings []editedString // ascending; those before in are in the tables
	in      int
	first   int32 // number of strings[0], counted from 1
	used    bool  // the tables are
	newest  [hashSlots]int32
	some    [hashSlots / 64]uint64 // the slots in use
	hits    []int64                // where strings of them begin, ascending
	next    int64                  // scanNear goes on from here
}

// hashSlots is the number of hashes that are told apart.
const hashSlots = 1 << 15

// maxStrings is the number of strings after which they are counted anew.
const maxStrings = 1 << 30

// An editedString is where a string begins, what it is or was, and the number of
// the one before it with the same hash.
type editedString struct {
	at     int64
	word   uint64
	old    bool // it is no more
	before int32
}

func (d *editedStrings) configure(size int) {
	d.size, d.mask, d.cfg = int64(size), 1<<(8*size)-1, nil
	d.clear()
}

func (d *editedStrings) clear() {
	d.strings, d.hits, d.in, d.first, d.last, d.next = d.strings[:0], d.hits[:0], 0, 1, -1, 0
	if d.used {
		d.used = false
		clear(d.newest[:])
		clear(d.some[:])
	}
}

// add adds the string that begins the little-endian word, behind all others.
func (d *editedStrings) add(at int64, word uint64, old bool) {
	d.strings = append(d.strings, editedString{at: at, word: word & d.mask, old: old})
	d.last = at
}

// slot hashes a string.
func (d *editedStrings) slot(word uint64) int {
	if d.cfg != nil {
		return int(d.cfg.hashOf(uint32(word)) & (hashSlots - 1))
	}
	return int(word * 0x9e3779b97f4a7c15 >> 49)
}

// scan finds strings from position from to before to of buf, which begins at base.
func (d *editedStrings) scan(buf []byte, base, from, to int64) {
	for from < to {
		stop := min(to, d.turn(from))
		if d.in > 0 {
			d.scanBytes(buf[from-base:stop-base+7], from)
		}
		from = stop
	}
}

// scanBytes finds strings that begin before the last 7 bytes of b, which begins at
// position at, by the tables as they are.
func (d *editedStrings) scanBytes(b []byte, at int64) {
	if d.cfg != nil && d.cfg.hash == rollingHash {
		d.scanRolling(b, at)
		return
	}
	for i := range b[7:] {
		h := d.slot(binary.LittleEndian.Uint64(b[i:i+8]) & d.mask)
		if d.some[h>>6]>>(h&63)&1 != 0 {
			d.hits = append(d.hits, at+int64(i))
		}
	}
}

// scanRolling is scanBytes by zlib's hash.
func (d *editedStrings) scanRolling(b []byte, at int64) {
	shift := (d.cfg.hashBits + 2) / 3
	mask := uint32(1)<<min(d.cfg.hashBits, 15) - 1
	h := uint32(b[0])<<shift ^ uint32(b[1])
	for i, c := range b[2 : len(b)-5] {
		h = h<<shift ^ uint32(c)
		if x := h & mask; d.some[x>>6]>>(x&63)&1 != 0 {
			d.hits = append(d.hits, at+int64(i))
		}
	}
}

// scanNear does what scan does where shorter strings, of so many bytes less, were
// found from position from on: an edited string has a shorter one within it.
func (d *editedStrings) scanNear(shorter []int64, less int64, buf []byte, base, from int64) {
	turn := from
	for _, x := range shorter {
		for y := max(d.next, x-less, base); y <= x; y++ {
			if y >= turn {
				turn = d.turn(y)
			}
			h := d.slot(binary.LittleEndian.Uint64(buf[y-base:]) & d.mask)
			if d.some[h>>6]>>(h&63)&1 != 0 {
				d.hits = append(d.hits, y)
			}
			d.next = y + 1
		}
	}
}

// turn brings the tables to what they are for the bytes at position at, and returns
// the position at which they are to change again. Strings stay for a while longer
// than the window, for tokens that begin before at.
func (d *editedStrings) turn(at int64) (next int64) {
	const stay = windowSize + maxMatch + roomAhead + scanAhead
	next = at + windowSize
	gone := 0
	for gone < d.in {
		s := &d.strings[gone]
		if s.at+stay >= at {
			next = min(next, s.at+stay+1)
			break
		}
		if h := d.slot(s.word); d.newest[h] == d.first+int32(gone) {
			d.newest[h] = 0
			d.some[h>>6] &^= 1 << (h & 63)
		}
		gone++
	}
	d.strings, d.in, d.first = d.strings[gone:], d.in-gone, d.first+int32(gone)
	for d.in < len(d.strings) {
		s := &d.strings[d.in]
		if s.at > at {
			return min(next, s.at)
		}
		h := d.slot(s.word)
		s.before, d.newest[h], d.used = d.newest[h], d.first+int32(d.in), true
		d.some[h>>6] |= 1 << (h & 63)
		d.in++
	}
	return next
}

// drop forgets the hits before position at.
func (d *editedStrings) drop(at int64) {
	for len(d.hits) > 0 && d.hits[0] < at {
		d.hits = d.hits[1:]
	}
}

// meets reports whether there is a hit before position to.
func (d *editedStrings) meets(to int64) bool { return len(d.hits) > 0 && d.hits[0] < to }

// maxCompared is the most candidates that are looked at for a token: with more of them
// a search is as cheap.
const maxCompared = 256

// none reports whether better holds for none of the candidates, for a token at
// position at, of which a string begins before to; false if there are too many to say,
// or if one begins at the bytes searched for that occurs so often that the encoder may
// give up on it.
func (d *editedStrings) none(at, to int64, better func(q int64, old bool) bool, e *edits) bool {
	looked := 0
	for _, x := range d.hits {
		if x >= to {
			break
		}
		word := binary.LittleEndian.Uint64(e.buf[x-e.base:]) & d.mask
		for k := d.newest[d.slot(word)]; k >= d.first; k = d.strings[k-d.first].before {
			if looked++; looked > maxCompared {
				return false
			}
			s := &d.strings[k-d.first]
			if (s.word == word || d.cfg != nil) && s.at < x && (x <= at+1 && e.frequent(x) || better(s.at-(x-at), s.old)) {
				return false
			}
		}
	}
	return true
}
