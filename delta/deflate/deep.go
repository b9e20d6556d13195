package deflate

import "encoding/binary"

// At the high levels an encoder walks chains of hundreds of positions that
// share three bytes, to find the one that shares most. The walk here is
// shorter and gives the same result: side chains link positions that share more
// bytes, so that a search for a match longer than what a side chain covers
// need look only there. Whether the encoder would have got as far as a
// candidate is told by its rank, the number of positions before it in its chain
// of the encoder's own.

// deepChain is the encoder's chain length from which side chains pay.
const deepChain = 256

// A sideChain links positions by a hash of a number of bytes.
type sideChain struct {
	bytes int
	mul   uint64              // multiplies a word so that only its first bytes count
	head  [2 << sideBits]byte // a hashTable
	prev  [windowSize]uint16  // as in chainPredictor
}

const sideBits = 15

// swap enters offset off for the string at the front of little-endian word w and
// returns what was there.
func (s *sideChain) swap(w uint64, off uint32) uint32 {
	h := w * s.mul >> (64 - sideBits)
	p := s.head[2*h : 2*h+2]
	old := binary.LittleEndian.Uint16(p)
	binary.LittleEndian.PutUint16(p, uint16(off))
	return uint32(old)
}

func (s *sideChain) configure(bytes int) {
	s.bytes = bytes
	s.mul = 0x9e3779b97f4a7c15 << (64 - 8*bytes)
}

// deepChains are the side chains and ranks of a chainPredictor.
type deepChains struct {
	rank  [windowSize]uint16
	sides [2]sideChain
}

func (d *deepChains) configure(bytes int) {
	d.sides[0].configure(bytes)
	d.sides[1].configure(8)
}

func (d *deepChains) clear() {
	clear(d.sides[0].head[:])
	clear(d.sides[1].head[:])
}

func (d *deepChains) slide() {
	hashTable(d.sides[0].head[:]).slide()
	hashTable(d.sides[1].head[:]).slide()
}

// insertDeep enters the positions from i to e into all chains.
func (c *chainPredictor) insertDeep(i, e int) {
	d := c.deep
	s0, s1 := &d.sides[0], &d.sides[1]
	b, head, kind := c.b[i:e+7], c.head, c.hash
	shift, mask := (c.hashBits+2)/3&31, uint32(1)<<c.hashBits-1
	slot := uint(i + c.ring)
	off := uint32(i - c.zero)
	for k := range b[7:] {
		w := binary.LittleEndian.Uint64(b[k : k+8])
		var h uint32
		switch v := uint32(w); kind {
		case rollingHash:
			h = (v&255<<(2*shift&31) ^ v>>8&255<<shift ^ v>>16&255) & mask
		case knuthHash:
			h = (v*66521 + 66521) >> 16 & mask
		default:
			h = c.hashOf(v)
		}
		slot &= windowSize - 1
		dist := off - head.swap(h, off)
		rank := uint16(0)
		if dist > windowSize {
			dist = 0
		} else {
			rank = d.rank[(slot-uint(dist))&(windowSize-1)] + 1
		}
		c.prev[slot] = uint16(dist)
		d.rank[slot] = rank
		dist = off - s0.swap(w, off)
		if dist > windowSize {
			dist = 0
		}
		s0.prev[slot] = uint16(dist)
		dist = off - s1.swap(w, off)
		if dist > windowSize {
			dist = 0
		}
		s1.prev[slot] = uint16(dist)
		slot++
		off++
	}
}

// searchDeep is searchZlib and searchGo by way of the side chains. first is the
// head of the encoder's chain; more than maxMatch bytes are in sight.
func (c *chainPredictor) searchDeep(p, first, prevLen int) (length, dist int) {
	q := deepSearch{c: c, p: p, first: first, chain: c.chain, best: prevLen}
	q.rank = c.deep.rank[(first+c.ring)&(windowSize-1)]
	q.oldest = p - c.maxDist + 1
	if c.goRules {
		q.best, q.oldest = 3, c.reach(p)
	} else if prevLen >= c.good {
		q.chain >>= 2
	}
	q.most = maxMatch
	if !q.side(1) {
		return c.searchPlain(p, first, prevLen)
	}
	q.most = 7 // else it would have been found
	if q.dist == 0 && q.best < 7 && !q.side(0) {
		return c.searchPlain(p, first, prevLen)
	}
	if q.dist == 0 && q.best < c.hashes {
		q.own()
	}
	switch {
	case q.dist == 0:
		return 2, 0
	case q.best == minMatch && q.dist > 4096:
		return 2, 0 // zlib's TOO_FAR
	}
	return q.best, q.dist
}

// A deepSearch is a search in progress.
type deepSearch struct {
	c      *chainPredictor
	p      int
	first  int // head of the encoder's chain
	rank   uint16
	chain  int // candidates the encoder looks at
	oldest int // candidates before this are out of its reach
	best   int
	dist   int
	most   int // no match is longer
}

// reached reports whether the encoder gets as far as candidate at.
func (q *deepSearch) reached(at int) bool {
	return int(q.rank-q.c.deep.rank[(at+q.c.ring)&(windowSize-1)]) < q.chain
}

