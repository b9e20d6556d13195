package deflate

import "math/bits"

// A denseModel codes tokens that the predictor often gets wrong: those of an
// encoder there is no model of. For each token one bit says whether the
// prediction is right. If not, its kind and length follow, in contexts given by
// the prediction, and the distance as a number of candidates: encoders like
// to take the nearest match of a length, whatever made them choose the length.
type denseModel struct {
	right   [3][8][2][4]prob // by the last outcomes, the predicted length, whether a match is pending, its gain
	literal [8][4]prob
	odd     prob
	same    [8]prob
	length  [9][256]prob
	nearest [2]prob
	far     prob
	hops    [13]prob
	hopBits [13][32]prob
	dist    [32768]prob
	last    int // outcomes of the last tokens, the newest lowest
}

func (d *denseModel) reset() {
	set := func(p []prob) {
		for i := range p {
			p[i] = probInit
		}
	}
	for i := range d.right {
		for j := range d.right[i] {
			for k := range d.right[i][j] {
				set(d.right[i][j][k][:])
			}
		}
	}
	for i := range d.literal {
		set(d.literal[i][:])
	}
	for i := range d.length {
		set(d.length[i][:])
	}
	for i := range d.hopBits {
		set(d.hopBits[i][:])
	}
	set(d.same[:])
	set(d.nearest[:])
	set(d.hops[:])
	set(d.dist[:])
	d.odd, d.far = probInit, probInit
	d.last = 0
}

// lengthClass sorts lengths into eight classes, 0 for none.
func lengthClass(n int) int {
	if n < minMatch {
		return 0
	}
	return min(bits.Len(uint(n-2)), 7)
}

// code codes token t at p, for which the predictor gave g.
func (d *denseModel) code(c bitCoder, pred *chainPredictor, p int, g, t token) token {
	class, pending, gain := 0, 0, 0
	if g.isMatch() {
		class = lengthClass(g.length())
	}
	if pred != nil && pred.foundAt == p+1 {
		pending = 1
		class = lengthClass(pred.foundLen)
		gain = min(pred.foundLen-pred.passedLen, 4) - 1
		gain = max(gain, 0)
	}
	wrong := 0
	if g != t {
		wrong = 1
	}
	wrong = c.code(&d.right[min(bits.OnesCount(uint(d.last)), 2)][class][pending][gain], wrong)
	d.last = (d.last<<1 | wrong) & 7
	if wrong == 0 {
		return g
	}
	if g.isMatch() {
		lit := 0
		if !t.isMatch() {
			lit = 1
		}
		if c.code(&d.literal[class][d.last>>1], lit) == 1 {
			return token(pred.b[p])
		}
	}
	return d.match(c, pred, p, g, t, class)
}

// match codes the length and distance of a match that was not predicted.
func (d *denseModel) match(c bitCoder, pred *chainPredictor, p int, g, t token, class int) token {
	odd := 0
	if t&oddBit != 0 {
		odd = 1
	}
	odd = c.code(&d.odd, odd)
	length, known := 0, false
	ref := g.length()
	if !g.isMatch() {
		ref = 0
		if pred.foundAt == p+1 {
			ref = pred.passedLen // the match that was passed over
		}
	}
	if ref != 0 {
		same := 0
		if t.length() == ref {
			same = 1
		}
		known = c.code(&d.same[class], same) == 1
		length = ref
	}
	if !known {
		length = minMatch + tree(c, d.length[lengthClass(ref)][:], 8, max(t.length()-minMatch, 0))
	}
	dist := d.distance(c, pred, p, length, t)
	out := matchToken(length, dist)
	if odd == 1 {
		out |= oddBit
	}
	return out
}

// maxHops bounds the candidates looked at for a distance.
const maxHops = 1 << 12

// distance codes a distance as the number of nearer candidates of at least the
// same length, or, where it is not among the candidates, as it is.
func (d *denseModel) distance(c bitCoder, pred *chainPredictor, p, length int, t token) int {
	_, decoding := c.(*rangeDecoder)
	hops := -1
	if !decoding {
		hops = pred.countHops(p, length, t.dist())
	}
	far := 0
	if hops < 0 {
		far = 1
	}
	if c.code(&d.far, far) == 1 {
		return 1 + tree(c, d.dist[:], 15, t.dist()-1)
	}
	k := 0
	for k < len(d.hops)-1 {
		more := 0
		if bits.Len(uint(hops+1))-1 > k {
			more = 1
		}
		if c.code(&d.hops[k], more) == 0 {
			break
		}
		k++
	}
	low := 0
	for i := k - 1; i >= 0; i-- {
		low = low<<1 | c.code(&d.hopBits[k][min(i, 31)], (hops+1)>>i&1)
	}
	if !decoding {
		return t.dist()
	}
	return pred.distAfter(p, length, 1<<k+low-1)
}

// countHops returns how many candidates for a match of the given length are
// nearer than dist, or -1 if dist is not among the first.
func (c *chainPredictor) countHops(p, length, dist int) int {
	n := 0
	for at := range c.candidates(p, length) {
		if p-at == dist {
			return n
		}
		n++
	}
	return -1
}

// distAfter returns the distance of the candidate after n nearer ones, or 1
// if there are not so many.
func (c *chainPredictor) distAfter(p, length, n int) int {
	for at := range c.candidates(p, length) {
		if n == 0 {
			return p - at
		}
		n--
	}
	return 1
}

// candidates yields the positions of the encoder's chain at which a match of
// the given length for p begins, nearest first.
func (c *chainPredictor) candidates(p, length int) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		if p+length > len(c.b) || p > c.look-c.hashes {
			return
		}
		off := c.head.get(c.hashAt(p))
		at := c.zero + int(off)
		if off == 0 || p-at > windowSize {
			return
		}
		for range maxHops {
			if at < p && matchLen(c.b, at, p, length) == length && !yield(at) {
				return
			}
			d := int(c.prev[(at+c.ring)&(windowSize-1)])
			at -= d
			if d == 0 || p-at > windowSize {
				return
			}
		}
	}
}
