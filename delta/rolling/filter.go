package rolling

import "math/bits"

// filterShare is the size of a Filter in bits per hash, before rounding up to
// a power of two: one window in 32 to 64 of data that is not there gets past.
const filterShare = 32

// A Filter is a bitmap over the top bits of hashes: it tells in one memory
// access that a hash is surely not in a set. It takes 4 to 8 bytes per hash.
type Filter struct {
	words []uint64
	shift uint
}

// NewFilter returns an empty Filter with room for n hashes, of which width top
// bits are known.
func NewFilter(n, width int) *Filter {
	best := max(bits.Len(uint(max(n, 1)*filterShare-1)), 6)
	width = max(min(best, width), 6)
	return &Filter{words: make([]uint64, 1<<(width-6)), shift: uint(64 - width)}
}

// Width returns how many top bits of a hash the filter looks at.
func (f *Filter) Width() int { return 64 - int(f.shift) }

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
