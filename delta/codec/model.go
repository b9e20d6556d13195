package codec

import "math/bits"

// A tree models a symbol of some bits, the highest first, each bit with a
// probability of its own for every value of those before it. Entry 0 is unused.
type tree []prob

func (t tree) encode(e *rangeEncoder, v uint64, width int) {
	node := uint64(1)
	for width--; width >= 0; width-- {
		b := v >> width & 1
		e.bit(&t[node], b)
		node = node<<1 | b
	}
}

func (t tree) decode(d *rangeDecoder, width int) uint64 {
	node := uint64(1)
	for range width {
		node = node<<1 | d.bit(&t[node])
	}
	return node - 1<<width
}

// reset makes both values of every bit equally likely.
func (t tree) reset() {
	for i := range t {
		t[i] = probInit
	}
}

// Widths of a number's parts.
const (
	lengthWidth = 6 // bits of its bit length
	fineWidth   = 3 // bits after its highest that are modelled
)

// A number models numbers below 2^63: the bit length, then up to three bits
// after the highest one, then the others without a model.
type number struct {
	length [1 << lengthWidth]prob
	fine   [1 << lengthWidth][1 << fineWidth]prob // by bit length
}

func (n *number) reset() {
	tree(n.length[:]).reset()
	for i := range n.fine {
		tree(n.fine[i][:]).reset()
	}
}

func (n *number) encode(e *rangeEncoder, v uint64) {
	size := bits.Len64(v)
	tree(n.length[:]).encode(e, uint64(size), lengthWidth)
	if size < 2 {
		return
	}
	fine := min(size-1, fineWidth)
	tree(n.fine[size][:]).encode(e, v>>(size-1-fine)&(1<<fine-1), fine)
	e.direct(v, size-1-fine)
}

func (n *number) decode(d *rangeDecoder) uint64 {
	size := int(tree(n.length[:]).decode(d, lengthWidth))
	if size < 2 {
		return uint64(size)
	}
	fine := min(size-1, fineWidth)
	v := 1<<fine | tree(n.fine[size][:]).decode(d, fine)
	rest := size - 1 - fine
	return v<<rest | d.direct(rest)
}

// zigzag maps small numbers of either sign to small ones.
func zigzag(v int64) uint64 { return uint64(v)<<1 ^ uint64(v>>63) }

func unzigzag(v uint64) int64 { return int64(v>>1) ^ -int64(v&1) }
