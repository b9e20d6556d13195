package codec

import (
	"encoding/binary"
	"fmt"

	"github.com/pubsync/pubsync/delta"
	"github.com/pubsync/pubsync/delta/field"
)

// Bounds of literals coded with a mixModel, which takes up to 2 s for as much as
// a part may have.
const (
	maxMixed       = 1 << 20   // literal bytes
	maxMixWork     = 2 << 20   // bytes taken in and coded
	maxMixedFile   = 8 << 20   // literal bytes of a file that an encoder mixes
	maxMixRatio    = 64        // literal bytes for each coded one
	mixSlack       = 256       // and so many more
	mixTeach       = 512 << 10 // bytes that an encoder takes in of what both sides know
	mixInside      = 512       // of each copy
	mixOutside     = 4 << 10   // of what a literal replaces and is beside it
	replacedInside = 8         // what is taken in of that, in times of what is of a copy
)

// A mixVisitor is handed the pieces of a text in the order that a mixModel meets
// them: bytes of a basis beside a literal, which are at an offset of the part's
// output, or which the literal replaces, and literals.
type mixVisitor interface {
	beside(from delta.Op, at int64) error
	replaced(r replacement) error
	literal(n int64) error
}

// A replacement is what a literal stands in the place of.
type replacement struct {
	from    delta.Op
	taught  int64 // bytes that the model takes in before
	ahead   int64 // how much further on from is in its basis than the literal in the output
	literal int64 // bytes
}

// mixed walks through the steps of a part as its model does.
func (p priming) mixed(steps []step, sizes []int64, v mixVisitor) error {
	at, head := int64(0), int64(0)
	for i := range steps {
		s := &steps[i]
		if s.literal > 0 {
			if i > 0 {
				if err := p.before(steps[i-1].copy, at, head, s, sizes, v); err != nil {
					return err
				}
			}
			if err := v.literal(s.literal); err != nil {
				return err
			}
		}
		at, head = at+s.literal, 0
		if c := s.copy; s.literal > 0 && c.Basis >= 0 && c.Len > 0 {
			head = min(c.Len, p.inside)
			c.Len = head
			if err := v.beside(c, at); err != nil {
				return err
			}
		}
		at += s.copy.Len
	}
	return nil
}

// before hands over what lies before the literal of s, which is at an offset of
// the output: the end of the copy before, of which head bytes were there already,
// and what the literal replaces.
func (p priming) before(c delta.Op, at, head int64, s *step, sizes []int64, v mixVisitor) error {
	if c.Basis < 0 || c.Len == 0 {
		return nil
	}
	end := c.Off + c.Len
	if n := min(p.inside, c.Len-head); n > 0 {
		if err := v.beside(delta.Op{Basis: c.Basis, Off: end - n, Len: n}, at-n); err != nil {
			return err
		}
	}
	gone := min(s.literal, sizes[c.Basis]-end)
	if next := s.copy; next.Len > 0 && next.Basis == c.Basis && next.Off >= end {
		gone = next.Off - end
	}
	if gone = min(gone, p.outside); gone > 0 {
		return v.replaced(replacement{delta.Op{Basis: c.Basis, Off: end, Len: gone}, min(gone, replacedInside*p.inside), end - at, s.literal})
	}
	return nil
}

// mixWork counts the bytes that a model meets.
type mixWork struct{ literals, all int64 }

func (w *mixWork) beside(from delta.Op, _ int64) error { w.all += from.Len; return nil }
func (w *mixWork) replaced(r replacement) error        { w.all += r.taught; return nil }
func (w *mixWork) literal(n int64) error {
	w.literals += n
	w.all += n
	return nil
}

// work returns what a model meets.
func (p priming) work(steps []step, sizes []int64) (w mixWork) {
	p.mixed(steps, sizes, &w)
	return w
}

// A mixEncoder codes literals.
type mixEncoder struct {
	*Encoder
	model *mixModel
	out   *rangeEncoder
	rest  []byte // literals not coded yet
	buf   []byte
}

func (e *mixEncoder) beside(from delta.Op, at int64) error {
	e.buf = grow(e.buf, int(from.Len))
	if n, err := e.src.ReadAt(e.buf, e.start+at); n < len(e.buf) {
		return fmt.Errorf("read new file: %w", notEOF(err))
	}
	e.model.read(e.buf)
	return nil
}

func (e *mixEncoder) replaced(r replacement) error {
	return e.model.readReplaced(&e.buf, r, e.opt.Bases)
}

func (e *mixEncoder) literal(n int64) error {
	e.model.literal(e.out, e.rest[:n])
	e.model.endReplaced()
	e.rest = e.rest[n:]
	return nil
}

