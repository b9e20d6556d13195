package deflate

import (
	"encoding/binary"
	"math"
)

// maxEdit is the most bytes between two pieces of a copy that may differ: the
// header of a tar member and more.
const maxEdit = 4 << 10

// Edits are the bytes in the gaps of a stretch that do differ in the two streams.
// They leave lengths as they are, so every candidate of a match search is as far
// away in the new stream as it was in the old one. What a search gives can only
// be another than it was if a string of the bytes it looks at occurs in the window
// with an edit in it, as it was or as it is. So the hashes of those strings are
// kept for as long as they are in the window: of short ones, those that the
// encoder hashes, which tell of candidates that come or go, and of long ones,
// which tell of candidates for long matches.
type edits struct {
	model Model
	cfg   chainConfig
	shift int64 // from old positions, which all of these are, to new ones
	start int64 // of the stretch
	gaps  []gap // not yet compared
	known int64 // from here on the whole window is known
	base  int64 // of buf
	buf   []byte
	short edited
	long  edited
}

// Edited are strings of one size with an edit in them.
type edited struct {
	size    int64
	mask    uint64            // of the bytes of a string in a word
	chained bool              // what has the same hash counts as the same
	strings []editedString    // ascending
	counts  [hashSlots]uint16 // of their hashes
}

// hashSlots is the number of hashes that are told apart.
const hashSlots = 1 << 15

// An editedString is where a string begins, and what it is in both streams.
type editedString struct {
	at       int64
	old, new uint64
}

// maxScan bounds the strings that are compared one by one.
const maxScan = 512

// longString is the size of long strings, and roomAhead the bytes behind a token
// that spare looks at.
const (
	longString = 6
	roomAhead  = 12
)

// begin prepares for a stretch, unless it is that in work.
func (e *edits) begin(s stretch, m Model) {
	if m != e.model {
		e.forget(&e.short, math.MaxInt64) // while their hashes are known
		e.forget(&e.long, math.MaxInt64)
		e.model, e.cfg, e.start = m, m.chainConfig(), -1
		e.short.configure(e.cfg.hashed())
		e.long.configure(longString)
		// Long chains are hardly ever walked to their end.
		e.short.chained = e.cfg.chain < deepChain<<2
	}
	if e.start == s.Old && e.shift == s.New-s.Old {
		return
	}
	e.forget(&e.short, math.MaxInt64)
	e.forget(&e.long, math.MaxInt64)
	e.gaps, e.shift, e.start, e.known = s.gaps, s.New-s.Old, s.Old, s.Old+windowSize
	if e.shift == 0 && s.Old == 0 {
		e.known = 0 // the windows are the same from the start
	}
}

func (d *edited) configure(size int) {
	d.size, d.mask = int64(size), 1<<(8*size)-1
}

// find compares what lies in the gaps of the old segment and of the new one, as
// far as both have come.
func (e *edits) find(old, new *segment) {
	e.base, e.buf = new.abs-e.shift, new.buf
	low, high := max(old.abs, e.base), min(old.abs+int64(old.end), e.base+int64(len(new.buf)))
	for len(e.gaps) > 0 && e.gaps[0].from < high {
		g := &e.gaps[0]
		if g.from < low {
			e.known = max(e.known, g.to+windowSize) // it is gone
		}
		for at := max(g.from, low); at < min(g.to, high); at++ {
			if old.buf[at-old.abs] != new.buf[at-e.base] {
				e.add(&e.short, at, old, new)
				e.add(&e.long, at, old, new)
			}
		}
		if g.to > high {
			g.from = high
			return
		}
		e.gaps = e.gaps[1:]
	}
}

// add takes in the strings around an edit. Where one of them is cut off by the end
// of a segment the window is not known.
func (e *edits) add(d *edited, at int64, old, new *segment) {
	from := at - d.size + 1
	if n := len(d.strings); n > 0 {
		from = max(from, d.strings[n-1].at+1)
	}
	for ; from <= at; from++ {
		i, k := from-old.abs, from-e.base
		if i < 0 || k < 0 || i+8 > int64(len(old.buf)) || k+8 > int64(len(new.buf)) {
			e.known = max(e.known, at+windowSize)
			continue
		}
		s := editedString{from, binary.LittleEndian.Uint64(old.buf[i:]) & d.mask, binary.LittleEndian.Uint64(new.buf[k:]) & d.mask}
		d.counts[e.hash(d, s.old)]++
		d.counts[e.hash(d, s.new)]++
		d.strings = append(d.strings, s)
	}
}

// hash hashes the string that is w.
func (e *edits) hash(d *edited, w uint64) uint16 {
	if d.size == longString {
		return uint16(w * 0x9e3779b97f4a7c15 >> 49)
	}
	return uint16(e.cfg.hashOf(uint32(w)) & (hashSlots - 1))
}

// has reports whether the string at the front of b is one of d.
func (e *edits) has(d *edited, b []byte) bool {
	w := binary.LittleEndian.Uint64(b) & d.mask
	if d.counts[e.hash(d, w)] == 0 {
		return false
	}
	if d.chained || len(d.strings) > maxScan {
		return true
	}
	for i := range d.strings {
		if d.strings[i].old == w || d.strings[i].new == w {
			return true
		}
	}
	return false
}

// forget lets go of the strings that are before the window of at.
func (e *edits) forget(d *edited, at int64) {
	for len(d.strings) > 0 && d.strings[0].at < at-windowSize {
		d.counts[e.hash(d, d.strings[0].old)]--
		d.counts[e.hash(d, d.strings[0].new)]--
		d.strings = d.strings[1:]
	}
}

// spare reports whether a token of n bytes is what it was, the tokens before it
// and behind it, up to the next match, being so too: the search at its first byte
// and that at the second, for something longer, meet no edit.
//
// Candidates come or go with a short string at those two places. The length of
// others can change by an edit further on: for a match of n bytes that matters if
// it becomes or was at least n, so that some long string of the match has the edit
// in it, or if the match is short, some short string. A literal may have been
// passed over for a longer match, or none be there, and what is compared is any
// length below that match's: the short strings tell of the first few bytes, and the
// long ones of the match that follows of the others.
func (e *edits) spare(at, n int64) bool {
	e.forget(&e.short, at)
	e.forget(&e.long, at)
	if len(e.gaps) > 0 && e.gaps[0].from < at+n+roomAhead {
		return false
	}
	if len(e.short.strings)+len(e.long.strings) == 0 {
		return true
	}
	b := e.buf[at-e.base:]
	if int64(len(b)) < n+roomAhead {
		return false
	}
	short, long := n+1, int64(0)
	switch {
	case n == 1:
		short = longString
	case n >= longString:
		short, long = 2, n-longString+3
	}
	for i := range short {
		if e.has(&e.short, b[i:]) {
			return false
		}
	}
	for i := range long {
		if e.has(&e.long, b[i:]) {
			return false
		}
	}
	return true
}
