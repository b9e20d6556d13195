package deflate

import (
	"encoding/binary"
	"math/bits"
)

// A predictor says which token an encoder would emit. Positions are indices
// into the bytes given to begin.
type predictor interface {
	// begin prepares for a segment. follows says that the segment follows on
	// the one this predictor worked on last; otherwise the predictor takes the
	// window for all it knows of the past.
	begin(s *segment, follows bool)

	// predict returns the token expected at p.
	predict(p int) token

	// advance tells which token stood at p.
	advance(p int, t token)

	// skip tells that the n bytes at p have tokens unknown.
	skip(p, n int)
}

// A chainPredictor is the match search of zlib, gzip and compress/flate:
// chains of the positions that share a hash, newest first, and lazy or eager
// evaluation of what they yield (zlib's longest_match, deflate_slow and
// deflate_fast).
type chainPredictor struct {
	chainConfig
	head hashTable
	prev [windowSize]uint16 // distance to the previous position of the chain, 0 for none
	deep *deepChains        // for levels with long chains, else nil

	b      []byte
	end    int   // index in b behind the last plain byte
	abs    int64 // position of b[0] in the stream
	ring   int   // index of b[0] in prev, which is a ring
	zero   int   // index in b of offset 0 of the hash tables
	ins    int   // positions below are in the tables
	look   int   // matches found now end before here
	hashes int   // bytes a hash covers

	entered int   // positions entered in all
	steps   int64 // of search in all

	// found is what the search at position foundAt gave when it was made to
	// judge the match before it.
	foundAt   int
	foundLen  int
	foundDist int
	passedLen int // length of the match before it, which it beat
}

// configure makes p predict as c says, reusing its memory.
func (c *chainPredictor) configure(cfg chainConfig) {
	c.chainConfig = cfg
	if len(c.head) != 2<<cfg.hashBits {
		c.head = newHashTable(cfg.hashBits)
	}
	c.hashes = cfg.hashed()
	switch {
	case cfg.chain < deepChain || cfg.eager:
		c.deep = nil
	default:
		if c.deep == nil {
			c.deep = &deepChains{}
		}
		c.deep.configure(c.hashes + 1)
	}
}

func (c *chainPredictor) begin(s *segment, follows bool) {
	if follows {
		// The bytes moved within b, and all indices with them.
		moved := int(s.abs - c.abs)
		c.ring = (c.ring + moved) & (windowSize - 1)
		c.zero -= moved
		c.ins -= moved
		c.look -= moved
		c.abs = s.abs
	} else {
		c.abs = s.abs
		c.forget(s.start)
	}
	c.b = s.buf
	c.end = 1 << 30
	if s.ended() {
		c.end = len(s.buf)
		c.overrun()
	}
	c.foundAt = -1
	if follows && s.start >= c.look {
		c.nextChunk(s.start)
		return
	}
	c.setLook(s.start)
	c.insertTo(s.start)
}

// forget empties the tables and leaves the window before p to be entered.
func (c *chainPredictor) forget(p int) {
	clear(c.head)
	if c.deep != nil {
		c.deep.clear()
	}
	c.ins = max(p-windowSize, 0)
	c.zero = c.ins - windowSize - 1 // so that an offset less none is out of reach
	c.ins = max(c.ins, c.firstEntered())
}

// overrun lets b continue behind the end of the plain bytes: with zeros, and
// for gzip, which compares beyond the end, with what its window holds there: zero
// where nothing was read yet, else what was there 32 KiB ago, but for
// two bytes (fill_window).
func (c *chainPredictor) overrun() {
	n := len(c.b)
	c.b = append(c.b, make([]byte, maxMatch+8)...)
	if !c.overlook || c.abs+int64(n) <= 2*windowSize {
		return
	}
	for i := n + 2; i < len(c.b); i++ {
		c.b[i] = c.b[i-windowSize]
	}
}

// setLook finds the end of what the encoder can see from p: that of the
// plain bytes, or of the chunk.
func (c *chainPredictor) setLook(p int) {
	c.look = c.end
	if c.chunk != 0 {
		at := c.abs + int64(p)
		c.look = min(c.look, int(at-at%int64(c.chunk)+int64(c.chunk)-c.abs))
	}
}