// appendMixed appends the literals as a mixModel codes them, or reports that they
// are too many or do not get small.
func (e *Encoder) appendMixed(dst []byte) ([]byte, bool, error) {
	p := priming{inside: mixInside}
	if e.opt.Bases != nil {
		p.outside = mixOutside
	}
	sizes := e.sizes()
	n := int64(len(e.literals))
	w := p.work(e.steps, sizes)
	for ; w.all > n+mixTeach && p.inside > 0; w = p.work(e.steps, sizes) {
		p.inside /= 2
	}
	if n > maxMixed || w.all > maxMixWork {
		return dst, false, nil
	}
	dst = binary.AppendUvarint(binary.AppendUvarint(dst, uint64(p.inside)), uint64(p.outside))
	start := len(dst)
	v := &mixEncoder{Encoder: e, model: e.coder.mixModel(w.all), out: newRangeEncoder(dst), rest: e.literals}
	defer e.coder.mixers.Put(v.model)
	if err := p.mixed(e.steps, sizes, v); err != nil {
		return dst, false, err
	}
	dst = v.out.finish(start)
	size := int64(len(dst) - start)
	return dst, size < n && n <= maxMixRatio*size+mixSlack, nil
}

// mixModel returns a model ready for a text of n bytes, to be put back.
func (c *Coder) mixModel(n int64) *mixModel {
	m, ok := c.mixers.Get().(*mixModel)
	if !ok {
		m = &mixModel{}
	}
	m.reset(int(n))
	return m
}

// A mixDecoder decodes literals.
type mixDecoder struct {
	*applier
	model *mixModel
	in    *rangeDecoder
	rest  []byte // literals to be filled in
}

func (d *mixDecoder) beside(from delta.Op, _ int64) error {
	d.dict = grow(d.dict, int(from.Len))
	if err := readBasis(d.dict, from, d.bases); err != nil {
		return err
	}
	d.model.read(d.dict)
	return nil
}

func (d *mixDecoder) replaced(r replacement) error {
	return d.model.readReplaced(&d.dict, r, d.bases)
}

func (d *mixDecoder) literal(n int64) error {
	if d.cut {
		return d.beginning(n)
	}
	d.model.literal(d.in, d.rest[:n])
	d.model.endReplaced()
	d.rest = d.rest[n:]
	return nil
}

// beginning decodes what of a literal was coded before the part was cut.
func (d *mixDecoder) beginning(n int64) error {
	for ; n > 0; n-- {
		d.model.literal(d.in, d.rest[:1])
		if d.in.over {
			return errCut
		}
		d.rest = d.rest[1:]
	}
	d.model.endReplaced()
	return nil
}

// openMixed decodes n bytes of literals that a mixModel coded.
func (a *applier) openMixed(r *field.Reader, n int64) error {
	p := priming{inside: int64(r.Uvarint(maxMixWork)), outside: int64(r.Uvarint(maxMixWork))}
	if r.Err() != nil {
		return fmt.Errorf("%w: contexts cut short", ErrMalformed)
	}
	sizes := a.sizes()
	w := p.work(a.steps, sizes)
	if n > maxMixed || w.all > maxMixWork || !a.cut && n > maxMixRatio*int64(r.Len())+mixSlack {
		return fmt.Errorf("%w: %d bytes of literals, with contexts %d, out of %d", ErrTooLarge, n, w.all, r.Len())
	}
	a.literals = grow(a.scratch.literals, int(n))
	a.scratch.literals = a.literals
	v := &mixDecoder{applier: a, model: a.coder.mixModel(w.all), in: newRangeDecoder(r.Rest()), rest: a.literals}
	defer a.coder.mixers.Put(v.model)
	err := p.mixed(a.steps, sizes, v)
	if err == errCut {
		a.literals = a.literals[:n-int64(len(v.rest))]
		return nil
	}
	if err != nil {
		return err
	}
	if len(v.in.b) > 0 {
		return fmt.Errorf("%w: %d bytes after the literals", ErrMalformed, len(v.in.b))
	}
	return nil
}

// readReplaced takes in some of what the next literal replaces, predicts that it
// begins like that, and has it coded side by side with all of that.
func (m *mixModel) readReplaced(buf *[]byte, r replacement, bases []delta.Source) error {
	n := max(min(r.from.Len, r.literal)+alignedAhead, r.taught)
	r.from.Len = min(n, bases[r.from.Basis].Size-r.from.Off)
	*buf = grow(*buf, int(r.from.Len))
	if err := readBasis(*buf, r.from, bases); err != nil {
		return err
	}
	at, last8, word := len(m.history), m.last8, m.word
	m.read((*buf)[:r.taught])
	m.last8, m.word, m.matchLen = last8, word, 0
	m.side.begin(*buf, r.from.Off, r.ahead, int(r.literal))
	m.aligned = true
	m.startByte()
	if r.taught > 0 {
		m.matchPos, m.matchLen, m.matchByte = at, matchMax, uint32(m.history[at])|256
	}
	return nil
}

// endReplaced has what follows coded by itself.
func (m *mixModel) endReplaced() {
	if m.aligned {
		m.aligned = false
		m.buckets(0)
	}
}

// readBasis fills b from a basis.
func readBasis(b []byte, from delta.Op, bases []delta.Source) error {
	if n, err := bases[from.Basis].ReadAt(b, from.Off); n < len(b) {
		return fmt.Errorf("read basis %d at %d: %w", from.Basis, from.Off, notEOF(err))
	}
	return nil
}
