package codec

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"

	"github.com/pubsync/pubsync/delta"
	"github.com/pubsync/pubsync/delta/field"
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
	dst = binary.AppendUvarint(dst, uint64(r.BlockSize))
	dst = append(dst, byte(r.WeakBits), byte(r.StrongBits))
	c := newRangeCoding(r.Ranges, rangeUnit(r.Ranges, basisSize), basisSize)
	if u := bits.TrailingZeros(uint(r.BlockSize)); r.BlockSize > 0 && u > c.unit && u <= maxUnit {
		if mixed := newRangeCoding(r.Ranges, u, basisSize); mixed.size < c.size {
			c = mixed
		}
	}
	dst = append(dst, byte(c.unit))
	dst = binary.AppendUvarint(dst, uint64(len(r.Ranges)))
	return c.append(dst, r.Ranges)
}

// DecodeRequest decodes a request from all of b and checks it for a basis of
// basisSize bytes. Errors wrap [ErrMalformed], [ErrTooLarge] or
// [delta.ErrBadRequest]. Memory is bounded by a small multiple of len(b).
func DecodeRequest(b []byte, basisSize int64) (delta.Request, error) {
	r := field.New(b, ErrMalformed)
	if r.Byte() != kindRequest {
		return delta.Request{}, fmt.Errorf("%w: not a signature request of version 1", ErrMalformed)
	}
	req, err := readRequest(&r, basisSize)
	if err == nil && r.Len() > 0 {
		err = fmt.Errorf("%w: %d bytes after a signature request", ErrMalformed, r.Len())
	}
	return req, err
}

func readRequest(r *field.Reader, basisSize int64) (delta.Request, error) {
	req := delta.Request{
		BlockSize:  int(r.Uvarint(delta.MaxBlockSize)),
		WeakBits:   int(r.Byte()),
		StrongBits: int(r.Byte()),
	}
	unit := int(r.Byte())
	n := r.Uvarint(math.MaxInt32)
	switch {
	case r.Err() != nil || unit > maxUnit || n > uint64(r.Len())*8/minRangeBits:
		return req, fmt.Errorf("%w: head of a signature request", ErrMalformed)
	case n > delta.MaxRanges:
		return req, fmt.Errorf("%w: %d ranges in a signature request", ErrTooLarge, n)
	}
	ranges, err := readRanges(r, int(n), unit, basisSize)
	if err != nil {
		return req, err
	}
	req.Ranges = ranges
	return req, req.Check(basisSize)
}