// side walks a side chain. It reports false when the walk would be long.
func (q *deepSearch) side(k int) bool {
	steps, done := q.walk(&q.c.deep.sides[k])
	q.c.steps += int64(steps)
	return done
}

// walk is side, and counts its steps.
func (q *deepSearch) walk(s *sideChain) (steps int, done bool) {
	c, p, b := q.c, q.p, q.c.b
	node := c.newest(s, p)
	if node < 0 {
		return 0, true
	}
	best := max(q.best, s.bytes-1)
	back, tail, mask := sharedEnd(b, p, best)
	oldest := max(q.oldest, c.firstEntered())
	var run runOf
	if b[p] == b[p+1] && b[p+1] == b[p+2] {
		run.find(b, p, s.bytes)
	}
	inner := 0 // the chain is that of the string at p+inner
	retry := q.chain + 64
	for tries := q.chain + 64; ; tries-- {
		steps++
		at := node - inner
		if at < oldest && (at != q.first || at < oldest-1) {
			return steps, true
		}
		if (binary.LittleEndian.Uint64(b[at+back:])^tail)&mask == 0 {
			n := matchLen(b, at, p, maxMatch)
			steps += n / stepBytes
			if n > best && (!c.goRules || n > 4 || p-at <= 4096) {
				if !q.reached(at) {
					return steps, true
				}
				best = n
				q.best, q.dist = n, p-at
				if n >= c.nice || n >= q.most {
					return steps, true
				}
				back, tail, mask = sharedEnd(b, p, best)
				retry = tries
			}
		}
		if tries == 0 {
			return steps, false
		}
		d := int(s.prev[(node+c.ring)&(windowSize-1)])
		if d == 1 && run.len > 0 && inner == 0 {
			next, looked := run.next(b, at, s.bytes, best, oldest)
			steps += looked / stepBytes
			if next < at {
				node = next
				continue
			}
		}
		if d == 0 {
			return steps, true
		}
		if tries <= retry && s.bytes == 8 && best-7 > inner && best > run.len && at+best-7 <= p {
			other, looked := c.inChain(s, best-7, p, at)
			steps += looked
			if other < 0 {
				return steps, true
			}
			if other-(best-7) < at-d {
				node, inner = other, best-7
				continue
			}
			retry = tries - retryAfter
		}
		node -= d
	}
}

// firstEntered returns the index in b of the first position that may be a candidate.
func (c *chainPredictor) firstEntered() int {
	if c.abs == 0 && !c.goRules {
		return 1 // zlib's NIL is position 0
	}
	return 0
}

// retryAfter is how many candidates later it is looked again for a chain with fewer.
const retryAfter = 32

// sharedEnd returns the last 8 bytes, or as many as there are, that a candidate must
// share to share more than best with p: where they begin, what they are, and which of
// their bits count.
func sharedEnd(b []byte, p, best int) (back int, tail, mask uint64) {
	if best < 7 {
		return 0, binary.LittleEndian.Uint64(b[p:]), 1<<(8*best+8) - 1
	}
	return best - 7, binary.LittleEndian.Uint64(b[p+best-7:]), ^uint64(0)
}

// newest returns the newest position entered that has the hash of the string at p, or -1.
func (c *chainPredictor) newest(s *sideChain, p int) int {
	off := hashTable(s.head[:]).get(uint32(binary.LittleEndian.Uint64(c.b[p:]) * s.mul >> (64 - sideBits)))
	if off == 0 {
		return -1
	}
	return c.zero + int(off)
}

// inChain looks in the chain of the string at p+inner for the first candidate before at,
// and returns the string's place in it; -1 if there is no such candidate. A candidate
// that shares all of that string has it too, and it may be a rarer one than that at p. If
// many come before at, the result is one of those.
func (c *chainPredictor) inChain(s *sideChain, inner, p, at int) (node, steps int) {
	node = c.newest(s, p+inner)
	for node-inner >= at && steps < retryAfter {
		d := int(s.prev[(node+c.ring)&(windowSize-1)])
		if d == 0 {
			return -1, steps
		}
		node -= d
		steps++
	}
	return node, steps
}

// own walks the encoder's chain when no candidate shares more bytes than its
// hash covers: the first that shares all of them is the best.
func (q *deepSearch) own() {
	c, p, b := q.c, q.p, q.c.b
	at := q.first
	word := binary.LittleEndian.Uint32(b[p:])
	for tries := q.chain; ; {
		c.steps++
		if x := binary.LittleEndian.Uint32(b[at:]) ^ word; x&0xffffff == 0 {
			n := 3
			if x == 0 {
				n = 4
			}
			if n > q.best && (!c.goRules || p-at <= 4096) {
				q.best, q.dist = n, p-at
				if n == c.hashes {
					return
				}
			}
		}
		d := int(c.prev[(at+c.ring)&(windowSize-1)])
		at -= d
		tries--
		if d == 0 || tries == 0 || at < q.oldest {
			return
		}
	}
}
