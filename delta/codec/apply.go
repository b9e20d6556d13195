package codec

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/pubsync/pubsync/delta"
	"github.com/pubsync/pubsync/delta/field"
)

// copyBuffer is what Apply copies from a basis at once, and what it gathers of small pieces
// before it writes them, in bytes.
const copyBuffer = 256 << 10

// Apply writes the output of one part to w and returns its length. bases are
// those that the ops were made for, in the same order. Nothing is written if
// the part's output is longer than maxOutput or its ops do not fit the bases;
// errors then wrap [ErrMalformed], [ErrTooLarge] or [ErrBadCopy]. Other errors
// are those of w and of reading a basis. Memory is bounded by fixed buffers,
// at most 40 MiB for a part that needs them and 300 KiB for one that only
// copies.
func (c *Coder) Apply(part []byte, bases []delta.Source, w io.Writer, maxOutput int64) (int64, error) {
	return c.ApplyNoting(part, bases, w, maxOutput, nil)
}

// ApplyNoting is Apply, and before it writes anything it calls note, if not
// nil, for every copy from a basis with its offset in the part's output, in
// ascending order.
func (c *Coder) ApplyNoting(part []byte, bases []delta.Source, w io.Writer, maxOutput int64, note func(at int64, copied delta.Op)) (int64, error) {
	s := c.getScratch()
	defer c.scratch.Put(s)
	a := applier{coder: c, scratch: s, bases: bases, w: w}
	if err := a.open(part, maxOutput); err != nil {
		return 0, err
	}
	a.note(note, a.output)
	return a.run()
}

// ApplyCut writes as much of the output as can be made of the beginning of a
// part, for a part of which the rest did not arrive, and returns its length: up
// to the first missing literal, to the granularity of a zstd block. Of a
// beginning that ends before the literals it makes nothing. When it has written
// it calls note, if not nil, as ApplyNoting does, for the copies that were written
// whole. Errors are those of Apply.
func (c *Coder) ApplyCut(part []byte, bases []delta.Source, w io.Writer, maxOutput int64, note func(at int64, copied delta.Op)) (int64, error) {
	s := c.getScratch()
	defer c.scratch.Put(s)
	a := applier{coder: c, scratch: s, bases: bases, w: w, cut: true}
	if err := a.open(part, maxOutput); err != nil {
		return 0, err
	}
	n, err := a.run()
	a.note(note, n)
	return n, err
}

// An applier applies one part.
type applier struct {
	*scratch
	coder    *Coder
	bases    []delta.Source
	w        io.Writer
	flags    byte
	output   int64
	literals []byte
	cut      bool // the end of the part, and so of the literals, is missing
}

// note tells of the copies within the first n bytes of the output.
func (a *applier) note(tell func(at int64, copied delta.Op), n int64) {
	for _, p := range a.pieces {
		if tell != nil && p.Basis != delta.Literal && p.at+p.Len <= n {
			tell(p.at, p.Op)
		}
	}
}

// open decodes and checks everything, so that nothing is written of a bad part.
func (a *applier) open(part []byte, maxOutput int64) error {
	r := field.New(part, ErrMalformed)
	if r.Byte() != kindPart {
		return fmt.Errorf("%w: not a part of version 1", ErrMalformed)
	}
	a.flags = r.Byte()
	output := r.Uvarint(1<<63 - 1)
	switch {
	case r.Err() != nil:
		return fmt.Errorf("%w: part cut short", ErrMalformed)
	case a.flags&flagsUnknown != 0 || a.flags&flagPrimed != 0 && a.flags&flagLiterals == 0,
		a.flags&flagMixed != 0 && a.flags&(flagLiterals|flagOps) != flagOps:
		return fmt.Errorf("%w: unknown flags %#x", ErrMalformed, a.flags)
	case int64(output) > maxOutput:
		return fmt.Errorf("%w: a part makes %d bytes, at most %d allowed", ErrTooLarge, output, maxOutput)
	}
	a.output = int64(output)
	literals, err := a.openOps(&r)
	if err != nil {
		return err
	}
	if literals > MaxLiterals {
		return fmt.Errorf("%w: %d bytes of literals in one part", ErrTooLarge, literals)
	}
	return a.openLiterals(&r, literals)
}

