package deflate

import "encoding/binary"

// maxEdit is the most bytes between two pieces of a copy that may differ: the headers
// of a tar's members that have no content, and more. maxChanged is how many of them do
// at most.
const (
	maxEdit    = 64 << 10
	maxChanged = 1 << 10
)

// Edits are the bytes in the gaps of a stretch that do differ in the two streams.
// They leave lengths as they are, so every candidate of a match search is as far
// away in the new stream as it was in the old one. What a search gives can only
// be another than it was if the match it found is edited, or if a string of the
// bytes it looks at occurs in the window with an edit in it. So the strings with an
// edit are kept for as long as they are in the window: short ones, as long as what
// the encoder hashes, which tell of candidates that come, and long ones, which tell
// of candidates for long matches. One pass over the new bytes finds where they
// occur again; what begins there is compared.
//
// An encoder that gives up after some candidates is another matter: what comes or
// goes changes how far it gets. There the strings are kept as they were and as they
// are, and where one occurs again a search is made.
//
// All positions are those in the new stream.
type edits struct {
	model   Model
	cfg     chainConfig
	shift   int64 // from old positions
	start   int64 // of the stretch
	gaps    []gap // not yet compared
	known   int64 // from here on the whole window is known
	seen    int64 // the bytes before here are compared, where they are in gaps
	scanned int64 // before here strings that occur again are found
	quiet   int64 // before here literals meet no edit
	base    int64 // of buf
	buf     []byte
	short   editedStrings
	long    editedStrings
	changed changedBytes
	count   stringCount
}

// wordRoom is how far the word that holds a string may go beyond its first byte: edits
// so near the end of a segment are left to the next one.
const wordRoom = 8

// longString is the size of long strings, roomAhead the bytes behind a token that
// spare looks at, and scanAhead how far it looks for strings at a time.
const (
	longString = 6
	roomAhead  = 12
	scanAhead  = 2 << 10
)

// begin prepares for a stretch, unless it is that in work.
func (e *edits) begin(s stretch, m Model) {
	if m != e.model {
		e.model, e.cfg, e.start = m, m.chainConfig(), -1
		e.short.configure(e.cfg.hashed())
		e.long.configure(longString)
		// A hash of 4 bytes may be that of a candidate that shares only 3.
		if e.walksShort() || e.cfg.hashed() > minMatch && !e.cfg.goRules {
			e.short.cfg = &e.cfg
		}
	}
	if e.start == s.New && e.shift == s.New-s.Old {
		return
	}
	e.short.clear()
	e.long.clear()
	e.changed.clear()
	e.count.clear()
	e.shift, e.start, e.known, e.scanned, e.quiet = s.New-s.Old, s.New, s.New+windowSize, s.New, 0
	e.gaps = e.gaps[:0]
	for _, g := range s.gaps {
		e.gaps = append(e.gaps, gap{from: g.from + e.shift, to: g.to + e.shift})
	}
	if e.shift == 0 && s.Old == 0 {
		e.known = 0 // the windows are the same from the start
	}
}

// walksShort reports whether the encoder often gives up before the end of a chain.
func (e *edits) walksShort() bool { return e.cfg.chain < deepChain<<2 }

// find compares what lies in the gaps of the old segment and of the new one, as
// far as both have come.
func (e *edits) find(old, new *segment) {
	e.base, e.buf = new.abs, new.buf
	from := old.abs + e.shift // of the old segment's buf
	low, high := max(from, e.base), min(from+int64(old.end), e.base+int64(len(new.buf)))-wordRoom
	for len(e.gaps) > 0 && e.gaps[0].from < high {
		g := &e.gaps[0]
		if g.from < low {
			e.known = max(e.known, g.to+windowSize) // it is gone
		}
		for at := max(g.from, low); at < min(g.to, high); at++ {
			if old.buf[at-from] != new.buf[at-e.base] {
				if g.changed++; g.changed > maxChanged {
					e.known = max(e.known, g.to+windowSize)
					break
				}
				e.changed.ahead = append(e.changed.ahead, at)
				e.add(&e.short, at, old.buf, from)
				e.add(&e.long, at, old.buf, from)
			}
		}
		if g.to > high {
			g.from = high
			break
		}
		e.gaps = e.gaps[1:]
	}
	e.seen = e.base + int64(len(e.buf)) - 8
	if len(e.gaps) > 0 {
		e.seen = min(e.seen, e.gaps[0].from-longString)
	}
	e.scanned = max(e.scanned, e.base)
}

// scan finds where edited strings occur again before position to. It reports
// whether so much is known.
func (e *edits) scan(to int64) bool {
	if to > e.seen {
		return false
	}
	if to > e.scanned {
		to = min(max(to, e.scanned+scanAhead), e.seen)
		n := len(e.short.hits)
		e.short.scan(e.buf, e.base, e.scanned, to)
		e.long.scanNear(e.short.hits[n:], longString-e.short.size, e.buf, e.base, e.scanned)
		e.changed.enter(to)
		e.scanned = to
	}
	return true
}

