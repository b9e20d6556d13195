package deflate

// A token is one symbol of a deflate block: a literal byte, or a match that
// copies length bytes from dist bytes back.
//
//	literal   bits 0-7 the byte
//	match     bit 31 set, bits 0-8 length (3 to 258), bits 9-23 dist-1
//	          bit 30 set: length 258 written as code 284 with extra bits 31
//
// Bit 30 exists because RFC 1951 gives length 258 a code of its own (285) but
// decoders accept the other spelling too.
type token uint32

const (
	matchBit token = 1 << 31
	oddBit   token = 1 << 30

	minMatch   = 3
	maxMatch   = 258
	windowSize = 1 << 15
)

func matchToken(length, dist int) token {
	return matchBit | token(dist-1)<<9 | token(length)
}

func (t token) isMatch() bool { return t&matchBit != 0 }
func (t token) length() int   { return int(t & 511) }
func (t token) dist() int     { return int(t>>9)&(windowSize-1) + 1 }

// size returns the number of plain bytes the token stands for.
func (t token) size() int {
	if t.isMatch() {
		return t.length()
	}
	return 1
}

// Alphabet sizes of RFC 1951 section 3.2.7, and the end-of-block symbol.
const (
	numLit     = 286
	numDist    = 30
	numCodeLen = 19
	endOfBlock = 256
	maxCodeLen = 15
)

// Base values and extra bits of the length codes 257 to 285 (RFC 1951 section
// 3.2.5).
var (
	lengthBase = [29]uint16{
		3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31,
		35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258}
	lengthExtra = [29]uint8{
		0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2,
		3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
)

// Base values and extra bits of the distance codes (RFC 1951 section 3.2.5).
var (
	distBase = [numDist]uint16{
		1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513,
		769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577}
	distExtra = [numDist]uint8{
		0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8,
		9, 9, 10, 10, 11, 11, 12, 12, 13, 13}
)

// codeLenOrder is the order in which the code length code's lengths are sent
// (RFC 1951 section 3.2.7).
var codeLenOrder = [numCodeLen]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// lengthCode maps a match length to its length code minus 257.
var lengthCode = func() (t [maxMatch + 1]uint8) {
	for c, base := range lengthBase {
		for x := 0; x < 1<<lengthExtra[c] && int(base)+x <= maxMatch; x++ {
			t[int(base)+x] = uint8(c)
		}
	}
	return t
}()

// distCodeNear maps dist-1 below 256, and distCodeFar (dist-1)>>7 above that,
// to the distance code.
var distCodeNear, distCodeFar = func() (near, far [256]uint8) {
	for c, base := range distBase {
		for x := 0; x < 1<<distExtra[c]; x++ {
			d := int(base) + x - 1
			if d < 256 {
				near[d] = uint8(c)
			} else {
				far[d>>7] = uint8(c)
			}
		}
	}
	return near, far
}()

func distCode(dist int) uint8 {
	d := uint(dist - 1)
	if d < 256 {
		return distCodeNear[d]
	}
	return distCodeFar[(d>>7)&255]
}

// lengthSym returns the length code of a match, minus 257.
func (t token) lengthSym() uint8 {
	if t&oddBit != 0 {
		return 27
	}
	return lengthCode[t.length()]
}

// counts holds how often each symbol occurs in a block.
type counts struct {
	lit  [numLit]uint32
	dist [numDist]uint32
}

func (c *counts) add(t token) {
	if !t.isMatch() {
		c.lit[t&255]++
		return
	}
	c.lit[257+int(t.lengthSym())]++
	c.dist[distCode(t.dist())]++
}

// Code lengths of fixed blocks (RFC 1951 section 3.2.6). The two length codes
// and two distance codes that never occur are left out where they do not
// change the codes of the others.
var fixedLitLens, fixedDistLens = func() (lit [288]uint8, dist [numDist]uint8) {
	for i := range lit {
		switch {
		case i < 144:
			lit[i] = 8
		case i < 256:
			lit[i] = 9
		case i < 280:
			lit[i] = 7
		default:
			lit[i] = 8
		}
	}
	for i := range dist {
		dist[i] = 5
	}
	return lit, dist
}()
