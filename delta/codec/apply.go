package codec

import (
	"fmt"
	"io"

	"github.com/pubsync/pubsync/delta"
)

// copyBuffer is what Apply copies from a basis at once, in bytes.
const copyBuffer = 256 << 10

// Apply writes the output of one part to w and returns its length. bases are
// those that the ops were made for, in the same order. Nothing is written if
// the part's output is longer than maxOutput or its ops do not fit the bases;
// errors then wrap [ErrMalformed], [ErrTooLarge] or [ErrBadCopy]. Other errors
// are those of w and of reading a basis. Memory is bounded by fixed buffers,
// at most 40 MiB for a part that needs them and 300 KiB for one that only
// copies.
func (c *Coder) Apply(part []byte, bases []delta.Source, w io.Writer, maxOutput int64) (int64, error) {
	s := c.getScratch()
	defer c.scratch.Put(s)
	a := applier{coder: c, scratch: s, bases: bases, w: w}
	if err := a.open(part, maxOutput); err != nil {
		return 0, err
	}
	return a.run()
}

// An applier applies one part.
type applier struct {
	*scratch
	coder    *Coder
	bases    []delta.Source
	w        io.Writer
	flags    byte
	output   int64
	steps    int
	columns  []byte
	literals []byte
}

// open decodes and checks everything, so that nothing is written of a bad part.
func (a *applier) open(part []byte, maxOutput int64) error {
	r := reader{b: part}
	if r.byte() != kindPart {
		return fmt.Errorf("%w: not a part of version 1", ErrMalformed)
	}
	a.flags = r.byte()
	output := r.uvarint(1<<63 - 1)
	switch {
	case r.bad:
		return fmt.Errorf("%w: part cut short", ErrMalformed)
	case a.flags&flagsUnknown != 0 || a.flags&flagPrimed != 0 && a.flags&flagLitZstd == 0:
		return fmt.Errorf("%w: unknown flags %#x", ErrMalformed, a.flags)
	case int64(output) > maxOutput:
		return fmt.Errorf("%w: a part makes %d bytes, at most %d allowed", ErrTooLarge, output, maxOutput)
	}
	a.output = int64(output)
	if err := a.openOps(&r); err != nil {
		return err
	}
	literals, steps, err := a.check()
	if err != nil {
		return err
	}
	return a.openLiterals(&r, literals, steps)
}

// openOps finds the op columns.
func (a *applier) openOps(r *reader) error {
	if a.flags&flagOps == 0 {
		if a.flags&(flagOpsZstd|flagPrimed|flagSeveral) != 0 {
			return fmt.Errorf("%w: flags %#x without ops", ErrMalformed, a.flags)
		}
		return nil
	}
	steps, raw := r.uvarint(1<<63-1), r.uvarint(1<<63-1)
	if !r.bad && (steps > MaxOps || raw > maxOpBytes) {
		return fmt.Errorf("%w: %d ops in %d bytes", ErrTooLarge, steps, raw)
	}
	a.steps = int(steps)
	packed := raw
	if a.flags&flagOpsZstd != 0 {
		packed = r.uvarint(raw)
	}
	a.columns = r.bytes(packed)
	if r.bad || steps == 0 {
		return fmt.Errorf("%w: ops cut short", ErrMalformed)
	}
	if a.flags&flagOpsZstd != 0 {
		var err error
		a.ops, err = a.coder.decompress(a.ops, a.columns, nil, int(raw))
		a.columns = a.ops
		return err
	}
	return nil
}

// check walks the ops once: it returns the bytes of literals, and the steps if
// the dictionary will need them.
func (a *applier) check() (literals int64, steps []step, err error) {
	if a.flags&flagOps == 0 {
		literals = a.output
	} else if literals, steps, err = a.checkSteps(); err != nil {
		return 0, nil, err
	}
	if literals > MaxLiterals {
		return 0, nil, fmt.Errorf("%w: %d bytes of literals in one part", ErrTooLarge, literals)
	}
	return literals, steps, nil
}

