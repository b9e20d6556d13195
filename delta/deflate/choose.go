package deflate

import "math"

// sampleTokens is the number of tokens on which models are tried.
const sampleTokens = 64 << 10

// sample returns the first blocks of s as a segment of their own.
func (s *segment) sample() *segment {
	tokens, n, end := 0, 0, s.start
	for n < len(s.blocks) && tokens < sampleTokens {
		tokens += s.blocks[n].tokens
		end += s.blocks[n].plain
		n++
	}
	if n == len(s.blocks) {
		return s
	}
	return &segment{index: s.index, abs: s.abs, start: s.start, end: end,
		buf:    s.buf[:min(end+tailSize, len(s.buf)):min(end+tailSize, len(s.buf))],
		tokens: s.tokens[:tokens], blocks: s.blocks[:n]}
}

// choose returns the model that predicts the sample best, at what cost in
// bytes. It tries first, if not zero, before all others.
func (a *analyst) choose(sample *segment, first Model) (best Model, cost int) {
	a.trust = math.MaxInt
	cost = math.MaxInt
	try := func(m Model) bool {
		if _, ok := a.run(sample, m, false, cost-1); ok {
			best, cost = m, a.cost()
		}
		return cost == 0
	}
	if first.valid() && try(first) {
		return best, cost
	}
	for _, m := range candidates(sample) {
		if try(m) {
			return best, cost
		}
	}
	if cost > len(sample.tokens)/8 && (best.sequential() || best.family() != zlibFamily) {
		// No model. The densest search is the best base for corrections.
		cost = math.MaxInt
		for _, l := range []int{9, 6, 4} {
			try(newModel(zlibFamily, l))
		}
	}
	return best, cost
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
	if c.golang {
		add(goFamily, nil, 5, 6, 9, 1, 4, 7, 8, 3, 2, goHuffman)
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
	golang   bool // ends in an empty block, or has blocks of Go's sizes
	gzip     bool // sizes are gzip's
	memLevel int  // sizes are zlib's at this memLevel, 0 for none
	chunk    int  // KiB, if blocks end at multiples of it
}

func clues(s *segment) (c clue) {
	pos := s.abs + int64(s.start)
	largest := 0
	golang, chunk := 0, int64(0)
	for i := range s.blocks {
		b := &s.blocks[i]
		pos += int64(b.plain)
		if i+1 == len(s.blocks) {
			break // may be short
		}
		n := b.tokens
		if b.typ == stored {
			n = b.plain // most tokens of what gets stored are literals
		}
		largest = max(largest, n)
		if n == 1<<14 || b.plain == maxStored {
			golang++
		}
		next := &s.blocks[i+1]
		if next.plain == 0 && b.plain > 0 && pos%1024 == 0 {
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
	c.golang = golang > 0 || empty
	if empty && golang == 0 && largest <= 1<<14 {
		return c
	}
	c.gzip = largest == 0 || largest == 1<<15-1 || largest&0xfff == 0
	c.memLevel = 8
	if c.chunk == 0 && largest > 0 && largest&(largest+1) == 0 {
		for l := 1; l <= 9; l++ {
			if largest == 1<<(l+6)-1 {
				c.memLevel = l
			}
		}
	}
	return c
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
