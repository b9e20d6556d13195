package deflate

import (
	"cmp"
	"math"
	"slices"
)

// The numbers of tokens and of blocks on which models are tried.
const (
	sampleTokens = 64 << 10
	sampleBlocks = 512
)

// sample returns a run of blocks of s as a segment of their own: the first
// ones, unless others have many more matches, by which models differ.
func (s *segment) sample() *segment {
	matches := make([]int, len(s.blocks))
	at := 0
	for i := range s.blocks {
		for _, t := range s.tokens[at : at+s.blocks[i].tokens] {
			if t.isMatch() {
				matches[i]++
			}
		}
		at += s.blocks[i].tokens
	}
	var run, first, best sampleRun
	for run.to < len(s.blocks) {
		run.matches += matches[run.to]
		run.tokens += s.blocks[run.to].tokens
		run.to++
		for (run.tokens > sampleTokens || run.to-run.from > sampleBlocks) && run.from+1 < run.to {
			run.matches -= matches[run.from]
			run.tokens -= s.blocks[run.from].tokens
			run.from++
		}
		if run.from == 0 {
			first, best = run, run
		} else if run.matches > best.matches {
			best = run
		}
	}
	if best.matches < 2*first.matches || s.blocks[best.from].opened {
		best = first
	}
	p := s.part(best.from, best.to)
	if len(p.blocks) == 1 && len(p.tokens) > 2*sampleTokens {
		return p.front(sampleTokens)
	}
	return p
}

// A sampleRun is a run of blocks with its numbers of tokens and matches.
type sampleRun struct{ from, to, tokens, matches int }

// part returns blocks from to to of s as a segment.
func (s *segment) part(from, to int) *segment {
	p := &segment{index: s.index, abs: s.abs, start: s.start, blocks: s.blocks[from:to], tokens: s.tokens}
	for i := range s.blocks[:from] {
		p.start += s.blocks[i].plain
		p.tokens = p.tokens[s.blocks[i].tokens:]
	}
	p.end = p.start
	n := 0
	for i := range p.blocks {
		p.end += p.blocks[i].plain
		n += p.blocks[i].tokens
	}
	p.tokens = p.tokens[:n]
	p.last = s.last && to == len(s.blocks)
	stop := min(p.end+tailSize, len(s.buf))
	p.buf = s.buf[:stop:stop]
	if stop == len(s.buf) {
		p.buf = s.buf
	}
	return p
}

// choose returns the model that predicts the sample best, at what cost in
// bytes. It tries first, if not zero, before all others.
func (a *analyst) choose(sample *segment, first Model) (best Model, cost int) {
	a.trust = math.MaxInt
	hopeless := len(sample.tokens) + 256
	cost = hopeless
	try := func(m Model) bool {
		if _, ok := a.run(sample, m, false, cost-1); ok {
			best, cost = m, a.cost()
		}
		return cost == 0
	}
	if first.valid() && try(first) {
		return best, cost
	}
	for _, m := range a.rank(sample, candidates(sample)) {
		if try(m) {
			return best, cost
		}
	}
	if best.family() == zlibFamily && best.chunk() == 0 && try(best.withChunk(128)) {
		return best, cost // pigz, when no boundary shows
	}
	if cost > len(sample.tokens)/8 && (best.sequential() || best.family() != zlibFamily) {
		// No model. A thorough search is the best base for corrections.
		best, cost = newModel(zlibFamily, 9), hopeless
		for _, l := range []int{9, 6, 4} {
			try(newModel(zlibFamily, l))
		}
	}
	return best, cost
}

// glance is the number of tokens on which models are compared at first.
const glance = 2 << 10

// rank puts models in order of how well they predict the first tokens of the
// sample, equal ones as they were. Most are out of the question after a few
// tokens, and the one that fits is tried on all of the sample before them.
func (a *analyst) rank(sample *segment, models []Model) []Model {
	if len(models) < 2 || len(sample.tokens) <= 2*glance {
		return models
	}
	short := sample.front(glance)
	costs := map[Model]int{}
	least := glance
	for _, m := range models {
		costs[m] = math.MaxInt
		if _, ok := a.run(short, m, false, 2*least+64); ok {
			costs[m] = a.cost()
			least = min(least, costs[m])
		}
	}
	slices.SortStableFunc(models, func(x, y Model) int { return cmp.Compare(costs[x], costs[y]) })
	return models
}

