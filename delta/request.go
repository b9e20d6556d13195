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
	StrongBits int     // 0, or at least 8; whole ranges have some
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
	case r.BlockSize == 0 && r.WeakBits != 0, r.BlockSize > 0 && (r.WeakBits < 8 || r.WeakBits > maxWeakBits):
		return fmt.Errorf("%w: %d weak bits", ErrBadRequest, r.WeakBits)
	case r.StrongBits < 8 && (r.StrongBits != 0 || r.BlockSize == 0), r.StrongBits > MaxHashBits-r.WeakBits:
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
// basis, for a new file of newSize bytes. Either side can compute it. It takes two
// blocks in a row to prove a copy.
func FirstRequest(newSize, basisSize int64) Request {
	if basisSize == 0 || newSize == 0 {
		return Request{BlockSize: 1 << 10, WeakBits: 16}
	}
	r := Request{BlockSize: firstBlockSize(basisSize), Ranges: []Range{{0, basisSize}}}
	r.setShort(max((r.anywhere(newSize)+shortMargin)/2+1, log2(2*r.Blocks())+shortMargin, log2(basisSize)))
	return r
}

// shortMargin is how many bits more than the logarithm of the tests, comparisons of
// a window with a block, short hashes take: about one round in a thousand takes for a
// copy what is none. Then the file has another digest, and is matched once more with
// long hashes, which costs about as much again; a bit more costs a byte for every eight
// blocks of every file.
const shortMargin = 10

// setShort has hashes be of so many bits. They are weak ones only: strong ones make it
// hard to find two blocks of one hash, which of so few bits it never is.
func (r *Request) setShort(all int) {
	r.WeakBits, r.StrongBits = min(max(all, 8), maxWeakBits), 0
}

const maxWeakBits = 48

// RangesRequest returns the request for hashes of whole ranges of a basis (the
// members of an archive), to be matched with the segments of a new file. ranges must be
// as [Request] wants them.
func RangesRequest(ranges []Range) Request {
	r := Request{Ranges: ranges}
	r.StrongBits = min(2*log2(int64(len(ranges)))+longMargin, MaxHashBits)
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

// longMargin is the same of long hashes: of a round one test in a million.
const longMargin = 20

// setLong has hashes be of so many bits, weak ones first: just as many as it takes for
// strong hashes to be computed rarely in vain.
func (r *Request) setLong(all int) {
	all = min(all, MaxHashBits)
	r.WeakBits = min(log2(total(r.Ranges))+4, 40)
	r.WeakBits = max(min(r.WeakBits, all-8), 8)
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
