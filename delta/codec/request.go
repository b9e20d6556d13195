package codec

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"

	"github.com/pubsync/pubsync/delta"
)

// First bytes of the codings of version 1.
const (
	kindRequest   = 0x11
	kindSignature = 0x21
	kindHashes    = 0x31
	kindRuns      = 0x32
	kindPart      = 0x41
)

// maxUnit is the largest exponent of the unit that ranges are counted in.
const maxUnit = 20

// AppendRequest appends the coding of a request, which must pass
// [delta.Request.Check] for a basis of basisSize bytes, to dst.
func AppendRequest(dst []byte, r *delta.Request, basisSize int64) []byte {
	return appendRequest(append(dst, kindRequest), r, basisSize)
}

func appendRequest(dst []byte, r *delta.Request, basisSize int64) []byte {
	unit := rangeUnit(r.Ranges, basisSize)
	dst = binary.AppendUvarint(dst, uint64(r.BlockSize))
	dst = append(dst, byte(r.WeakBits), byte(r.StrongBits), byte(unit))
	dst = binary.AppendUvarint(dst, uint64(len(r.Ranges)))
	var end int64
	for _, g := range r.Ranges {
		dst = binary.AppendUvarint(dst, uint64(g.Off-end)>>unit)
		dst = binary.AppendUvarint(dst, uint64(g.Len+(1<<unit-1))>>unit)
		end = g.End()
	}
	return dst
}

// rangeUnit returns the exponent of the largest power of two that all offsets
// and lengths are multiples of; a range to the end of the basis may end
// anywhere.
func rangeUnit(rs []delta.Range, basisSize int64) int {
	all := uint64(1 << maxUnit)
	for _, g := range rs {
		all |= uint64(g.Off)
		if g.End() != basisSize {
			all |= uint64(g.Len)
		}
	}
	return bits.TrailingZeros64(all)
}

// DecodeRequest decodes a request from all of b and checks it for a basis of
// basisSize bytes. Errors wrap [ErrMalformed], [ErrTooLarge] or
// [delta.ErrBadRequest]. Memory is bounded by a small multiple of len(b).
func DecodeRequest(b []byte, basisSize int64) (delta.Request, error) {
	r := reader{b: b}
	if r.byte() != kindRequest {
		return delta.Request{}, fmt.Errorf("%w: not a signature request of version 1", ErrMalformed)
	}
	req, err := readRequest(&r, basisSize)
	if err == nil && len(r.b) > 0 {
		err = fmt.Errorf("%w: %d bytes after a signature request", ErrMalformed, len(r.b))
	}
	return req, err
}

func readRequest(r *reader, basisSize int64) (delta.Request, error) {
	req := delta.Request{
		BlockSize:  int(r.uvarint(delta.MaxBlockSize)),
		WeakBits:   int(r.byte()),
		StrongBits: int(r.byte()),
	}
	unit := r.byte()
	n := r.uvarint(math.MaxInt32)
	switch {
	case r.bad || unit > maxUnit || n > uint64(len(r.b)):
		return req, fmt.Errorf("%w: head of a signature request", ErrMalformed)
	case n > delta.MaxRanges:
		return req, fmt.Errorf("%w: %d ranges in a signature request", ErrTooLarge, n)
	}
	req.Ranges = make([]delta.Range, 0, n)
	var end int64
	for range n {
		off := end + int64(r.uvarint(math.MaxInt64>>1>>unit)<<unit)
		length := int64(r.uvarint(math.MaxInt64>>1>>unit) << unit)
		if r.bad || off < end || off > basisSize || length <= 0 {
			return req, fmt.Errorf("%w: range in a signature request", ErrMalformed)
		}
		if rest := basisSize - off; length > rest && length-rest < 1<<unit {
			length = rest
		}
		req.Ranges = append(req.Ranges, delta.Range{Off: off, Len: length})
		end = off + length
		if end < 0 || end > basisSize {
			return req, fmt.Errorf("%w: range beyond the basis", ErrMalformed)
		}
	}
	return req, req.Check(basisSize)
}
