package deflate

// A planner predicts where an encoder ends its blocks and how it codes them.
type planner struct {
	model Model
	full  int  // tokens after which a block ends
	trim  bool // gzip's guess that a block had better end (ct_tally)
	eager bool
	chunk int64 // plain bytes compressed apart, 0 for all
	block int64 // Go's level 1: plain bytes of a block, 0 if tokens decide

	zlib   zlibCoder
	golang goCoder
}

func (p *planner) configure(m Model) {
	p.model = m
	p.full, p.trim, p.chunk, p.block = 0, false, int64(m.chunk()), 0
	p.eager = m.level() <= 3
	switch m.family() {
	case gzipFamily:
		p.full, p.trim = 1<<15-1, m.level() > 2
	case goFamily:
		p.full = 1 << 14
		if !m.usesChains() {
			p.block, p.full = maxStored, maxStored+1
		}
	default:
		p.full = 1<<(m.memLevel()+6) - 1
	}
}

// A blockState follows one block as its tokens go by.
type blockState struct {
	start  int64 // position in the plain stream
	pos    int64 // behind the last token
	last   token
	tokens int
	dists  int
	counts counts
}

func (b *blockState) begin(pos int64) { *b = blockState{start: pos, pos: pos} }

func (b *blockState) add(t token) {
	b.counts.add(t)
	b.tokens++
	if t.isMatch() {
		b.dists++
	}
	b.pos += int64(t.size())
	b.last = t
}

// addAll adds tokens until they come to position stop, and returns how many.
func (b *blockState) addAll(tokens []token, stop int64) (n int) {
	pos, dists, c := b.pos, 0, &b.counts
	for n < len(tokens) && pos < stop {
		t := tokens[n]
		n++
		if !t.isMatch() {
			c.lit[t&255]++
			pos++
			continue
		}
		c.lit[257+int(t.lengthSym())]++
		c.dist[distCode(t.dist())]++
		dists++
		pos += int64(t.length())
	}
	if n > 0 {
		b.pos, b.dists, b.tokens, b.last = pos, b.dists+dists, b.tokens+n, tokens[n-1]
	}
	return n
}

// ends reports whether the encoder ends the block here. end is the position
// at which the plain bytes end, if that is in sight.
func (p *planner) ends(b *blockState, end int64) bool {
	if b.pos >= end {
		return true
	}
	if b.tokens == 0 {
		return false
	}
	switch {
	case b.tokens >= p.full:
		return true
	case p.chunk != 0 && b.pos%p.chunk == 0:
		return true
	case p.block != 0 && b.pos-b.start >= p.block:
		return true
	}
	return p.trim && b.tokens&0xfff == 0 && p.trims(b)
}

// horizon returns the number of tokens and the position before which ends is
// certainly false, for a block that does not end here.
func (p *planner) horizon(b *blockState, end int64) (tokens int, pos int64) {
	tokens, pos = p.full, end
	if p.trim {
		tokens = min(tokens, b.tokens&^0xfff+0x1000)
	}
	if p.chunk != 0 {
		pos = min(pos, b.pos-b.pos%p.chunk+p.chunk)
	}
	if p.block != 0 {
		pos = min(pos, b.start+p.block)
	}
	return tokens, pos
}

// trims is gzip's estimate whether the block compressed to less than half.
func (p *planner) trims(b *blockState) bool {
	out := uint64(b.tokens) * 8
	for i, n := range b.counts.dist {
		out += uint64(n) * (5 + uint64(distExtra[i]))
	}
	in := uint64(b.pos - int64(b.last.size()) - b.start)
	if !p.eager {
		in++
	}
	return b.dists < b.tokens/2 && out>>3 < in/2
}

// finish predicts the type and the final bit of a block that ends here, and
// fills h with the header it would have as a dynamic block.
func (p *planner) finish(b *blockState, end int64, h *header) (typ blockType, final bool) {
	b.counts.lit[endOfBlock] = 1
	size := int(b.pos - b.start)
	if p.model.family() == goFamily {
		return p.finishGo(b, size, end, h)
	}
	typ = p.zlib.decide(&b.counts, size, p.inWindow(b), h)
	if b.pos < end {
		return typ, false
	}
	// A block that is full just as the plain bytes end is written before the
	// encoder sees the end; an empty one follows. In lazy matching a last
	// literal is held back until the end is seen.
	full := b.tokens == p.full && (p.eager || b.last.isMatch())
	return typ, !full
}

// finishGo is finish for compress/flate, which ends with an empty stored block.
func (p *planner) finishGo(b *blockState, size int, end int64, h *header) (blockType, bool) {
	if b.tokens == 0 {
		p.golang.decide(&b.counts, 0, false, h)
		return stored, b.pos >= end
	}
	if p.block == 0 {
		return p.golang.decide(&b.counts, size, true, h), false
	}
	if p.model.level() == 0 || p.model.level() == 1 && size <= 16 {
		p.golang.decideFast(&b.counts, size, h)
		return stored, false
	}
	return p.golang.decideFast(&b.counts, size, h), false
}

// inWindow reports whether the block's bytes are all in the encoder's window,
// which slides by half when the search comes near its end: else it cannot be
// stored.
func (p *planner) inWindow(b *blockState) bool {
	if p.chunk != 0 {
		return true
	}
	seen := b.pos
	if !p.eager && b.last.isMatch() {
		seen += 1 - int64(b.last.length())
	}
	window := int64(1) << p.model.windowBits()
	slides := int64(0)
	if first := 2*window - maxMatch - minMatch; seen >= first {
		slides = (seen-first)/window + 1
	}
	return b.start >= slides*window
}

// pads reports whether the encoder aligns to a byte boundary before the block
// that starts at pos, as pigz does between chunks.
func (p *planner) pads(pos, end int64) bool {
	return p.chunk != 0 && pos > 0 && pos < end && pos%p.chunk == 0
}

// padding returns pigz's way to a byte boundary for a stream that has used
// phase bits of its last byte: so many empty fixed blocks, or an empty stored
// block (compress_thread).
func padding(phase uint) (fixedBlocks int, storedBlock bool) {
	if phase&1 != 0 {
		return 0, true
	}
	return int(8-phase) & 7 / 2, false
}
