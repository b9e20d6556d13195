package codec

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/pubsync/pubsync/delta"
)

// A step is a literal and the copy after it; the last step of a part may have
// no copy, the others always have one.
type step struct {
	literal int64
	copy    delta.Op // Len 0: none
}

// appendSteps appends the columns of steps: the lengths of literals, the
// lengths of copies, their bases if there are several, and their offsets, each
// against where the copy before it in the same basis would go on if the
// literals since had replaced as many bytes.
func appendSteps(dst []byte, steps []step, numBases int) []byte {
	for i := range steps {
		dst = binary.AppendUvarint(dst, uint64(steps[i].literal))
	}
	for i := range steps {
		dst = binary.AppendUvarint(dst, uint64(steps[i].copy.Len))
	}
	if numBases > 1 {
		for i := range steps {
			dst = binary.AppendUvarint(dst, uint64(max(steps[i].copy.Basis, 0)))
		}
	}
	var expect expectation
	for i := range steps {
		s := &steps[i]
		expect.skip(s.literal)
		if s.copy.Len > 0 {
			dst = binary.AppendVarint(dst, s.copy.Off-expect.at(s.copy.Basis))
			expect.copied(s.copy)
		}
	}
	return dst
}

// An expectation says where in each basis the next copy is expected: as far on
// from the end of the last copy from it as literal bytes have gone by since. A
// basis not copied from yet counts as copied up to its start.
type expectation struct {
	ends     map[int]int64 // less the literal bytes before
	literals int64
}

func (e *expectation) skip(n int64) { e.literals += n }

func (e *expectation) at(basis int) int64 { return e.ends[basis] + e.literals }

func (e *expectation) copied(op delta.Op) {
	if e.ends == nil {
		e.ends = make(map[int]int64, 1)
	}
	e.ends[op.Basis] = op.Off + op.Len - e.literals
}

// A stepReader reads the columns back, step by step, checking each against the
// sizes of the bases.
type stepReader struct {
	literals, copies, bases, offsets reader
	sizes                            []delta.Source
	expect                           expectation
	left                             int
	several                          bool
}

// newStepReader splits b into the columns of n steps.
func newStepReader(b []byte, n int, several bool, bases []delta.Source) (*stepReader, error) {
	r := &stepReader{sizes: bases, left: n, several: several}
	rest := reader{b: b}
	column := func() reader {
		start := rest.b
		for range n {
			rest.uvarint(math.MaxUint64)
		}
		return reader{b: start[:len(start)-len(rest.b)]}
	}
	r.literals = column()
	r.copies = column()
	if several {
		r.bases = column()
	}
	r.offsets = rest
	if rest.bad {
		return nil, fmt.Errorf("%w: op columns cut short", ErrMalformed)
	}
	return r, nil
}

func (r *stepReader) next() (step, error) {
	r.left--
	s := step{literal: int64(r.literals.uvarint(math.MaxInt64 >> 2))}
	s.copy.Len = int64(r.copies.uvarint(math.MaxInt64 >> 2))
	if r.several {
		s.copy.Basis = int(r.bases.uvarint(math.MaxInt32))
	}
	if r.literals.bad || r.copies.bad || r.bases.bad {
		return s, fmt.Errorf("%w: op lengths", ErrMalformed)
	}
	r.expect.skip(s.literal)
	if s.copy.Len == 0 {
		if r.left > 0 || s.literal == 0 {
			return s, fmt.Errorf("%w: empty op", ErrMalformed)
		}
		return s, nil
	}
	if s.copy.Basis >= len(r.sizes) {
		return s, fmt.Errorf("%w: basis %d of %d", ErrBadCopy, s.copy.Basis, len(r.sizes))
	}
	s.copy.Off = r.expect.at(s.copy.Basis) + r.offsets.varint()
	if r.offsets.bad {
		return s, fmt.Errorf("%w: copy offsets cut short", ErrMalformed)
	}
	if size := r.sizes[s.copy.Basis].Size; s.copy.Off < 0 || s.copy.Len > size || s.copy.Off > size-s.copy.Len {
		return s, fmt.Errorf("%w: %d bytes at %d of %d", ErrBadCopy, s.copy.Len, s.copy.Off, size)
	}
	r.expect.copied(s.copy)
	return s, nil
}
