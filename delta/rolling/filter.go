package rolling

import "math/bits"

// The size of a Filter in bits per hash, before rounding up to a power of two:
// wide as long as the filter stays in a processor's second-level cache, at least
// narrow. One window in 128 (or 16) at most of data that is not there gets past.
const (
	wideShare   = 128
	narrowShare = 16
	cachedBits  = 1 << 22
)

// A Filter is a bitmap over the top bits of hashes: it tells in one memory
// access that a hash is surely not in a set. It takes 2 to 32 bytes per hash.
type Filter struct {
	words []uint64
	shift uint
}

// NewFilter returns an empty Filter with room for n hashes, of which the top
// width bits are known.
func NewFilter(n, width int) *Filter {
	n = max(n, 1)
	room := max(min(n*wideShare, cachedBits), n*narrowShare)
	size := max(min(bits.Len(uint(room-1)), width), 6)
	return &Filter{words: make([]uint64, 1<<(size-6)), shift: uint(64 - size)}
}

// Add puts a hash into the set.
func (f *Filter) Add(sum uint64) {
	i := sum >> f.shift
	f.words[i>>6] |= 1 << (i & 63)
}

// MayContain reports whether sum, or another hash with the same top bits, is in
// the set.
func (f *Filter) MayContain(sum uint64) bool {
	i := sum >> f.shift
	return f.words[i>>6]>>(i&63)&1 != 0
}
