package deflate

// An adaptive binary range coder, as LZMA has one (G. N. N. Martin, Range encoding,
// 1979), but with probabilities that settle: after n bits they move by 2/(2n+3) of
// the way to the next, n at most probSettled.

// A prob is the probability of a zero bit, in 1/2^22, and below it the number of bits
// it has seen.
type prob uint32

const (
	probBits    = 16 // of those, what the coder uses
	countBits   = 10
	countMask   = 1<<countBits - 1
	probOne     = 1 << 22
	probInit    = prob(probOne / 2 << countBits)
	probSettled = 50
	probLeast   = 24 // in 1/2^probBits
)

// chance returns the probability that the coder uses.
func (p prob) chance() uint32 {
	return min(max(uint32(p>>(32-probBits)), probLeast), 1<<probBits-probLeast)
}

// learn takes note of a bit.
func (p *prob) learn(bit int) {
	n := uint32(*p) & countMask
	v := int64(*p >> countBits)
	target := int64(probOne - 1)
	if bit == 1 {
		target = 0
	}
	v += (target - v) * 2 / int64(2*n+3)
	*p = prob(v)<<countBits | prob(min(n+1, probSettled))
}

// A bitCoder codes one bit with a probability and adapts it. A decoder ignores
// bit and returns the one it read; an encoder returns bit. So one description of
// a format serves both ways.
type bitCoder interface {
	code(p *prob, bit int) int
}

// A rangeEncoder appends its bits to out.
type rangeEncoder struct {
	out     []byte
	low     uint64
	width   uint32
	cache   byte
	pending int // bytes not yet written: cache, then 0xff
}

func (e *rangeEncoder) reset() {
	*e = rangeEncoder{out: e.out[:0], width: 1<<32 - 1, pending: 1}
}

func (e *rangeEncoder) code(p *prob, bit int) int {
	bound := e.width >> probBits * p.chance()
	if bit == 0 {
		e.width = bound
	} else {
		e.low += uint64(bound)
		e.width -= bound
	}
	p.learn(bit)
	for e.width < 1<<24 {
		e.width <<= 8
		e.shift()
	}
	return bit
}

// shift moves the top byte of low out, carrying into bytes held back.
func (e *rangeEncoder) shift() {
	if e.low < 0xff000000 || e.low >= 1<<32 {
		carry := byte(e.low >> 32)
		for ; e.pending > 0; e.pending-- {
			e.out = append(e.out, e.cache+carry)
			e.cache = 0xff
		}
		e.cache = byte(e.low >> 24)
	}
	e.pending++
	e.low = e.low & 0x00ffffff << 8
}

// finish returns the coded bytes. Zero bytes at the end are left out; the
// decoder supplies them. At least one byte is left.
func (e *rangeEncoder) finish() []byte {
	for range 5 {
		e.shift()
	}
	n := len(e.out)
	for n > 2 && e.out[n-1] == 0 {
		n--
	}
	return e.out[1:n] // the first byte is always 0
}

// A rangeDecoder reads what a rangeEncoder wrote.
type rangeDecoder struct {
	in    []byte
	value uint32
	width uint32
}

func (d *rangeDecoder) reset(in []byte) {
	*d = rangeDecoder{in: in, width: 1<<32 - 1}
	for range 4 {
		d.value = d.value<<8 | uint32(d.next())
	}
}

func (d *rangeDecoder) next() byte {
	if len(d.in) == 0 {
		return 0
	}
	c := d.in[0]
	d.in = d.in[1:]
	return c
}

func (d *rangeDecoder) code(p *prob, _ int) (bit int) {
	bound := d.width >> probBits * p.chance()
	if d.value < bound {
		d.width = bound
	} else {
		d.value -= bound
		d.width -= bound
		bit = 1
	}
	p.learn(bit)
	for d.width < 1<<24 {
		d.width <<= 8
		d.value = d.value<<8 | uint32(d.next())
	}
	return bit
}

// tree codes an n-bit number, most significant bit first, each bit in the
// context of those before it. probs holds 1<<n of them.
func tree(c bitCoder, probs []prob, n uint, v int) int {
	at := 1
	for i := int(n) - 1; i >= 0; i-- {
		at = at<<1 | c.code(&probs[at], v>>i&1)
	}
	return at - 1<<n
}
