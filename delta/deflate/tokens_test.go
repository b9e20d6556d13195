package deflate

import (
	"testing"

	"pgregory.net/rapid"
)

// A streamMaker writes valid deflate streams that no sane encoder would.
type streamMaker struct {
	t     *rapid.T
	w     bitWriter
	plain int // bytes so far
}

// strangeStream draws a stream.
func strangeStream(t *rapid.T) []byte {
	m := &streamMaker{t: t}
	for n := rapid.IntRange(0, 12).Draw(t, "blocks"); n >= 0; n-- {
		final := uint32(0)
		if n == 0 {
			final = 1
		}
		typ := rapid.SampledFrom([]blockType{stored, fixed, dynamic}).Draw(t, "type")
		m.w.put(final|uint32(typ)<<1, 3)
		if typ == stored {
			m.stored()
		} else {
			m.compressed(typ)
		}
	}
	if m.w.n&7 != 0 {
		m.w.put(uint32(rapid.Byte().Draw(t, "padding")), 8-m.w.n&7)
	}
	m.w.n &^= 7
	m.w.flush()
	return m.w.out
}

func (m *streamMaker) stored() {
	if pad := -m.w.n & 7; pad > 0 {
		m.w.put(uint32(rapid.Byte().Draw(m.t, "pad"))&(1<<pad-1), pad)
	}
	n := rapid.IntRange(0, 2000).Draw(m.t, "stored")
	m.w.put(uint32(n), 16)
	m.w.put(uint32(n)^0xffff, 16)
	for _, c := range mixture(rapid.Uint64().Draw(m.t, "seed"), n) {
		m.w.put(uint32(c), 8)
	}
	m.plain += n
}

func (m *streamMaker) compressed(typ blockType) {
	tokens := rapid.SliceOfN(rapid.Custom(m.token), 0, 300).Draw(m.t, "tokens")
	lit, dist := fixedLitLens[:], fixedDistLens[:]
	if typ == dynamic {
		lit, dist = m.codes(tokens)
	}
	r := rebuilder{tokens: tokens, out: m.w}
	r.writeTokens(lit, dist, &exception{})
	m.w = r.out
}

// token draws a token, valid after the plain bytes so far.
func (m *streamMaker) token(t *rapid.T) token {
	if m.plain == 0 || rapid.Bool().Draw(t, "literal") {
		m.plain++
		return token(rapid.SampledFrom([]byte("abc\x00\xff")).Draw(t, "byte"))
	}
	n := rapid.SampledFrom([]int{3, 4, 5, 10, 11, 257, 258}).Draw(t, "length")
	d := rapid.IntRange(1, min(m.plain, windowSize)).Draw(t, "dist")
	out := matchToken(n, d)
	if n == maxMatch && rapid.Bool().Draw(t, "odd") {
		out |= oddBit
	}
	m.plain += n
	return out
}

// codes writes a header for the tokens, not always the best, and returns its
// code lengths.
func (m *streamMaker) codes(tokens []token) (lit, dist []uint8) {
	var c counts
	for _, t := range tokens {
		c.add(t)
	}
	c.lit[endOfBlock]++
	for range rapid.IntRange(0, 20).Draw(m.t, "unused codes") {
		c.lit[rapid.IntRange(0, numLit-1).Draw(m.t, "code")]++
	}
	var h header
	if rapid.Bool().Draw(m.t, "like Go") {
		d := withDistance(&c)
		new(goCoder).header(&d, &h)
	} else {
		new(zlibCoder).header(&c, &h)
	}
	var buf [numLit + numDist]uint8
	lit, dist, _ = h.lens(&buf)
	if rapid.Bool().Draw(m.t, "no runs") {
		plainRuns(&h, lit, dist)
	}
	h.write(&m.w)
	return lit, dist
}

// plainRuns makes h list every code length by itself.
func plainRuns(h *header, lit, dist []uint8) {
	h.runs = nil
	for _, lens := range [][]uint8{lit, dist} {
		for _, l := range lens {
			h.runs = append(h.runs, clenRun{l, 0})
		}
	}
	h.clens = [numCodeLen]uint8{}
	for i := range 16 {
		h.clens[i] = 4
	}
	h.clenCount = numCodeLen
}

func TestStrangeStreams(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stream := strangeStream(t)
		roundTrip(t, stream)
	})
}

func TestHeaderBits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &streamMaker{t: t}
		tokens := rapid.SliceOfN(rapid.Custom(m.token), 0, 300).Draw(t, "tokens")
		m.codes(tokens)
		bits := uint(len(m.w.out))*8 + m.w.n
		coded := append([]byte(nil), m.w.out...)
		for i := uint(0); i < m.w.n; i += 8 {
			coded = append(coded, byte(m.w.acc>>i))
		}
		var x exceptionReader
		x.r = newRecipeReader(coded)
		var h header
		x.header(&h)
		if x.r.Err() != nil || x.r.Len() != 0 {
			t.Fatalf("header read back: %v, %d bytes left", x.r.Err(), x.r.Len())
		}
		if n := uint(h.bits()); n != bits {
			t.Fatalf("header of %d bits says %d", bits, n)
		}
	})
}
