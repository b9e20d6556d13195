package rolling

import "math/bits"

// The bytes of a Filter for each hash, before rounding up to a power of two:
// wide as long as the filter stays in a second-level cache beside all else that
// is there, fair as long as it does not get far beyond it, at least narrow. Of
// data that is not there, one window in 512 (32, 4) at most finds a byte that is
// not zero, and an eighth of those the bit.
const (
	wideShare   = 512
	wideBytes   = 256 << 10
	fairShare   = 32
	fairBytes   = 2 << 20
	narrowShare = 4
)

// bitBits are the bits of a hash that choose the bit within a byte.
const bitBits = 3

// A Filter is a bitmap over the top bits of hashes: it tells in one memory
// access that a hash is surely not in a set. It takes 4 to 1,024 bytes per hash,
// and 32 at least.
//
// Nearly all of its bytes are zero, and those a scan passes over without
// looking for the bit.
type Filter struct {
	bytes []byte // a power of two of them
	shift uint   // of a hash, to the number of its byte
}

// NewFilter returns an empty Filter with room for n hashes, of which the top
// width bits are known; width is 8 at least.
func NewFilter(n, width int) *Filter {
	n = max(n, 1)
	room := max(min(n*wideShare, wideBytes), min(n*fairShare, fairBytes), n*narrowShare)
	size := max(min(bits.Len(uint(room-1)), width-bitBits), 8-bitBits)
	return &Filter{bytes: make([]byte, 1<<size), shift: uint(64 - size)}
}

// Add puts a hash into the set.
func (f *Filter) Add(sum uint64) {
	f.bytes[sum>>f.shift] |= 1 << (sum >> (f.shift - bitBits) & 7)
}

// MayContain reports whether sum, or another hash with the same top bits, is in
// the set.
func (f *Filter) MayContain(sum uint64) bool {
	return f.bytes[sum>>f.shift]>>(sum>>(f.shift-bitBits)&7)&1 != 0
}
