package delta

import "compress/flate"

// A costModel weighs, in bytes on the wire, what a round of signatures costs
// against the literals it is expected to save.
type costModel struct {
	literal   float64 // of a literal byte
	roundTrip float64
	missing   int64 // in the new file, without repetitions
	windows   int64 // with them
	newSize   int64
	seams     []seam
	block     int     // of the round before
	yield     float64 // expected share matched of what lies away from the seams
	trust     float64 // expected share of seams that can be narrowed down
	careful   bool    // hashes are long
	rest      map[int]float64
	bits      map[int]float64
}

const (
	sentShare = 1.1 // of the cost of a literal: a byte that is sent is worth a little more than one received
	rangeCost = 2.5 // bytes that a range takes in a request
	seamShare = 1.5 // blocks that an edit of one place leaves unmatched on average
	fineBlock = 256 // below it, half as much is expected to match
)

func newCostModel(literal float64, roundTrip, missing int64, p *Plan, seams []seam, b *basisState) *costModel {
	return &costModel{
		literal:   literal * sentShare,
		roundTrip: float64(roundTrip),
		missing:   missing,
		windows:   p.MissingBytes(),
		newSize:   p.src.Size,
		seams:     seams,
		block:     b.block,
		yield:     b.yield,
		trust:     b.trust,
		careful:   p.opt.Careful,
		rest:      make(map[int]float64),
		bits:      make(map[int]float64),
	}
}

// localBlock is the block size below which blocks are looked for near the gaps rather
// than anywhere: their hashes take no account of what may have moved, and long hashes
// of theirs are too short for one block to prove a copy, unless that continues another.
const localBlock = 1024

// fine reports whether blocks of the size are such.
func (m *costModel) fine(size int) bool { return size < localBlock }

// request returns the request for a round at the block size, and what proves a
// copy by it. Every end of a gap is one test of a copy that goes on there.
func (m *costModel) request(size int) (r Request, need evidence) {
	r = Request{BlockSize: size}
	tests := int64(0)
	for _, s := range m.seams {
		if len(r.Ranges) < MaxRanges && m.gain(s, size) > 0 {
			r.Ranges = append(r.Ranges, s.free)
			tests += min(s.windows, 1<<30) * blocksIn(s.free.Len, size)
		}
	}
	if m.careful {
		need = evidence{near: log2(tests) + longMargin, far: r.anywhere(m.windows) + longMargin}
		r.setLong(m.long(size, need, int64(len(r.Ranges))))
		return r, need
	}
	need = evidence{near: log2(tests) + shortMargin, far: r.anywhere(m.windows) + shortMargin}
	r.setShort(max(m.short(need.near, int64(len(r.Ranges))), m.seldom(total(r.Ranges))))
	return r, need
}

// short returns the bits of short hashes: of two blocks in a row they are the evidence
// of a copy beside its gap, and one is that of a copy going on, which is tested at both
// ends of a gap and of what is found in it.
func (m *costModel) short(near int, ranges int64) int {
	return max((near+1)/2, log2(4*ranges)+shortMargin)
}

// long returns the bits of long hashes, which prove more if one block is to do so alone.
func (m *costModel) long(size int, need evidence, ranges int64) int {
	least := log2(4*ranges) + longMargin
	if m.fine(size) {
		return max((need.near+1)/2, least)
	}
	return max(need.near, (need.far+1)/2, least)
}

// seldom returns the bits with which what is missing seems to have one of the blocks,
// signed bytes in all, so seldom that what follows such windows and is hashed in vain
// is no more than the new file.
func (m *costModel) seldom(signed int64) int {
	return log2(m.windows) + log2(signed) - log2(m.newSize)
}

