package codec

import (
	"encoding/binary"
	"fmt"

	"github.com/pubsync/pubsync/delta"
	"github.com/pubsync/pubsync/delta/field"
)

// AppendSignature appends the coding of a signature with its request, for a
// peer that did not ask for it, to dst.
func AppendSignature(dst []byte, s *delta.Signature, basisSize int64) []byte {
	dst = appendRequest(append(dst, kindSignature), &s.Request, basisSize)
	return AppendHashes(dst, s)
}

// DecodeSignature decodes what AppendSignature made, from all of b, and checks
// it for a basis of basisSize bytes. Errors wrap [ErrMalformed], [ErrTooLarge]
// or [delta.ErrBadRequest]. Memory is bounded by a small multiple of len(b),
// and of [delta.MaxBlocks] where equal blocks follow each other.
func DecodeSignature(b []byte, basisSize int64) (*delta.Signature, error) {
	r := field.New(b, ErrMalformed)
	if r.Byte() != kindSignature {
		return nil, fmt.Errorf("%w: not a signature of version 1", ErrMalformed)
	}
	req, err := readRequest(&r, basisSize)
	if err != nil {
		return nil, err
	}
	return DecodeHashes(r.Rest(), req)
}

// AppendHashes appends the coding of a signature without its request, the
// answer to a peer that knows what it asked for, to dst.
func AppendHashes(dst []byte, s *delta.Signature) []byte {
	width := s.HashBits()
	runs := 0
	for i, h := range s.Hashes {
		if i == 0 || h != s.Hashes[i-1] {
			runs++
		}
	}
	// A run costs at least a byte beside its hash.
	if (len(s.Hashes)-runs)*width <= 8*runs {
		w := bitWriter{b: append(dst, kindHashes)}
		for _, h := range s.Hashes {
			w.write(h, width)
		}
		return w.flush()
	}
	dst = binary.AppendUvarint(append(dst, kindRuns), uint64(runs))
	w := bitWriter{}
	for i := 0; i < len(s.Hashes); {
		j := i + 1
		for j < len(s.Hashes) && s.Hashes[j] == s.Hashes[i] {
			j++
		}
		dst = binary.AppendUvarint(dst, uint64(j-i))
		w.write(s.Hashes[i], width)
		i = j
	}
	return append(dst, w.flush()...)
}

// DecodeHashes decodes the answer to the request req, from all of b. req must
// have been checked. Errors wrap [ErrMalformed]; memory as [DecodeSignature].
func DecodeHashes(b []byte, req delta.Request) (*delta.Signature, error) {
	r := field.New(b, ErrMalformed)
	blocks := int(req.Blocks())
	kind := r.Byte()
	if kind != kindHashes && kind != kindRuns {
		return nil, fmt.Errorf("%w: not hashes of version 1", ErrMalformed)
	}
	width := req.HashBits()
	var lengths field.Reader
	runs := blocks
	if kind == kindRuns {
		runs = int(r.Uvarint(uint64(blocks)))
		var err error
		if lengths, err = splitRuns(&r, runs, blocks); err != nil {
			return nil, err
		}
	}
	if r.Len() != (runs*width+7)/8 {
		return nil, fmt.Errorf("%w: %d bytes of hashes for %d blocks of %d bits", ErrMalformed, r.Len(), blocks, width)
	}
	s := &delta.Signature{Request: req, Hashes: make([]uint64, 0, blocks)}
	in := bitReader{b: r.Rest()}
	for range runs {
		h, n := in.read(width), uint64(1)
		if kind == kindRuns {
			n = lengths.Uvarint(uint64(blocks))
		}
		for range n {
			s.Hashes = append(s.Hashes, h)
		}
	}
	return s, nil
}

// splitRuns takes the run lengths off r, checked to make up all blocks, and
// returns them to be read again.
func splitRuns(r *field.Reader, runs, blocks int) (field.Reader, error) {
	lengths := field.New(r.Rest(), ErrMalformed)
	sum := uint64(0)
	for range runs {
		n := r.Uvarint(uint64(blocks))
		sum += n
		if r.Err() != nil || n == 0 || sum > uint64(blocks) {
			return lengths, fmt.Errorf("%w: runs of equal hashes", ErrMalformed)
		}
	}
	if r.Err() != nil || sum != uint64(blocks) {
		return lengths, fmt.Errorf("%w: runs of %d hashes for %d blocks", ErrMalformed, sum, blocks)
	}
	return lengths, nil
}

// A bitWriter packs numbers of up to 64 bits, the highest bit of each first.
type bitWriter struct {
	b    []byte
	acc  uint64 // the low n bits are not written yet
	left int    // how many
}

func (w *bitWriter) write(v uint64, width int) {
	if width > 32 {
		w.write(v>>32, width-32)
		v, width = v&(1<<32-1), 32
	}
	w.acc = w.acc<<width | v
	for w.left += width; w.left >= 8; w.left -= 8 {
		w.b = append(w.b, byte(w.acc>>(w.left-8)))
	}
}

// flush pads the last byte with zeros and returns everything.
func (w *bitWriter) flush() []byte {
	if w.left > 0 {
		w.b = append(w.b, byte(w.acc<<(8-w.left)))
	}
	return w.b
}

// A bitReader reads what a bitWriter wrote; beyond the end it reads zeros.
type bitReader struct {
	b      []byte
	acc    uint64
	left   int
	beyond int // zeros read, in bytes
}

func (r *bitReader) read(width int) uint64 {
	if width > 32 {
		high := r.read(width - 32)
		return high<<32 | r.read(32)
	}
	for r.left < width {
		r.acc <<= 8
		if len(r.b) > 0 {
			r.acc |= uint64(r.b[0])
			r.b = r.b[1:]
		} else {
			r.beyond++
		}
		r.left += 8
	}
	r.left -= width
	return r.acc >> r.left & (1<<width - 1)
}

// rest returns how many whole bytes have not been read, and whether all that was
// read was there and padded with zeros.
func (r *bitReader) rest() (n int, ok bool) {
	return len(r.b), r.beyond == 0 && r.left < 8 && r.acc&(1<<r.left-1) == 0
}
