package deflate

import "math/bits"

// A denseModel codes tokens that the predictor often gets wrong: those of an
// encoder there is no model of. For each token one bit says whether the
// prediction is right. If not, its kind and length follow, in contexts given by
// the prediction, and the distance as a number of candidates: encoders like
// to take the nearest match of a length, whatever made them choose the length.
type denseModel struct {
	right   [3][fineLengths][2][4][4]prob // by the last outcomes, the predicted length, whether a match is pending, its gain, the place
	literal [fineLengths][4][4]prob       // by the predicted length, the last outcomes, the place
	odd     prob
	same    [lengthRefs + 8]prob      // by the length that was expected
	length  [lengthRefs + 8][256]prob // the same
	nearest [2]prob
	far     prob
	hops    [fineLengths][13]prob
	hopBits [13][64]prob
	dist    [32768]prob
	run     int // literals since the last match
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
				for l := range d.right[i][j][k] {
					set(d.right[i][j][k][l][:])
				}
			}
		}
	}
	for i := range d.literal {
		for j := range d.literal[i] {
			set(d.literal[i][j][:])
		}
	}
	for i := range d.length {
		set(d.length[i][:])
	}
	for i := range d.hopBits {
		set(d.hopBits[i][:])
	}
	set(d.same[:])
	set(d.nearest[:])
	for i := range d.hops {
		set(d.hops[i][:])
	}
	set(d.dist[:])
	d.odd, d.far = probInit, probInit
	d.last, d.run = 0, 0
}

// lengthClass sorts lengths into eight classes, 0 for none.
func lengthClass(n int) int {
	if n < minMatch {
		return 0
	}
	return min(bits.Len(uint(n-2)), 7)
}

// fineLengths is how many classes fineLength has: lengths up to 15, then by class.
const fineLengths = 20

func fineLength(n int) int {
	if n < 16 {
		return max(n, 0)
	}
	return 12 + lengthClass(n)
}

// lengthRefs is how many expected lengths are told apart; longer ones go by class.
const lengthRefs = 40

func lengthRef(n int) int {
	if n < lengthRefs {
		return max(n, 0)
	}
	return lengthRefs + lengthClass(n)
}

// code codes token t at p, for which the predictor gave g.
func (d *denseModel) code(c bitCoder, pred *chainPredictor, p int, g, t token) token {
	t = d.decide(c, pred, p, g, t)
	if d.run++; t.isMatch() {
		d.run = 0
	}
	return t
}

// place sorts predictions into four: matches by how far back they are, literals by
// how many came before.
func (d *denseModel) place(g token) int {
	if g.isMatch() {
		return min(max(bits.Len(uint(g.dist()))-7, 0)/3, 3)
	}
	return min(d.run, 3)
}

// decide codes t without taking note of it.
func (d *denseModel) decide(c bitCoder, pred *chainPredictor, p int, g, t token) token {
	class, fine, pending, gain := 0, 0, 0, 0
	if g.isMatch() {
		class, fine = lengthClass(g.length()), fineLength(g.length())
	}
	if pred != nil && pred.foundAt == p+1 {
		pending = 1
		class, fine = lengthClass(pred.foundLen), fineLength(pred.foundLen)
		gain = min(pred.foundLen-pred.passedLen, 4) - 1
		gain = max(gain, 0)
	}
	place := d.place(g)
	wrong := 0
	if g != t {
		wrong = 1
	}
	wrong = c.code(&d.right[min(bits.OnesCount(uint(d.last)), 2)][fine][pending][gain][place], wrong)
	d.last = (d.last<<1 | wrong) & 7
	if wrong == 0 {
		return g
	}
	if g.isMatch() {
		lit := 0
		if !t.isMatch() {
			lit = 1
		}
		if c.code(&d.literal[fine][d.last>>1][place], lit) == 1 {
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
		known = c.code(&d.same[lengthRef(ref)], same) == 1
		length = ref
	}
	if !known {
		length = minMatch + tree(c, d.length[lengthRef(ref)][:], 8, max(t.length()-minMatch, 0))
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
	for k < len(d.hops[0])-1 {
		more := 0
		if bits.Len(uint(hops+1))-1 > k {
			more = 1
		}
		if c.code(&d.hops[fineLength(length)][k], more) == 0 {
			break
		}
		k++
	}
	low := 0
	for i := k - 1; i >= 0; i-- {
		low = low<<1 | c.code(&d.hopBits[k][hopNode(k, i, low)], (hops+1)>>i&1)
	}
	if !decoding {
		return t.dist()
	}
	return pred.distAfter(p, length, 1<<k+low-1)
}

// hopNode is the context of bit i of a number of k bits below its highest, of which
// those above are low: the first five bits have contexts for all that came before.
func hopNode(k, i, low int) int {
	if done := k - 1 - i; done < 5 {
		return 1<<done + low
	}
	return 32 + i
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
			n := matchLen(c.b, at, p, length)
			c.steps += int64(1 + n/stepBytes)
			if at < p && n == length && !yield(at) {
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