func (a *applier) checkSteps() (literals int64, steps []step, err error) {
	in, err := a.read()
	if err != nil {
		return 0, nil, err
	}
	left := a.output
	for in.left > 0 {
		s, err := in.next()
		if err != nil {
			return 0, nil, err
		}
		if left -= s.literal; left < s.copy.Len {
			return 0, nil, fmt.Errorf("%w: ops make more than %d bytes", ErrMalformed, a.output)
		}
		left -= s.copy.Len
		literals += s.literal
		if a.flags&flagPrimed != 0 {
			steps = append(steps, s)
		}
	}
	if left != 0 || len(in.offsets.b) > 0 {
		return 0, nil, fmt.Errorf("%w: ops make %d bytes less than %d", ErrMalformed, left, a.output)
	}
	return literals, steps, nil
}

func (a *applier) read() (*stepReader, error) {
	return newStepReader(a.columns, a.steps, a.flags&flagSeveral != 0, a.bases)
}

// openLiterals decodes the literals, which are the rest of the part.
func (a *applier) openLiterals(r *reader, n int64, steps []step) error {
	var dict []byte
	if a.flags&flagPrimed != 0 {
		p := priming{inside: int64(r.uvarint(MaxDictionary)), outside: int64(r.uvarint(MaxDictionary))}
		if r.bad {
			return fmt.Errorf("%w: priming cut short", ErrMalformed)
		}
		var err error
		if dict, err = a.dictionary(p, steps); err != nil {
			return err
		}
	}
	if a.flags&flagLitZstd == 0 {
		if int64(len(r.b)) != n {
			return fmt.Errorf("%w: %d bytes of literals, %d needed", ErrMalformed, len(r.b), n)
		}
		a.literals = r.b
		return nil
	}
	if n == 0 {
		return fmt.Errorf("%w: literals that no op needs", ErrMalformed)
	}
	var err error
	a.scratch.literals, err = a.coder.decompress(a.scratch.literals, r.b, dict, int(n))
	a.literals = a.scratch.literals
	return err
}

// dictionary reads the dictionary of a priming.
func (a *applier) dictionary(p priming, steps []step) ([]byte, error) {
	sizes := make([]int64, len(a.bases))
	for i := range a.bases {
		sizes[i] = a.bases[i].Size
	}
	places, ok := p.places(steps, sizes)
	if !ok {
		return nil, fmt.Errorf("%w: dictionary of more than %d bytes", ErrTooLarge, MaxDictionary)
	}
	var err error
	a.dict, err = readPlaces(a.dict[:0], places, a.bases)
	return a.dict, err
}

// run writes the output.
func (a *applier) run() (int64, error) {
	written := int64(0)
	if a.flags&flagOps == 0 {
		n, err := a.w.Write(a.literals)
		return int64(n), err
	}
	in, err := a.read()
	if err != nil {
		return 0, err
	}
	a.copy = grow(a.copy, copyBuffer)
	for in.left > 0 {
		s, err := in.next()
		if err != nil {
			return written, err
		}
		if s.literal > 0 {
			n, err := a.w.Write(a.literals[:s.literal])
			if written += int64(n); err != nil {
				return written, err
			}
			a.literals = a.literals[s.literal:]
		}
		n, err := a.copyFrom(s.copy)
		if written += n; err != nil {
			return written, err
		}
	}
	return written, nil
}

// copyFrom writes what op copies.
func (a *applier) copyFrom(op delta.Op) (int64, error) {
	written := int64(0)
	for written < op.Len {
		b := a.copy[:min(op.Len-written, copyBuffer)]
		if got, err := a.bases[op.Basis].ReadAt(b, op.Off+written); got < len(b) {
			return written, fmt.Errorf("read basis %d at %d: %w", op.Basis, op.Off+written, notEOF(err))
		}
		n, err := a.w.Write(b)
		if written += int64(n); err != nil {
			return written, err
		}
	}
	return written, nil
}