// add takes in the strings around an edit. Where one of them is cut off by the end
// of a segment the window is not known. old begins at position from.
func (e *edits) add(d *editedStrings, at int64, old []byte, from int64) {
	if d.first > maxStrings {
		d.clear()
		e.known = at + windowSize
	}
	first := max(at-d.size+1, d.last+1)
	for y := first; y <= at; y++ {
		i, k := y-from, y-e.base
		if i < 0 || k < 0 || i+8 > int64(len(old)) || k+8 > int64(len(e.buf)) {
			e.known = max(e.known, at+windowSize)
			continue
		}
		d.add(y, binary.LittleEndian.Uint64(old[i:]), true)
		d.add(y, binary.LittleEndian.Uint64(e.buf[k:]), false)
	}
}

// none reports whether no edit is in the window of the bytes from position from to
// before to, or among them.
func (e *edits) none(from, to int64) bool {
	to += maxMatch + roomAhead
	return to <= e.seen && e.changed.last < from-windowSize && (len(e.changed.ahead) == 0 || e.changed.ahead[0] >= to)
}

// spare reports whether the first of tokens, which is at position at, is what it
// was, the tokens before it and behind it, up to the next match, being so too: the
// search at its first byte and that at the second, for something longer, give what
// they gave.
func (e *edits) spare(at int64, tokens []token) bool {
	t := tokens[0]
	n := int64(t.size())
	if !e.scan(at + n + roomAhead) {
		return false
	}
	e.short.drop(at)
	e.long.drop(at)
	switch {
	case e.changed.last < at-windowSize:
		return true
	case e.walksShort():
		return e.meetsNone(at, n)
	case t.isMatch():
		return e.matchHolds(at, t)
	}
	return e.literalHolds(at, tokens)
}

// reach returns how far from a token of n bytes the short and the long strings may
// begin that tell of edited candidates.
//
// Candidates come or go with a short string at the first and at the second byte.
// The length of others can change by an edit further on: for a match of n bytes that
// matters if it becomes or was at least n, so that some long string of the match has
// the edit in it, or if the match is short, some short string. A literal may have
// been passed over for a longer match, or none be there, and what is compared is any
// length below that match's: the short strings tell of the first few bytes, and the
// long ones, as far as the match that follows, of the others.
func reach(n int64) (short, long int64) {
	switch {
	case n == 1:
		return longString, 0
	case n >= longString:
		return 2, n - longString + 3
	}
	return n + 1, 0
}

// meetsNone reports whether no edited string occurs where a token of n bytes is
// searched for.
func (e *edits) meetsNone(at, n int64) bool {
	short, long := reach(n)
	return !e.short.meets(at+short) && !e.long.meets(at+long)
}

// matchHolds reports whether the match t at position at is what it was.
func (e *edits) matchHolds(at int64, t token) bool {
	n, dist := int64(t.length()), int64(t.dist())
	if e.changed.any(at-dist, at-dist+n+1) || e.changed.any(at, at+n+2) {
		return false
	}
	short, long := reach(n)
	better := func(q int64, old bool) bool {
		if old {
			return false
		}
		m := e.shared(q, at)
		if m == 0 {
			return e.shared(q+1, at+1) > n
		}
		return m > n || m == n && at-q < dist
	}
	return e.short.none(at, at+short, better, e) && e.long.none(at, at+long, better, e)
}

// literalHolds reports whether the first of tokens, a literal at position at, is
// what it was.
func (e *edits) literalHolds(at int64, tokens []token) bool {
	if at < e.quiet {
		return true
	}
	e.quiet = e.calm(at) - maxMatch - roomAhead
	if at < e.quiet {
		return true
	}
	end, next := at, int64(0) // of the match that follows, and its length if it follows at once
	for i, t := range tokens {
		end += int64(t.size())
		if t.isMatch() {
			if i == 1 {
				next = int64(t.length())
			}
			break
		}
		if end-at > maxMatch {
			break
		}
	}
	if !e.scan(end+roomAhead) || e.changed.any(at, end+2) {
		return false
	}
	better := func(q int64, old bool) bool {
		if old {
			return true // it may have been why a match before was passed over
		}
		m := e.shared(q, at)
		return m >= minMatch && m >= next
	}
	return e.short.none(at, at+longString, better, e) && e.long.none(at, end, better, e)
}

// frequent reports whether the string that begins at position at occurs so often in the
// window that the encoder may give up before it has looked at all of it.
func (e *edits) frequent(at int64) bool {
	mask := uint32(1)<<(8*e.cfg.hashed()) - 1
	return e.count.of(at, mask, e.buf, e.base) > e.cfg.chain>>3
}

// calm returns a position before which, from at on, nothing is edited and no edited
// string occurs.
func (e *edits) calm(at int64) int64 {
	calm := e.scanned
	if len(e.short.hits) > 0 {
		calm = min(calm, e.short.hits[0])
	}
	for _, x := range e.changed.near {
		if x >= at {
			return min(calm, x)
		}
		e.changed.near = e.changed.near[1:]
	}
	return calm
}

// shared returns how many bytes are the same from positions q and p on, at most
// maxMatch; none if q is out of sight.
func (e *edits) shared(q, p int64) int64 {
	i, j := int(q-e.base), int(p-e.base)
	if i < 0 || i >= j || j-i > windowSize {
		return 0
	}
	return int64(matchLen(e.buf, i, j, min(maxMatch, len(e.buf)-j)))
}
