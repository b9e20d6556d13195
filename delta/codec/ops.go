package codec

import (
	"fmt"

	"github.com/pubsync/pubsync/delta"
)

// A step is a literal and the copy after it; the last step of a part may have
// no copy, the others always have one. In a copy from the part's own output
// (Basis delta.Self), Off counts from the start of that output.
type step struct {
	literal int64
	copy    delta.Op // Len 0: none
}

// Classes of a copy: how its source is said.
const (
	classRecent  = 0 // 0 to 3: at the distance of a recent copy, the last first
	classFollow  = 4 // where the last copy ended
	classFar     = 5 // basis and distance spelled out
	classSelf    = 6 // from the part's own output, so far back
	classNone    = 7 // no copy: the end
	classWidth   = 3
	classes      = 1 << classWidth
	recentCopies = 4
)

// A distance is a source and how much further on in it a copy's bytes are than
// in the output.
type distance struct {
	basis int
	ahead int64
}

// A stepModel is what encoder and decoder of steps adapt alike.
type stepModel struct {
	class   [2 * classes][1 << classWidth]prob // by the class before, and whether there is a literal
	literal [classes]number                    // by the class before
	length  [classes]number                    // by class
	basis   number
	far     number
	back    number
	recent  [recentCopies]distance
	last    delta.Op
	prev    int // class of the copy before
	out     int64
}

// reset readies a model for the first step of a part.
func (m *stepModel) reset() {
	for i := range m.class {
		tree(m.class[i][:]).reset()
	}
	for i := range classes {
		m.literal[i].reset()
		m.length[i].reset()
	}
	m.basis.reset()
	m.far.reset()
	m.back.reset()
	m.recent = [recentCopies]distance{}
	m.last, m.prev, m.out = delta.Op{}, classNone, 0
}

// classTree returns the model of the next class after a literal of n bytes.
func (m *stepModel) classTree(n int64) tree {
	if n > 0 {
		return m.class[m.prev+classes][:]
	}
	return m.class[m.prev][:]
}

// base returns where a far copy from a basis is measured from.
func (m *stepModel) base(basis int) int64 {
	for _, r := range m.recent {
		if r.basis == basis {
			return m.out + r.ahead
		}
	}
	return 0
}

// classify returns the cheapest class of a copy at the current output offset.
func (m *stepModel) classify(op delta.Op) int {
	for i, r := range m.recent {
		if r.basis == op.Basis && m.out+r.ahead == op.Off {
			return classRecent + i
		}
	}
	switch {
	case m.last.Basis == op.Basis && m.last.Off+m.last.Len == op.Off:
		return classFollow
	case op.Basis == delta.Self:
		return classSelf
	}
	return classFar
}

// copied notes a copy.
func (m *stepModel) copied(op delta.Op, class int) {
	d := distance{op.Basis, op.Off - m.out}
	i := recentCopies - 1
	if class < classFollow {
		i = class
	}
	copy(m.recent[1:i+1], m.recent[:i])
	m.recent[0] = d
	m.last, m.prev = op, class
	m.out += op.Len
}

// appendSteps appends the coded steps to dst.
func (m *stepModel) appendSteps(dst []byte, steps []step) []byte {
	start := len(dst)
	e := newRangeEncoder(dst)
	m.reset()
	for i := range steps {
		m.encode(e, steps[i])
	}
	return e.finish(start)
}

func (m *stepModel) encode(e *rangeEncoder, s step) {
	m.literal[m.prev].encode(e, uint64(s.literal))
	m.out += s.literal
	t := m.classTree(s.literal)
	if s.copy.Len == 0 {
		t.encode(e, classNone, classWidth)
		return
	}
	class := m.classify(s.copy)
	t.encode(e, uint64(class), classWidth)
	switch class {
	case classFar:
		m.basis.encode(e, uint64(s.copy.Basis))
		m.far.encode(e, zigzag(s.copy.Off-m.base(s.copy.Basis)))
	case classSelf:
		m.back.encode(e, uint64(m.out-s.copy.Off))
	}
	m.length[class].encode(e, uint64(s.copy.Len))
	m.copied(s.copy, class)
}

// A stepReader reads coded steps back until they make the whole output, and
// checks each against the sizes of the bases.
type stepReader struct {
	d      *rangeDecoder
	m      *stepModel
	bases  []delta.Source
	output int64
	steps  int
}

// newStepReader returns a reader of coded steps that make output bytes. It
// resets m and uses it.
func newStepReader(b []byte, output int64, bases []delta.Source, m *stepModel) *stepReader {
	m.reset()
	return &stepReader{d: newRangeDecoder(b), m: m, bases: bases, output: output}
}

// more reports whether there is another step.
func (r *stepReader) more() bool { return r.m.out < r.output }

func (r *stepReader) next() (step, error) {
	m := r.m
	if r.steps++; r.steps > MaxOps {
		return step{}, fmt.Errorf("%w: more than %d ops", ErrTooLarge, MaxOps)
	}
	left := uint64(r.output - m.out)
	n := m.literal[m.prev].decode(r.d)
	if n > left {
		return step{}, fmt.Errorf("%w: ops make more than %d bytes", ErrMalformed, r.output)
	}
	s := step{literal: int64(n)}
	m.out += s.literal
	class := int(m.classTree(s.literal).decode(r.d, classWidth))
	if class == classNone {
		if m.out < r.output {
			return s, fmt.Errorf("%w: ops make %d bytes of %d", ErrMalformed, m.out, r.output)
		}
		return s, nil
	}
	s.copy = r.source(class)
	n = m.length[class].decode(r.d)
	if n == 0 || n > uint64(r.output-m.out) {
		return s, fmt.Errorf("%w: copy of %d bytes in %d", ErrMalformed, n, r.output)
	}
	s.copy.Len = int64(n)
	if err := r.check(s.copy); err != nil {
		return s, err
	}
	m.copied(s.copy, class)
	return s, nil
}

// source decodes where a copy is from.
func (r *stepReader) source(class int) delta.Op {
	m := r.m
	switch class {
	case classFollow:
		return delta.Op{Basis: m.last.Basis, Off: m.last.Off + m.last.Len}
	case classFar:
		basis := int(m.basis.decode(r.d) & (1<<31 - 1))
		return delta.Op{Basis: basis, Off: m.base(basis) + unzigzag(m.far.decode(r.d))}
	case classSelf:
		return delta.Op{Basis: delta.Self, Off: m.out - int64(m.back.decode(r.d))}
	}
	d := m.recent[class]
	return delta.Op{Basis: d.basis, Off: m.out + d.ahead}
}

// check reports a copy from outside its basis or from output not made yet.
func (r *stepReader) check(op delta.Op) error {
	size := r.m.out
	if op.Basis != delta.Self {
		if op.Basis < 0 || op.Basis >= len(r.bases) {
			return fmt.Errorf("%w: basis %d of %d", ErrBadCopy, op.Basis, len(r.bases))
		}
		size = r.bases[op.Basis].Size
	}
	if op.Off < 0 || op.Len > size || op.Off > size-op.Len {
		return fmt.Errorf("%w: %d bytes at %d of %d", ErrBadCopy, op.Len, op.Off, size)
	}
	return nil
}
