package deflate

import "encoding/binary"

// A snappyPredictor is the match search of compress/flate's level 1
// (deflatefast.go), which works on blocks of 65535 plain bytes: one candidate
// for each hash of four bytes, and ever longer steps through what does not match.
type snappyPredictor struct {
	table [1 << 14]snappyEntry
	b     []byte
	abs   int64
	ended bool

	done    int64 // position up to which blocks are searched
	matches []snappyMatch
	found   int // distance of the candidate that enter found
	next    int // first of matches not before the position asked for last
}

type snappyEntry struct {
	val uint32
	pos int64 // position in the stream, plus one; 0 for none
}

type snappyMatch struct {
	pos int // index in b
	tok token
}

func (f *snappyPredictor) begin(s *segment, follows bool) {
	if !follows {
		clear(f.table[:])
		f.done = s.abs + int64(s.start)
		f.done -= f.done % maxStored
	}
	f.b, f.abs, f.ended = s.buf, s.abs, s.ended()
	f.matches, f.next = f.matches[:0], 0
}

func (f *snappyPredictor) predict(p int) token {
	for f.done <= f.abs+int64(p) {
		f.search()
	}
	for f.next < len(f.matches) && f.matches[f.next].pos < p {
		f.next++
	}
	if f.next < len(f.matches) && f.matches[f.next].pos == p {
		return f.matches[f.next].tok
	}
	return token(f.b[p])
}

func (f *snappyPredictor) advance(int, token) {}
func (f *snappyPredictor) skip(int, int)      {}

// search finds the matches of the next block.
func (f *snappyPredictor) search() {
	start := max(int(f.done-f.abs), 0)
	stop := min(int(f.done+maxStored-f.abs), len(f.b))
	f.done += maxStored
	f.matches, f.next = f.matches[:0], 0
	n := stop - start
	if n < 128 {
		return // literals only, at the end of the stream
	}
	covered := 0
	for s := start; ; {
		var ok bool
		if s, ok = f.find(s, stop-15); !ok {
			break
		}
		for ok {
			t := f.extend(s, stop)
			f.matches = append(f.matches, snappyMatch{s, t})
			covered += t.length() - 1
			s += t.length()
			if s >= stop-15 {
				break
			}
			ok = f.chained(s)
		}
		if s >= stop-15 {
			break
		}
		s++
	}
	if n-covered > n-n>>4 {
		f.matches = f.matches[:0] // too little gained: all literals
	}
}

func (f *snappyPredictor) hash(v uint32) uint32 { return v * 0x1e35a7bd >> 18 }

// enter replaces the table's entry for position s and reports whether the old
// one is a match in reach.
func (f *snappyPredictor) enter(s int) bool {
	v := binary.LittleEndian.Uint32(f.b[s:])
	e := &f.table[f.hash(v)]
	old := *e
	*e = snappyEntry{v, f.abs + int64(s) + 1}
	if old.pos == 0 || old.val != v || f.abs+int64(s)+1-old.pos > windowSize {
		return false
	}
	f.found = int(f.abs + int64(s) + 1 - old.pos)
	return true
}

// find steps from s on to a position with a match and reports whether there
// is one before limit.
func (f *snappyPredictor) find(s, limit int) (int, bool) {
	for skip := 32; ; {
		step := skip >> 5
		skip += step
		if s+step > limit {
			return s, false
		}
		if f.enter(s) {
			return s, true
		}
		s += step
	}
}

// extend returns the match at s with the candidate found there.
func (f *snappyPredictor) extend(s, stop int) token {
	n := 4 + matchLen(f.b, s+4-f.found, s+4, min(maxMatch-4, stop-s-4))
	return matchToken(n, f.found)
}

// chained enters the positions around s, behind a match, and reports whether
// another match starts there.
func (f *snappyPredictor) chained(s int) bool {
	f.enter(s - 1)
	return f.enter(s)
}

// A literalPredictor predicts no matches (Huffman-only coding).
type literalPredictor struct {
	b []byte
}

func (l *literalPredictor) begin(s *segment, _ bool) { l.b = s.buf }
func (l *literalPredictor) predict(p int) token      { return token(l.b[p]) }
func (l *literalPredictor) advance(int, token)       {}
func (l *literalPredictor) skip(int, int)            {}
