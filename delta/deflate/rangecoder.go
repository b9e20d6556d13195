package deflate

// An adaptive binary range coder, of the kind LZMA uses: probabilities of 12
// bits that move by a sixteenth towards each bit coded. (G. N. N. Martin, Range
// encoding, 1979.)

// A prob is the probability of a zero bit, in 1/4096.
type prob uint16

const (
	probBits = 12
	probInit = prob(1) << (probBits - 1)
	probRate = 4
)

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
	bound := e.width >> probBits * uint32(*p)
	if bit == 0 {
		e.width = bound
		*p += (1<<probBits - *p) >> probRate
	} else {
		e.low += uint64(bound)
		e.width -= bound
		*p -= *p >> probRate
	}
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
	bound := d.width >> probBits * uint32(*p)
	if d.value < bound {
		d.width = bound
		*p += (1<<probBits - *p) >> probRate
	} else {
		d.value -= bound
		d.width -= bound
		*p -= *p >> probRate
		bit = 1
	}
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
