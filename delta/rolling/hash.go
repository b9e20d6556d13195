package rolling

// K is the multiplier of version 1 of the signature format: the fractional
// part of the golden ratio as 64 bits, which is 5 modulo 8, so its powers have
// the longest period there is, 2^62.
const K uint64 = 0x9E3779B97F4A7C15

// The powers of K modulo 2^64 that Sum takes eight bytes at once with.
const (
	k2 uint64 = 0xDF442D22CE4859B9
	k3 uint64 = 0x604A5CE3ADDEF82D
	k4 uint64 = 0xD94363FC538227B1
	k5 uint64 = 0x2E2B795F2D10FD85
	k6 uint64 = 0x4BE7956E30A337E9
	k7 uint64 = 0x5ECB31E4CCD2721D
	k8 uint64 = 0x06D4B2611BEB6861
)

// Sum returns the hash of all of b; of no bytes it is 0.
//
// Every eighth byte goes into a sum of its own, in steps of K^8, so that no
// byte has to wait for the product before it.
func Sum(b []byte) uint64 {
	var h0, h1, h2, h3, h4, h5, h6, h7 uint64
	for len(b) >= 32 {
		h0, h1 = h0*k8+uint64(b[0]), h1*k8+uint64(b[1])
		h2, h3 = h2*k8+uint64(b[2]), h3*k8+uint64(b[3])
		h4, h5 = h4*k8+uint64(b[4]), h5*k8+uint64(b[5])
		h6, h7 = h6*k8+uint64(b[6]), h7*k8+uint64(b[7])
		h0, h1 = h0*k8+uint64(b[8]), h1*k8+uint64(b[9])
		h2, h3 = h2*k8+uint64(b[10]), h3*k8+uint64(b[11])
		h4, h5 = h4*k8+uint64(b[12]), h5*k8+uint64(b[13])
		h6, h7 = h6*k8+uint64(b[14]), h7*k8+uint64(b[15])
		h0, h1 = h0*k8+uint64(b[16]), h1*k8+uint64(b[17])
		h2, h3 = h2*k8+uint64(b[18]), h3*k8+uint64(b[19])
		h4, h5 = h4*k8+uint64(b[20]), h5*k8+uint64(b[21])
		h6, h7 = h6*k8+uint64(b[22]), h7*k8+uint64(b[23])
		h0, h1 = h0*k8+uint64(b[24]), h1*k8+uint64(b[25])
		h2, h3 = h2*k8+uint64(b[26]), h3*k8+uint64(b[27])
		h4, h5 = h4*k8+uint64(b[28]), h5*k8+uint64(b[29])
		h6, h7 = h6*k8+uint64(b[30]), h7*k8+uint64(b[31])
		b = b[32:]
	}
	for len(b) >= 8 {
		h0, h1 = h0*k8+uint64(b[0]), h1*k8+uint64(b[1])
		h2, h3 = h2*k8+uint64(b[2]), h3*k8+uint64(b[3])
		h4, h5 = h4*k8+uint64(b[4]), h5*k8+uint64(b[5])
		h6, h7 = h6*k8+uint64(b[6]), h7*k8+uint64(b[7])
		b = b[8:]
	}
	h := h0*k8 + h1*k7 + h2*k6 + h3*k5 + h4*k4 + h5*k3 + h6*k2 + h7*K
	for _, c := range b {
		h = (h + uint64(c)) * K
	}
	return h
}

// A Hash moves the sum of a window of one length over data.
type Hash struct {
	n   int
	out [256]uint64 // out[c] is c·K^n: what the byte that leaves has put in
}

// New returns the Hash for windows of n bytes, n > 0.
func New(n int) *Hash {
	h := &Hash{n: n}
	pow := uint64(1)
	for range n {
		pow *= K
	}
	for c := range h.out {
		h.out[c] = uint64(c) * pow
	}
	return h
}

// Roll returns the sum of the window one byte further on, which out leaves and
// in enters.
func (h *Hash) Roll(sum uint64, out, in byte) uint64 {
	return (sum + uint64(in) - h.out[out]) * K
}

// Scan looks for the first window of data that may be in f. The first window,
// data[:Len()], has the given sum; data must be no shorter than it. Scan
// returns that window's index and sum and true, or the index and sum of the
// last window (which is not in f) and false.
func (h *Hash) Scan(data []byte, sum uint64, f *Filter) (int, uint64, bool) {
	in := data[h.n:]
	out := data[:len(in)]
	for i := 0; ; i++ {
		var n int
		n, sum = h.skip(in[i:], out[i:], sum, f)
		i += n
		if f.MayContain(sum) {
			return i, sum, true
		}
		if i == len(in) {
			return i, sum, false
		}
		sum = h.Roll(sum, out[i], in[i])
	}
}

// skip rolls sum over bytes that enter and leave, up to the first window that may
// be in f, or to fewer than eight before the end. It returns how many bytes
// that are and the sum there.
//
// All that a window has to wait for is one product after another: what two
// bytes put in is computed apart from the sum (the parentheses matter), and
// branches that are almost never taken cost next to nothing.
func (h *Hash) skip(in, out []byte, sum uint64, f *Filter) (int, uint64) {
	leave, set, shift := &h.out, f.bytes, f.shift&63
	low := (shift - bitBits) & 63
	last := uint64(len(set) - 1) // as a mask it only tells the compiler what holds anyway
	n := len(in)
	for len(in) >= 8 && len(out) >= 8 {
		if c := set[sum>>shift&last]; c != 0 && c>>(sum>>low&7)&1 != 0 {
			return n - len(in), sum
		}
		s := (sum + (uint64(in[0]) - leave[out[0]])) * K
		if c := set[s>>shift&last]; c != 0 && c>>(s>>low&7)&1 != 0 {
			return n - len(in) + 1, s
		}
		s = (s + (uint64(in[1]) - leave[out[1]])) * K
		if c := set[s>>shift&last]; c != 0 && c>>(s>>low&7)&1 != 0 {
			return n - len(in) + 2, s
		}
		s = (s + (uint64(in[2]) - leave[out[2]])) * K
		if c := set[s>>shift&last]; c != 0 && c>>(s>>low&7)&1 != 0 {
			return n - len(in) + 3, s
		}
		s = (s + (uint64(in[3]) - leave[out[3]])) * K
		if c := set[s>>shift&last]; c != 0 && c>>(s>>low&7)&1 != 0 {
			return n - len(in) + 4, s
		}
		s = (s + (uint64(in[4]) - leave[out[4]])) * K
		if c := set[s>>shift&last]; c != 0 && c>>(s>>low&7)&1 != 0 {
			return n - len(in) + 5, s
		}
		s = (s + (uint64(in[5]) - leave[out[5]])) * K
		if c := set[s>>shift&last]; c != 0 && c>>(s>>low&7)&1 != 0 {
			return n - len(in) + 6, s
		}
		s = (s + (uint64(in[6]) - leave[out[6]])) * K
		if c := set[s>>shift&last]; c != 0 && c>>(s>>low&7)&1 != 0 {
			return n - len(in) + 7, s
		}
		sum = (s + (uint64(in[7]) - leave[out[7]])) * K
		in, out = in[8:], out[8:]
	}
	return n - len(in), sum
}