// nextChunk starts the chunk that holds p. Its encoder gets the window before
// it as a dictionary, of which every position is entered.
func (c *chainPredictor) nextChunk(p int) {
	c.setLook(p)
	if c.eager {
		c.forget(p)
		c.insertTo(p)
	}
}

// insertTo enters the positions before e into the tables, as far as enough
// bytes for a hash are in sight.
func (c *chainPredictor) insertTo(e int) {
	e = min(e, c.look-c.hashes+1)
	for c.ins < e {
		for c.ins-c.zero > 0xffff {
			c.zero += slide
			c.head.slide()
			if c.deep != nil {
				c.deep.slide()
			}
		}
		stop := min(e, c.zero+0x10000)
		switch {
		case c.deep != nil:
			c.insertDeep(c.ins, stop)
		case c.hash == rollingHash:
			c.insertRolling(c.ins, stop)
		default:
			for i := c.ins; i < stop; i++ {
				c.link(c.hashAt(i), i)
			}
		}
		c.entered += stop - c.ins
		c.ins = stop
	}
}

func (c *chainPredictor) insertRolling(i, e int) {
	shift := (c.hashBits + 2) / 3
	mask := uint32(1)<<c.hashBits - 1
	b := c.b
	h := uint32(b[i])<<shift ^ uint32(b[i+1])
	for ; i < e; i++ {
		h = (h<<shift ^ uint32(b[i+2])) & mask
		c.link(h, i)
	}
}

func (c *chainPredictor) link(h uint32, i int) {
	off := uint32(i - c.zero)
	d := off - c.head.swap(h, off)
	if d > windowSize {
		d = 0 // also when there was none
	}
	c.prev[(i+c.ring)&(windowSize-1)] = uint16(d)
}

func (c *chainPredictor) hashAt(i int) uint32 {
	return c.hashOf(binary.LittleEndian.Uint32(c.b[i:]))
}

// matchLen returns the length of the common prefix of b[i:] and b[j:], i<j, at
// most limit.
func matchLen(b []byte, i, j, limit int) int {
	n := 0
	for ; n+8 <= limit; n += 8 {
		d := binary.LittleEndian.Uint64(b[i+n:]) ^ binary.LittleEndian.Uint64(b[j+n:])
		if d != 0 {
			return n + bits.TrailingZeros64(d)>>3
		}
	}
	for n < limit && b[i+n] == b[j+n] {
		n++
	}
	return n
}

// search looks for a match at p longer than prevLen. It returns length 2 when
// there is none.
func (c *chainPredictor) search(p, prevLen int) (length, dist int) {
	c.insertTo(p)
	c.steps += searchSteps
	if p > c.look-c.hashes {
		return 2, 0
	}
	off := c.head.get(c.hashAt(p))
	at := c.zero + int(off)
	switch {
	case off == 0 || at < c.reach(p):
		return 2, 0
	case c.deep != nil && c.look-p > maxMatch:
		return c.searchDeep(p, at, prevLen)
	}
	return c.searchPlain(p, at, prevLen)
}

// reach returns the first position that may be matched from p.
func (c *chainPredictor) reach(p int) int {
	from := p - c.maxDist
	if at := c.abs + int64(p); c.goRules && goShort(at) {
		from = max(from, int((at-goMoves)/windowSize*windowSize+windowSize-c.abs))
	}
	return from
}

// goMoves is the position at which Go moves its buffer of two windows by one
// window, since less than a longest match is left in it (fillDeflate).
const goMoves = 2*windowSize - (maxMatch + 4) + 1

// goShort reports whether Go's buffer at position at does not hold the whole
// window before it, having just moved.
func goShort(at int64) bool {
	return at >= goMoves && (at-goMoves)%windowSize < 2*windowSize-goMoves
}

func (c *chainPredictor) searchPlain(p, at, prevLen int) (length, dist int) {
	if c.goRules {
		return c.searchGo(p, at)
	}
	return c.searchZlib(p, at, prevLen)
}

