package codec

// The adaptive binary range coder of LZMA (Pavlov's LZMA specification, after
// Martin, "Range encoding", 1979): probabilities of 11 bits that move by 1/16
// of the error, a range of 32 bits, carries resolved by the encoder.
const (
	probBits = 11
	probInit = 1 << (probBits - 1)
	probMove = 4
	minRange = 1 << 24
)

// A prob is the probability that a bit is 0, in 1/2048.
type prob uint16

// A rangeEncoder codes bits. make it with newRangeEncoder.
type rangeEncoder struct {
	out   []byte
	low   uint64
	rng   uint32
	cache byte
	held  int // bytes held back until a carry can no longer reach them; the first is none
}

func newRangeEncoder(dst []byte) *rangeEncoder {
	return &rangeEncoder{out: dst, rng: 1<<32 - 1}
}

// bit codes one bit with a probability, which it adapts.
func (e *rangeEncoder) bit(p *prob, b uint64) {
	bound := e.rng >> probBits * uint32(*p)
	if b == 0 {
		e.rng = bound
		*p += (1<<probBits - *p) >> probMove
	} else {
		e.low += uint64(bound)
		e.rng -= bound
		*p -= *p >> probMove
	}
	for e.rng < minRange {
		e.rng <<= 8
		e.shift()
	}
}

// direct codes the low n bits of v, each as likely 0 as 1.
func (e *rangeEncoder) direct(v uint64, n int) {
	for n--; n >= 0; n-- {
		e.rng >>= 1
		if v>>n&1 != 0 {
			e.low += uint64(e.rng)
		}
		for e.rng < minRange {
			e.rng <<= 8
			e.shift()
		}
	}
}

// chance codes one bit whose probability of being 1 is p in 1/65536, between 1 and
// 65535, and returns it.
func (e *rangeEncoder) chance(p, b uint32) uint32 {
	bound := uint32(uint64(e.rng) * uint64(p) >> 16)
	if b != 0 {
		e.rng = bound
	} else {
		e.low += uint64(bound)
		e.rng -= bound
	}
	for e.rng < minRange {
		e.rng <<= 8
		e.shift()
	}
	return b
}

// shift moves the top byte of low out, or holds it back while it may change.
func (e *rangeEncoder) shift() {
	if e.held == 0 || e.low < 0xFF<<24 || e.low > 1<<32-1 {
		carry := byte(e.low >> 32)
		for ; e.held > 0; e.held-- {
			e.out = append(e.out, e.cache+carry)
			e.cache = 0xFF
		}
		e.cache = byte(e.low >> 24)
	}
	e.held++
	e.low = e.low & (1<<24 - 1) << 8
}

// finish returns the coded bytes: the shortest that end within the range, for
// the decoder reads zeros beyond the end.
func (e *rangeEncoder) finish(start int) []byte {
	top := e.low + uint64(e.rng) - 1
	for n := 32; n >= 0; n -= 8 {
		if v := top >> n << n; v >= e.low {
			e.low = v
			break
		}
	}
	for range 5 {
		e.shift()
	}
	out := e.out
	for len(out) > start && out[len(out)-1] == 0 {
		out = out[:len(out)-1]
	}
	return out
}

// A rangeDecoder reads what a rangeEncoder wrote.
type rangeDecoder struct {
	b    []byte
	rng  uint32
	code uint32
	over bool // more was read than there is
}

func newRangeDecoder(b []byte) *rangeDecoder {
	d := &rangeDecoder{b: b, rng: 1<<32 - 1}
	for range 4 {
		d.code = d.code<<8 | d.next()
	}
	return d
}

func (d *rangeDecoder) next() uint32 {
	if len(d.b) == 0 {
		d.over = true
		return 0
	}
	c := d.b[0]
	d.b = d.b[1:]
	return uint32(c)
}

func (d *rangeDecoder) bit(p *prob) uint64 {
	bound := d.rng >> probBits * uint32(*p)
	var b uint64
	if d.code < bound {
		d.rng = bound
		*p += (1<<probBits - *p) >> probMove
	} else {
		d.code -= bound
		d.rng -= bound
		*p -= *p >> probMove
		b = 1
	}
	for d.rng < minRange {
		d.rng <<= 8
		d.code = d.code<<8 | d.next()
	}
	return b
}

func (d *rangeDecoder) direct(n int) uint64 {
	v := uint64(0)
	for range n {
		d.rng >>= 1
		b := uint64(0)
		if d.code >= d.rng {
			d.code -= d.rng
			b = 1
		}
		v = v<<1 | b
		for d.rng < minRange {
			d.rng <<= 8
			d.code = d.code<<8 | d.next()
		}
	}
	return v
}

// chance decodes one bit whose probability of being 1 is p in 1/65536.
func (d *rangeDecoder) chance(p, _ uint32) uint32 {
	bound := uint32(uint64(d.rng) * uint64(p) >> 16)
	b := uint32(0)
	if d.code < bound {
		d.rng = bound
		b = 1
	} else {
		d.code -= bound
		d.rng -= bound
	}
	for d.rng < minRange {
		d.rng <<= 8
		d.code = d.code<<8 | d.next()
	}
	return b
}
