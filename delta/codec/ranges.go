package codec

import (
	"fmt"
	"math/bits"

	"github.com/pubsync/pubsync/delta"
	"github.com/pubsync/pubsync/delta/field"
)

const (
	orderBits    = 5
	minRangeBits = 2  // that a range takes
	maxZeros     = 48 // before a number: more is refused
)

// orders are those of the exponential Golomb codes of offsets and lengths.
type orders struct{ off, len int }

// A rangeCoding is how ranges are coded: in units of 2^unit bytes, but for odd ones.
type rangeCoding struct {
	unit  int
	basis int64 // size
	odd   bool  // there are ranges that are not in units
	even  orders
	other orders
	size  int // in bits
}

// rangeUnit returns the exponent of the largest power of two that all offsets
// and lengths are multiples of; a range to the end of the basis may end
// anywhere.
func rangeUnit(rs []delta.Range, basisSize int64) int {
	all := uint64(1 << maxUnit)
	for _, g := range rs {
		all |= uint64(g.Off)
		if g.End() != basisSize {
			all |= uint64(g.Len)
		}
	}
	return bits.TrailingZeros64(all)
}

func newRangeCoding(rs []delta.Range, unit int, basisSize int64) rangeCoding {
	c := rangeCoding{unit: unit, basis: basisSize}
	var values [2][2][]uint64 // by being odd: offsets, lengths
	end := int64(0)
	for _, g := range rs {
		k, off, n := c.numbers(g, end)
		values[k][0], values[k][1] = append(values[k][0], off), append(values[k][1], n)
		end = g.End()
	}
	var sizes [4]int
	c.even.off, sizes[0] = bestOrder(values[0][0])
	c.even.len, sizes[1] = bestOrder(values[0][1])
	c.other.off, sizes[2] = bestOrder(values[1][0])
	c.other.len, sizes[3] = bestOrder(values[1][1])
	c.size = sizes[0] + sizes[1] + sizes[2] + sizes[3]
	if c.odd = len(values[1][0]) > 0; c.odd {
		c.size += 2*orderBits + len(rs)
	}
	return c
}

// numbers returns what is coded of a range after one that ends at end: 1 if it is
// not in units, its offset and its length.
func (c *rangeCoding) numbers(g delta.Range, end int64) (odd int, off, n uint64) {
	mask := int64(1)<<c.unit - 1
	if g.Off&mask == 0 && (g.Len&mask == 0 || g.End() == c.basis) {
		return 0, uint64(g.Off>>c.unit - (end+mask)>>c.unit), uint64((g.Len+mask)>>c.unit - 1)
	}
	return 1, uint64(g.Off - end), uint64(g.Len - 1)
}

// bestOrder returns the order that codes the numbers in the fewest bits, of those
// near their mean, and how many those are.
func bestOrder(vs []uint64) (order, size int) {
	sum := uint64(0)
	for _, v := range vs {
		sum += v
	}
	mean := bits.Len64(sum / uint64(max(len(vs), 1)))
	size = -1
	for k := max(mean-4, 0); k <= min(mean, 1<<orderBits-1); k++ {
		n := 0
		for _, v := range vs {
			n += 2*bits.Len64(v>>k+1) - 1 + k
		}
		if size < 0 || n < size {
			order, size = k, n
		}
	}
	return order, max(size, 0)
}

func (c *rangeCoding) append(dst []byte, rs []delta.Range) []byte {
	if len(rs) == 0 {
		return dst
	}
	w := bitWriter{b: dst}
	c.even.write(&w)
	if w.flag(c.odd); c.odd {
		c.other.write(&w)
	}
	end := int64(0)
	for _, g := range rs {
		odd, off, n := c.numbers(g, end)
		o := c.even
		if odd == 1 {
			o = c.other
		}
		if c.odd {
			w.write(uint64(odd), 1)
		}
		w.golomb(off, o.off)
		w.golomb(n, o.len)
		end = g.End()
	}
	return w.flush()
}

func (o orders) write(w *bitWriter) {
	w.write(uint64(o.off), orderBits)
	w.write(uint64(o.len), orderBits)
}

func readOrders(r *bitReader) (o orders) {
	o.off = int(r.read(orderBits))
	o.len = int(r.read(orderBits))
	return o
}

func (w *bitWriter) flag(set bool) {
	if set {
		w.write(1, 1)
	} else {
		w.write(0, 1)
	}
}

// golomb writes v as an exponential Golomb code.
func (w *bitWriter) golomb(v uint64, order int) {
	q := v>>order + 1
	n := bits.Len64(q)
	w.write(0, n-1)
	w.write(q, n)
	w.write(v&(1<<order-1), order)
}

// golomb reads such a code, or reports false.
func (r *bitReader) golomb(order int) (uint64, bool) {
	zeros := 0
	for r.read(1) == 0 {
		if zeros++; zeros > maxZeros {
			return 0, false
		}
	}
	q := uint64(1)<<zeros | r.read(zeros)
	return (q-1)<<order | r.read(order), true
}

// readRanges reads n ranges of a basis and takes them off r.
func readRanges(r *field.Reader, n, unit int, basisSize int64) ([]delta.Range, error) {
	rs := make([]delta.Range, 0, n)
	if n == 0 {
		return rs, nil
	}
	in := bitReader{b: r.Rest()}
	even, other := readOrders(&in), orders{}
	odd := in.read(1) == 1
	if odd {
		other = readOrders(&in)
	}
	end := int64(0)
	for range n {
		o, u := even, unit
		if odd && in.read(1) == 1 {
			o, u = other, 0
		}
		mask := uint64(1)<<u - 1
		off, ok := in.golomb(o.off)
		length, ok2 := in.golomb(o.len)
		limit := uint64(basisSize)>>u + 1
		if !ok || !ok2 || off > limit || length >= limit {
			return nil, fmt.Errorf("%w: range in a signature request", ErrMalformed)
		}
		g := delta.Range{Off: int64((uint64(end)+mask)>>u+off) << u, Len: int64(length+1) << u}
		if over := g.End() - basisSize; over > 0 && over <= int64(mask) && over < g.Len {
			g.Len -= over
		}
		if g.End() > basisSize || g.End() < 0 {
			return nil, fmt.Errorf("%w: range beyond the basis", ErrMalformed)
		}
		rs = append(rs, g)
		end = g.End()
	}
	rest, ok := in.rest()
	if !ok {
		return nil, fmt.Errorf("%w: ranges cut short, or padded with ones", ErrMalformed)
	}
	r.Bytes(uint64(r.Len() - rest))
	return rs, nil
}