// searchZlib is zlib's longest_match from candidate at on.
func (c *chainPredictor) searchZlib(p, at, prevLen int) (length, dist int) {
	b := c.b
	sight := c.look - p
	limit := min(maxMatch, sight)
	nice := min(c.nice, sight)
	if c.overlook {
		limit, nice = maxMatch, c.nice
	}
	chain := c.chain
	if prevLen >= c.good && !c.eager {
		chain >>= 2
	}
	most := chain
	oldest := p - c.maxDist
	best := prevLen
	if best >= limit {
		return 2, 0
	}
	// A candidate must share the bytes around the end of the best match.
	back, mask := max(best-3, 0), tailMask(best)
	tail := binary.LittleEndian.Uint32(b[p+back:])
	ring, prev := c.ring, &c.prev
	for {
		if (binary.LittleEndian.Uint32(b[at+back:])^tail)&mask == 0 {
			n := matchLen(b, at, p, limit)
			c.steps += int64(n / stepBytes)
			if n > best {
				best, dist = n, p-at
				if n >= nice {
					break
				}
				back, mask = max(best-3, 0), tailMask(best)
				tail = binary.LittleEndian.Uint32(b[p+back:])
			}
		}
		d := int(prev[(at+ring)&(windowSize-1)])
		at -= d
		chain--
		if d == 0 || at <= oldest || chain == 0 {
			break
		}
	}
	c.steps += int64(most - chain)
	if dist == 0 {
		return 2, 0
	}
	best = min(best, sight)
	if best == minMatch && dist > 4096 && !c.eager {
		return 2, 0 // zlib's TOO_FAR
	}
	return best, dist
}

// tailMask selects the bytes to compare of a word that ends behind byte best, or
// starts at byte 0.
func tailMask(best int) uint32 {
	if best < 3 {
		return 0xffffff
	}
	return 0xffffffff
}

// searchGo is compress/flate's findMatch from candidate at on.
func (c *chainPredictor) searchGo(p, at int) (length, dist int) {
	b := c.b
	limit := min(maxMatch, c.look-p)
	nice := min(c.nice, limit)
	oldest := c.reach(p)
	best := 3
	if best >= limit {
		return 2, 0
	}
	tail := binary.LittleEndian.Uint32(b[p:])
	ring, prev := c.ring, &c.prev
	tries := c.chain
	for ; tries > 0; tries-- {
		if binary.LittleEndian.Uint32(b[at+best-3:]) == tail {
			n := matchLen(b, at, p, limit)
			c.steps += int64(n / stepBytes)
			if n > best && (n > 4 || p-at <= 4096) {
				best, dist = n, p-at
				if n >= nice {
					break
				}
				tail = binary.LittleEndian.Uint32(b[p+best-3:])
			}
		}
		d := int(prev[(at+ring)&(windowSize-1)])
		at -= d
		if d == 0 || at < oldest {
			break
		}
	}
	c.steps += int64(c.chain - tries)
	if dist == 0 {
		return 2, 0
	}
	return best, dist
}

func (c *chainPredictor) predict(p int) token {
	if p >= c.look {
		c.nextChunk(p)
	}
	length, dist := c.foundLen, c.foundDist
	if c.foundAt != p {
		length, dist = c.search(p, 2)
	}
	c.foundAt = -1
	if length < minMatch {
		return token(c.b[p])
	}
	if c.eager || length >= c.lazy || p+1 >= c.look || (c.goRules && c.look-p-1 <= length) {
		return matchToken(length, dist)
	}
	nextLen, nextDist := c.search(p+1, length)
	if nextLen <= length {
		return matchToken(length, dist)
	}
	c.foundAt, c.foundLen, c.foundDist, c.passedLen = p+1, nextLen, nextDist, length
	return token(c.b[p])
}

func (c *chainPredictor) advance(p int, t token) {
	if !t.isMatch() {
		return
	}
	c.foundAt = -1
	n := t.length()
	if c.eager && n > c.lazy {
		// Too long to enter every position (zlib's max_insert_length).
		c.insertTo(p + 1)
		c.ins = max(c.ins, p+n)
	}
}

func (c *chainPredictor) skip(p, n int) {
	c.foundAt = -1
	c.insertTo(p + n)
}

// jump tells that the tokens before p are known without having been
// predicted. Only for lazy models, which enter every position.
func (c *chainPredictor) jump(p int) {
	c.foundAt = -1
	if c.ins < p-windowSize {
		c.forget(p)
	}
}