// hashCost estimates what the hash of a block of the size takes, in bytes.
func (m *costModel) hashCost(size int) float64 {
	if c, ok := m.bits[size]; ok {
		return c / 8
	}
	tests, blocks := int64(1), int64(1)
	for _, s := range m.seams {
		n := blocksIn(s.free.Len, size)
		blocks += n
		tests += min(s.windows, 1<<30) * n
	}
	b := m.short(log2(tests)+shortMargin, int64(len(m.seams)))
	if m.careful {
		need := evidence{near: log2(tests) + longMargin, far: log2(m.windows) + log2(blocks) + longMargin}
		b = m.long(size, need, int64(len(m.seams)))
	}
	m.bits[size] = float64(b)
	return float64(b) / 8
}

// residue is what an edited place costs in the end, once it is narrowed down to
// a block of the given size, if every later round is chosen well.
func (m *costModel) residue(size int) float64 {
	if c, ok := m.rest[size]; ok {
		return c
	}
	best := seamShare * float64(size) * m.literal
	places := float64(max(len(m.seams), 1))
	for s := size / 2; s >= 16; s /= 2 {
		c := seamShare*float64(size)/float64(s)*m.hashCost(s) + rangeCost + m.roundTrip/places + m.residue(s)
		best = min(best, c)
	}
	m.rest[size] = best
	return best
}

// gain is what signing a seam at the block size is expected to save, less its
// cost; the round trip is not in it.
func (m *costModel) gain(s seam, size int) float64 {
	cost := float64(blocksIn(s.free.Len, size))*m.hashCost(size) + rangeCost
	both := float64(min(s.missing, s.free.Len))
	near := min(both, seamShare*float64(m.block))
	saved := 0.0
	if near > float64(size) {
		saved = m.trust * (near*m.literal - m.residue(size))
	}
	saved += (both - near) * m.literal * m.yieldAt(size)
	if s.missing < s.free.Len && !m.fine(size) {
		// What was moved away from here may be missing anywhere.
		elsewhere := float64(min(s.free.Len-s.missing, m.missing))
		saved += elsewhere * m.literal * m.yieldAt(size) / 16
	}
	return saved - cost
}

// yieldAt is the expected share matched far from seams: less for small blocks,
// since what differs at one scale mostly differs at the next.
func (m *costModel) yieldAt(size int) float64 {
	if size >= fineBlock {
		return m.yield
	}
	return m.yield / 2
}

// best returns the block size of those from most down to least that saves most,
// or 0 if none saves anything. Steps of four from round to round are a good
// choice where it is not clear: halving takes twice the rounds and little less
// in all.
func (m *costModel) best(most, least int) int {
	best, bestNet := 0, 0.0
	for size := most; size >= least; size /= 2 {
		if net := m.net(size); net > bestNet {
			best, bestNet = size, net
		}
	}
	return best
}

// net is what a round at the block size is expected to save in all.
func (m *costModel) net(size int) float64 {
	n := -m.roundTrip
	for _, s := range m.seams {
		n += max(m.gain(s, size), 0)
	}
	return n
}

// Sampling for literalCost.
const (
	samples    = 16
	sampleSize = 8 << 10
)

// literalCost estimates what a literal byte costs once compressed.
func (p *Plan) literalCost() float64 {
	if p.cost > 0 {
		return p.cost
	}
	var n, packed countWriter
	w, err := flate.NewWriter(&packed, flate.BestSpeed)
	if err != nil {
		return 1
	}
	buf := make([]byte, sampleSize)
	missing := p.MissingBytes()
	step := max(missing/samples, sampleSize)
	skip := int64(0)
	p.gaps(func(g Range, _, _ *placed) error {
		for skip < g.Len && n < samples*sampleSize {
			b := buf[:min(g.Len-skip, sampleSize)]
			if err := p.src.readFull(b, g.Off+skip); err != nil {
				return err
			}
			w.Write(b)
			n += countWriter(len(b))
			skip += max(step, int64(len(b)))
		}
		skip = max(skip-g.Len, 0)
		return nil
	})
	w.Close()
	p.cost = 0.25
	if n > 0 {
		p.cost = min(max(float64(packed)/float64(n), 0.02), 1)
	}
	return p.cost
}

// countWriter counts the bytes written to it.
type countWriter int64

func (c *countWriter) Write(b []byte) (int, error) {
	*c += countWriter(len(b))
	return len(b), nil
}
