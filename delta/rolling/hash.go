package rolling

// K is the multiplier of version 1 of the signature format: the fractional
// part of the golden ratio as 64 bits, which is 5 modulo 8, so its powers have
// the longest period there is, 2^62.
const K uint64 = 0x9E3779B97F4A7C15

// The powers of K modulo 2^64 that Sum takes eight bytes at a time with.
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
func Sum(b []byte) uint64 {
	var h uint64
	for len(b) >= 8 {
		h = h*k8 + uint64(b[0])*k8 + uint64(b[1])*k7 + uint64(b[2])*k6 + uint64(b[3])*k5 +
			uint64(b[4])*k4 + uint64(b[5])*k3 + uint64(b[6])*k2 + uint64(b[7])*K
		b = b[8:]
	}
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

// Len returns the length of the window in bytes.
func (h *Hash) Len() int { return h.n }

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
	i := 0
	for i < len(in) {
		var n int
		n, sum = h.skip(in[i:], out[i:], sum, f)
		i += n
		for end := min(i+4, len(in)); i < end; i++ {
			if f.MayContain(sum) {
				return i, sum, true
			}
			sum = h.Roll(sum, out[i], in[i])
		}
	}
	return i, sum, f.MayContain(sum)
}

// skip rolls sum over bytes that enter and leave, four at a time, and stops before
// four windows of which one has its first bit in f, or before the last
// few. One
// branch for four windows, and the bytes' shares computed apart from the sum,
// leave nothing to wait for but one product after another.
func (h *Hash) skip(in, out []byte, sum uint64, f *Filter) (int, uint64) {
	words, shift := f.words, f.shift&63
	last := len(words) - 1
	out = out[:len(in)]
	i := 0
	for ; i+4 <= len(in); i += 4 {
		a, b := in[i:i+4:i+4], out[i:i+4:i+4]
		d0 := uint64(a[0]) - h.out[b[0]]
		d1 := uint64(a[1]) - h.out[b[1]]
		d2 := uint64(a[2]) - h.out[b[2]]
		d3 := uint64(a[3]) - h.out[b[3]]
		s1 := (sum + d0) * K
		s2 := (s1 + d1) * K
		s3 := (s2 + d2) * K
		s4 := (s3 + d3) * K
		b0, b1, b2, b3 := sum>>shift, s1>>shift, s2>>shift, s3>>shift
		// The mask only tells the compiler what holds anyway.
		hit := words[int(b0>>6)&last]>>(b0&63) | words[int(b1>>6)&last]>>(b1&63) |
			words[int(b2>>6)&last]>>(b2&63) | words[int(b3>>6)&last]>>(b3&63)
		if hit&1 != 0 {
			break
		}
		sum = s4
	}
	return i, sum
}
