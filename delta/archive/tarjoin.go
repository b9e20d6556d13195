package archive

import (
	"bytes"
	"io"
)

// tarPart is the recipe of a tar stream.
type tarPart struct {
	runs recipeReader
	n    uint64
	raw  int64
	cut  int64
}

// maxZeros is the most zero bytes between the members of an archive that are
// computed; more are content.
const maxZeros = 16 << 20

// readTarPart takes a tar's recipe off r.
func readTarPart(r *recipeReader, lim Limits) tarPart {
	var p tarPart
	p.n = r.Uvarint(uint64(r.Len()))
	p.runs = *r
	zeros := uint64(0)
	for range p.n {
		r.Uvarint(uint64(lim.Members))
		if zeros += r.Uvarint(maxZeros); zeros > maxZeros {
			r.Fail("too many zero bytes")
		}
		if r.Err() != nil {
			return p
		}
	}
	p.raw = int64(r.Uvarint(uint64(lim.PlainSize)))
	p.cut = int64(r.Uvarint(uint64(lim.PlainSize)))
	return p
}

// tarDecoder turns columns and contents back into tar streams.
type tarDecoder struct {
	tarState
	j       *rebuilder
	shapes  shapeReader
	patch   sparseReader
	pattern sparseReader
	full    []byte
	link    []byte
	content []byte
	block   [blockSize]byte
}

// stream writes the tar stream p to w.
func (t *tarDecoder) stream(w io.Writer, p tarPart) error {
	for i := range p.n {
		groups, zeros := p.runs.Uvarint(uint64(t.j.lim.Members)), p.runs.Uvarint(maxZeros)
		for g := range groups {
			cut := int64(0)
			if i == p.n-1 && g == groups-1 {
				cut = p.cut
			}
			if err := t.group(w, cut); err != nil {
				return err
			}
		}
		if err := t.zeros(w, int64(zeros)); err != nil {
			return err
		}
	}
	return t.j.content(w, p.raw)
}

func (t *tarDecoder) zeros(w io.Writer, n int64) error {
	var zero [4096]byte
	for n > 0 {
		k := min(n, int64(len(zero)))
		if _, err := w.Write(zero[:k]); err != nil {
			return err
		}
		n -= k
	}
	return nil
}

// group writes one member with its special headers, without its last cut bytes.
func (t *tarDecoder) group(w io.Writer, cut int64) error {
	c := t.j.cols
	if err := t.j.step(); err != nil {
		return err
	}
	s := t.shapes.next(c)
	if s == nil {
		return c.err
	}
	t.full = t.j.names.next(c, t.full[:0])
	t.link = t.link[:0]
	if s.linked {
		t.link = t.j.names.nextLink(c, t.link)
	}
	size := uint64(0)
	if s.sized {
		size = c.uvarint(colSize)
	}
	t.mtime += uint64(c.varint(colTime))
	for i := range s.specials {
		if err := t.special(w, &s.specials[i]); err != nil {
			return err
		}
	}
	name, prefix := s.rule.fields(t.full)
	s.main.block(&t.block, name, prefix, t.link, size, t.mtime)
	t.patch.patch(c, t.block[:])
	if c.err != nil {
		return c.err
	}
	if _, err := w.Write(t.block[:]); err != nil {
		return err
	}
	if !hasContent(s.main[tmplType]) {
		size = 0
	}
	if size > uint64(t.j.lim.PlainSize) {
		return badRecipe("member size")
	}
	return t.body(w, int64(size), cut)
}

// body writes content and padding but for their last cut bytes.
func (t *tarDecoder) body(w io.Writer, size, cut int64) error {
	have := size + int64(padTo(size)) - cut
	if have < 0 {
		return badRecipe("cut")
	}
	n := min(size, have)
	if err := t.j.content(w, n); err != nil {
		return err
	}
	return t.padding(w, int(have-n))
}

func (t *tarDecoder) padding(w io.Writer, n int) error {
	if n == 0 {
		return nil
	}
	var pad [blockSize]byte
	t.patch.patch(t.j.cols, pad[:n])
	if t.j.cols.err != nil {
		return t.j.cols.err
	}
	_, err := w.Write(pad[:n])
	return err
}

// special writes one special header of the member being written.
func (t *tarDecoder) special(w io.Writer, s *specialShape) error {
	c := t.j.cols
	typ := s.tmpl[tmplType]
	if !isSpecial(typ) {
		return badRecipe("special header")
	}
	switch c.uvarint(colSpecial) {
	case 0:
		t.tarState.special = t.mtime
	case 1:
	case 2:
		t.tarState.special += uint64(c.varint(colSpecial))
	default:
		return badRecipe("time of a special header")
	}
	if err := t.contentOf(typ, s.keys); err != nil {
		return err
	}
	dir, base := dirBase(t.full)
	p := &t.patterns[patternSlot(typ, dir)]
	if t.pattern.hit(c) {
		*p = c.bytes(colPattern, nil, 2*nameLen)
	}
	s.tmpl.block(&t.block, expandPattern(*p, dir, base), nil, nil, uint64(len(t.content)), t.tarState.special)
	t.patch.patch(c, t.block[:])
	if c.err != nil {
		return c.err
	}
	if _, err := w.Write(t.block[:]); err != nil {
		return err
	}
	if _, err := w.Write(t.content); err != nil {
		return err
	}
	return t.padding(w, padTo(int64(len(t.content))))
}

// contentOf makes the content of a special header.
func (t *tarDecoder) contentOf(typ byte, keys [][]byte) error {
	t.content = t.content[:0]
	switch typ {
	case typeLongName:
		t.content = append(append(t.content, t.full...), 0)
	case typeLongTarget:
		t.content = append(append(t.content, t.link...), 0)
	}
	for i, k := range keys {
		t.content = appendPax(t.content, paxRecord{k, t.value(typ, i, k)})
		if len(t.content) > maxSpecialSize {
			return badRecipe("pax header too long")
		}
	}
	return t.j.cols.err
}

func (t *tarDecoder) value(typ byte, i int, key []byte) []byte {
	c := t.j.cols
	kind := kindOf(key)
	if typ == typePaxGlobal {
		kind = paxText
	}
	switch kind {
	case paxPath:
		return t.full
	case paxTarget:
		return t.link
	case paxTime:
		return c.stamp(nil, t.mtime, maxSpecialSize)
	}
	k := c.uvarint(colPax)
	if k > uint64(len(t.texts[i])) {
		c.fail(badRecipe("pax value"))
		return nil
	}
	t.texts[i] = c.bytes(colPax, bytes.Clone(t.texts[i][:k]), maxSpecialSize-int(k))
	return t.texts[i]
}
