package delta

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/pubsync/pubsync/delta/rolling"
)

// A Signature is a request and its answer: one hash per block, in the order of
// the ranges, each in the low HashBits bits.
type Signature struct {
	Request
	Hashes []uint64
}

// Check reports whether the signature is consistent and fits a basis of the
// given size; errors wrap [ErrBadRequest].
func (s *Signature) Check(basisSize int64) error {
	if err := s.Request.Check(basisSize); err != nil {
		return err
	}
	if n := s.Blocks(); int64(len(s.Hashes)) != n {
		return fmt.Errorf("%w: %d hashes for %d blocks", ErrBadRequest, len(s.Hashes), n)
	}
	return nil
}

// signBuffer is the least that Sign reads at once, in bytes.
const signBuffer = 256 << 10

// Sign reads the ranges of a basis that req names and hashes their blocks. The
// request is checked first. Memory: 8 bytes per block and a buffer of a block
// or 256 KiB.
func Sign(basis Source, req Request) (*Signature, error) {
	if err := req.Check(basis.Size); err != nil {
		return nil, err
	}
	sig := &Signature{Request: req, Hashes: make([]uint64, 0, req.Blocks())}
	buf := make([]byte, min(max(signBuffer, req.BlockSize), int(min(total(req.Ranges), 1<<21))))
	for _, g := range req.Ranges {
		var err error
		if req.BlockSize == 0 {
			err = sig.signWhole(basis, g, buf)
		} else {
			err = sig.signBlocks(basis, g, buf)
		}
		if err != nil {
			return nil, fmt.Errorf("sign basis: %w", err)
		}
	}
	return sig, nil
}

func (s *Signature) signBlocks(basis Source, g Range, buf []byte) error {
	buf = buf[:max(len(buf)-len(buf)%s.BlockSize, min(len(buf), s.BlockSize))]
	for g.Len > 0 {
		b := buf[:min(int64(len(buf)), g.Len)]
		if err := basis.readFull(b, g.Off); err != nil {
			return err
		}
		g.Off, g.Len = g.Off+int64(len(b)), g.Len-int64(len(b))
		for len(b) > 0 {
			n := min(len(b), s.BlockSize)
			s.Hashes = append(s.Hashes, s.hash(b[:n]))
			b = b[n:]
		}
	}
	return nil
}

func (s *Signature) signWhole(basis Source, g Range, buf []byte) error {
	h, err := wholeHash(basis, g, buf, s.StrongBits)
	s.Hashes = append(s.Hashes, h)
	return err
}

// wholeHash returns the first n bits of the SHA-256 of a range.
func wholeHash(src Source, g Range, buf []byte, n int) (uint64, error) {
	h := sha256.New()
	for g.Len > 0 {
		b := buf[:min(int64(len(buf)), g.Len)]
		if err := src.readFull(b, g.Off); err != nil {
			return 0, err
		}
		h.Write(b)
		g.Off, g.Len = g.Off+int64(len(b)), g.Len-int64(len(b))
	}
	var sum [sha256.Size]byte
	h.Sum(sum[:0])
	return binary.BigEndian.Uint64(sum[:]) >> (64 - n), nil
}

// hash returns the hash of one block.
func (r *Request) hash(b []byte) uint64 {
	return r.join(rolling.Sum(b), r.strong(b))
}

// join returns the hash with the given full weak sum and cut strong hash.
func (r *Request) join(weak, strong uint64) uint64 {
	return weak>>(64-r.WeakBits)<<r.StrongBits | strong
}

// strong returns the first StrongBits bits of the SHA-256 of b.
func (r *Request) strong(b []byte) uint64 {
	if r.StrongBits == 0 {
		return 0
	}
	sum := sha256.Sum256(b)
	return binary.BigEndian.Uint64(sum[:]) >> (64 - r.StrongBits)
}
