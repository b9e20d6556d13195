package delta

import (
	"errors"
	"fmt"
	"math/bits"
)

// Limits of a request and its signature.
const (
	MaxBlockSize = 1 << 20 // bytes
	MaxBlocks    = 1 << 20 // blocks in one signature
	MaxRanges    = 1 << 18 // ranges in one request
	MaxHashBits  = 64      // weak and strong bits together
)

// ErrBadRequest is the error for a request outside the limits, or with ranges
// that overlap, are out of order or reach beyond the basis.
var ErrBadRequest = errors.New("bad signature request")

// A Request says what of a basis to sign and how. The hash of a block is the
// top WeakBits of its weak hash followed by the first StrongBits of its
// SHA-256; whole ranges (BlockSize 0) have no weak hash.
type Request struct {
	BlockSize  int     // bytes; 0: each range is one block, whatever its length
	WeakBits   int     // 8 to 48, or 0 for whole ranges
	StrongBits int     // at least 8
	Ranges     []Range // ascending, not overlapping, none empty; the last block of each may be short
}

// Blocks returns how many blocks the request describes.
func (r *Request) Blocks() int64 {
	if r.BlockSize == 0 {
		return int64(len(r.Ranges))
	}
	var n int64
	for _, g := range r.Ranges {
		n += blocksIn(g.Len, r.BlockSize)
	}
	return n
}

func blocksIn(length int64, blockSize int) int64 {
	return (length + int64(blockSize) - 1) / int64(blockSize)
}

// HashBits returns the bits that each block takes in a signature.
func (r *Request) HashBits() int { return r.WeakBits + r.StrongBits }

// Check reports the first thing wrong with the request for a basis of the
// given size; errors wrap [ErrBadRequest]. A holder must check a request from
// outside before it signs; [Sign] does.
func (r *Request) Check(basisSize int64) error {
	switch {
	case r.BlockSize < 0 || r.BlockSize > MaxBlockSize:
		return fmt.Errorf("%w: block size %d", ErrBadRequest, r.BlockSize)
	case r.BlockSize == 0 && r.WeakBits != 0, r.BlockSize > 0 && (r.WeakBits < 8 || r.WeakBits > 48):
		return fmt.Errorf("%w: %d weak bits", ErrBadRequest, r.WeakBits)
	case r.StrongBits < 8 || r.StrongBits > MaxHashBits-r.WeakBits:
		return fmt.Errorf("%w: %d strong bits", ErrBadRequest, r.StrongBits)
	case len(r.Ranges) > MaxRanges:
		return fmt.Errorf("%w: %d ranges, more than %d", ErrBadRequest, len(r.Ranges), MaxRanges)
	}
	var end int64
	for _, g := range r.Ranges {
		if g.Off < end || g.Len <= 0 || g.Off > basisSize || g.Len > basisSize-g.Off {
			return fmt.Errorf("%w: range at %d of %d bytes in a basis of %d", ErrBadRequest, g.Off, g.Len, basisSize)
		}
		end = g.End()
	}
	if n := r.Blocks(); n > MaxBlocks {
		return fmt.Errorf("%w: %d blocks, more than %d", ErrBadRequest, n, MaxBlocks)
	}
	return nil
}

// FirstRequest returns the request for the first, coarse round over a whole
// basis, for a new file of newSize bytes. Either side can compute it.
func FirstRequest(newSize, basisSize int64) Request {
	if basisSize == 0 || newSize == 0 {
		return Request{BlockSize: 1 << 10, WeakBits: 8, StrongBits: 8}
	}
	r := Request{BlockSize: firstBlockSize(basisSize), Ranges: []Range{{0, basisSize}}}
	r.setBits(newSize, r.anywhere(newSize))
	return r
}

// RangesRequest returns the request for hashes of whole ranges of a basis (the
// members of an archive), to be matched with the segments of a new file of
// newSize bytes. ranges must be as [Request] wants them.
func RangesRequest(newSize int64, ranges []Range) Request {
	r := Request{Ranges: ranges}
	r.setBits(newSize, 2*log2(int64(len(ranges))))
	return r
}

// firstBlockSize is a power of two near 12 times the root of the size: one
// kilobyte for small files, 64 KiB for 24 MiB.
func firstBlockSize(size int64) int {
	b := 1 << 10
	for b < 1<<16 && int64(b)*int64(b) < 144*size {
		b <<= 1
	}
	for size/int64(b) >= MaxBlocks {
		b <<= 1
	}
	return b
}

// setBits chooses the hash widths so that a wrong match among tests, comparisons
// of a window with a block, is improbable: 1 in 4,000 at worst, less where the
// resend of a file of newSize bytes that it leads to costs more than the bits.
// The weak share is just wide enough that strong hashes are rarely computed in
// vain.
func (r *Request) setBits(newSize int64, tests int) { r.setWidth(tests + r.margin(newSize)) }

// margin is how many bits more than the tests a hash takes.
func (r *Request) margin(newSize int64) int {
	return min(max(log2(newSize/max(r.Blocks(), 1)/8)+2, 12), 20)
}

// setWidth splits the bits of a hash.
func (r *Request) setWidth(all int) {
	all = min(all, MaxHashBits)
	if r.BlockSize > 0 {
		r.WeakBits = min(log2(total(r.Ranges))+4, 40)
		r.WeakBits = max(min(r.WeakBits, all-8), 8)
	}
	r.StrongBits = max(all-r.WeakBits, 8)
}

// anywhere returns the logarithm of the tests if every one of positions windows
// is compared with every block.
func (r *Request) anywhere(positions int64) int {
	return log2(positions) + log2(max(r.Blocks(), 1))
}

// log2 returns the base-2 logarithm rounded up; 0 for n < 2.
func log2(n int64) int {
	if n < 2 {
		return 0
	}
	return bits.Len64(uint64(n - 1))
}