// openOps finds the coded ops, walks them once and returns the bytes of
// literals they need.
func (a *applier) openOps(r *field.Reader) (literals int64, err error) {
	a.steps, a.pieces = a.steps[:0], a.pieces[:0]
	if a.flags&flagOps == 0 {
		if a.flags&flagPrimed != 0 {
			return 0, fmt.Errorf("%w: flags %#x without ops", ErrMalformed, a.flags)
		}
		return a.output, nil
	}
	coded := r.Bytes(r.Uvarint(1<<31 - 1))
	if r.Err() != nil || a.output == 0 {
		return 0, fmt.Errorf("%w: ops cut short", ErrMalformed)
	}
	in := newStepReader(coded, a.output, a.bases, &a.model)
	for in.more() {
		s, err := in.next()
		if err != nil {
			return 0, err
		}
		a.steps = append(a.steps, s)
		if s.literal > 0 {
			a.pieces = append(a.pieces, piece{in.m.out - s.copy.Len - s.literal, delta.Op{Basis: delta.Literal, Off: literals, Len: s.literal}})
			literals += s.literal
		}
		if a.pieces, err = appendPieces(a.pieces, in.m.out-s.copy.Len, s.copy); err != nil {
			return 0, err
		}
	}
	if len(in.d.b) > 0 {
		return 0, fmt.Errorf("%w: %d bytes after the ops", ErrMalformed, len(in.d.b))
	}
	return literals, nil
}

// openLiterals decodes the literals, which are the rest of the part.
func (a *applier) openLiterals(r *field.Reader, n int64) error {
	var dict []byte
	if a.flags&flagPrimed != 0 {
		p := priming{inside: int64(r.Uvarint(MaxDictionary)), outside: int64(r.Uvarint(MaxDictionary))}
		if r.Err() != nil {
			return fmt.Errorf("%w: priming cut short", ErrMalformed)
		}
		var err error
		if dict, err = a.dictionary(p); err != nil {
			return err
		}
	}
	if a.flags&flagMixed != 0 && n > 0 {
		return a.openMixed(r, n)
	}
	if a.flags&flagLiterals == 0 {
		if int64(r.Len()) != n && !(a.cut && int64(r.Len()) < n) {
			return fmt.Errorf("%w: %d bytes of literals, %d needed", ErrMalformed, r.Len(), n)
		}
		a.literals = r.Rest()
		return nil
	}
	if n == 0 {
		return fmt.Errorf("%w: literals that no op needs", ErrMalformed)
	}
	if a.cut {
		a.literals = decompressCut(r.Rest(), dict, n)
		return nil
	}
	var err error
	a.scratch.literals, err = a.coder.decompress(a.scratch.literals, r.Rest(), dict, int(n))
	a.literals = a.scratch.literals
	return err
}

// sizes returns the sizes of the bases.
func (a *applier) sizes() []int64 {
	sizes := make([]int64, len(a.bases))
	for i := range a.bases {
		sizes[i] = a.bases[i].Size
	}
	return sizes
}

// dictionary reads the dictionary of a priming.
func (a *applier) dictionary(p priming) ([]byte, error) {
	places, ok := p.places(a.steps, a.sizes())
	if !ok {
		return nil, fmt.Errorf("%w: dictionary of more than %d bytes", ErrTooLarge, MaxDictionary)
	}
	var err error
	a.dict, err = readPlaces(a.dict[:0], places, a.bases)
	return a.dict, err
}

// run writes the output.
func (a *applier) run() (int64, error) {
	if a.flags&flagOps == 0 {
		n, err := a.w.Write(a.literals)
		return int64(n), err
	}
	if a.out == nil {
		a.out = bufio.NewWriterSize(nil, copyBuffer)
	}
	to := counter{w: a.w}
	a.out.Reset(&to)
	defer a.out.Reset(nil)
	err := a.gather()
	if flushed := a.out.Flush(); err == nil || err == errCut {
		err = flushed
	}
	return to.n, err
}

// errCut ends the output of a part that was cut.
var errCut = errors.New("the literals end here")

// gather writes the pieces, small ones together.
func (a *applier) gather() error {
	for _, p := range a.pieces {
		if p.Basis != delta.Literal {
			if err := a.copyFrom(p.Op); err != nil {
				return err
			}
			continue
		}
		have := a.literals[min(p.Off, int64(len(a.literals))):] // fewer than p.Len only of a cut part
		have = have[:min(p.Len, int64(len(have)))]
		if _, err := a.out.Write(have); err != nil {
			return err
		}
		if int64(len(have)) < p.Len {
			return errCut
		}
	}
	return nil
}

// copyFrom writes what op copies, read into the buffer itself.
func (a *applier) copyFrom(op delta.Op) error {
	for op.Len > 0 {
		if a.out.Available() == 0 {
			if err := a.out.Flush(); err != nil {
				return err
			}
		}
		b := a.out.AvailableBuffer()
		b = b[:min(op.Len, int64(cap(b)))]
		if got, err := a.bases[op.Basis].ReadAt(b, op.Off); got < len(b) {
			return fmt.Errorf("read basis %d at %d: %w", op.Basis, op.Off, notEOF(err))
		}
		if _, err := a.out.Write(b); err != nil {
			return err
		}
		op.Off, op.Len = op.Off+int64(len(b)), op.Len-int64(len(b))
	}
	return nil
}

// A counter counts the bytes that a writer took.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}