// front returns the first n tokens of s as a segment, which is cut in the midst
// of a block.
func (s *segment) front(n int) *segment {
	p := *s
	p.tokens, p.blocks, p.end, p.last = s.tokens[:n:n], nil, s.start, false
	for _, b := range s.blocks {
		b.cut = b.tokens > n
		if b.cut {
			b.tokens, b.plain = n, 0
			for _, t := range p.tokens[len(p.tokens)-n:] {
				b.plain += t.size()
			}
		}
		n -= b.tokens
		p.end += b.plain
		if p.blocks = append(p.blocks, b); n == 0 {
			break
		}
	}
	stop := min(p.end+tailSize, len(s.buf))
	p.buf = s.buf[:stop:stop]
	return &p
}

// candidates lists the models that may have made the segment's blocks, the
// likeliest first.
func candidates(s *segment) []Model {
	var out []Model
	add := func(f family, variant func(Model) Model, levels ...int) {
		for _, l := range levels {
			m := newModel(f, l)
			if variant != nil {
				m = variant(m)
			}
			out = append(out, m)
		}
	}
	c := clues(s)
	if c.stored {
		return []Model{newModel(goFamily, 0)}
	}
	if c.golang {
		add(goFamily, nil, 5, 6, 9, 1, 4, 7, 8, 3, 2, goHuffman, 0)
	}
	common := []int{6, 9, 1, 5, 4, 8, 7, 3, 2}
	if c.memLevel != 0 {
		variant := func(m Model) Model { return m.withMemLevel(c.memLevel).withChunk(c.chunk) }
		add(zlibFamily, variant, common...)
		add(crcFamily, variant, common...)
		add(knuthFamily, variant, common...)
	}
	if c.gzip {
		add(gzipFamily, nil, common...)
	}
	if len(out) == 0 {
		add(zlibFamily, nil, 6, 9, 5, 4, 8)
	}
	return out
}

// clue says what the shape of the blocks tells about their encoder.
type clue struct {
	stored   bool // not compressed at all
	golang   bool // ends in an empty block, or has blocks of Go's sizes
	gzip     bool // sizes are gzip's
	memLevel int  // sizes are zlib's at this memLevel, 0 for none
	chunk    int  // KiB, if blocks end at multiples of it
}

func clues(s *segment) (c clue) {
	pos := s.abs + int64(s.start)
	size := blockSize{stored: true}
	chunk := int64(0)
	for i := range s.blocks {
		b := &s.blocks[i]
		pos += int64(b.plain)
		if b.final || b.cut || b.opened {
			continue // may be short
		}
		size.add(b)
		c.golang = c.golang || b.plain == maxStored
		if pos%(128<<10) == 0 && b.typ == stored && b.plain > 0 && b.plain != 1<<14 {
			chunk = 128 // needs no padding
		}
		if i+1 < len(s.blocks) && s.blocks[i+1].plain == 0 && b.plain > 0 && pos%1024 == 0 {
			chunk = gcd(chunk, pos>>10)
		}
	}
	switch {
	case chunk%128 == 0 && chunk > 0 && chunk < 1024:
		c.chunk = 128 // pigz's default; some boundaries need no padding
	case chunk < 1<<14:
		c.chunk = int(chunk)
	}
	last := &s.blocks[len(s.blocks)-1]
	empty := last.final && last.plain == 0 && last.typ == stored
	c.stored = size.stored && size.n > 1<<15+1<<13
	c.golang = c.golang || empty || size.fits(1<<14)
	if empty && (size.n == 0 || size.fits(1<<14)) {
		return c // only Go ends like this
	}
	c.gzip = size.n == 0 || size.fits(1<<15-1) || (!size.stored && size.n&0xfff == 0)
	c.memLevel = 8
	if last.tokens >= 1<<14 {
		c.memLevel = 9
	}
	for l := 1; l <= 9 && c.chunk == 0; l++ {
		if size.fits(1<<(l+6) - 1) {
			c.memLevel = l
		}
	}
	return c
}

// A blockSize is the number of tokens of the largest block, or if all are
// stored, its plain bytes.
type blockSize struct {
	n      int
	stored bool
}

func (z *blockSize) add(b *block) {
	switch {
	case b.typ != stored && z.stored:
		z.n, z.stored = b.tokens, false
	case b.typ != stored:
		z.n = max(z.n, b.tokens)
	case z.stored:
		z.n = max(z.n, b.plain)
	}
}

// fits reports whether blocks are ended at n tokens. What gets stored has few
// matches among its tokens.
func (z *blockSize) fits(n int) bool {
	if z.stored {
		return z.n >= n && z.n < n+n/8
	}
	return z.n == n
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
