package archive

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"sort"
)

// zipEncoder takes the entries of a zip apart, in the order of the file.
type zipEncoder struct {
	e      *expander
	dir    *zipDirectory
	plan   *plan
	shapes map[string]int
	clock  zipClock
	patch  sparseWriter
	prev   []byte // the last deflate recipe
	n      int    // entries begun
	kept   []int  // the entries that are deflated and kept raw
}

// manyShapes is how many shapes of entries have their extra fields in them.
const manyShapes = 256

// zip takes apart a zip. The recipe: base, number of entries, the tail, the
// numbers of the entries that were deflated and are kept raw, the deflate
// recipe of each that is not, the length of what is between the last entry and
// the directory.
func (e *expander) zip(p *plan) error {
	dir, err := e.directory()
	if err != nil {
		return err
	}
	if len(dir.entries) > e.lim.Members {
		return notZip("too many entries")
	}
	z := &zipEncoder{e: e, dir: dir, plan: p, shapes: map[string]int{}, patch: sparseWriter{id: colPatch}}
	e.zipped = z
	e.recipe = binary.AppendUvarint(e.recipe, uint64(dir.base))
	e.recipe = binary.AppendUvarint(e.recipe, uint64(len(dir.entries)))
	z.tail()
	front := len(e.recipe)
	at := int64(0)
	for i := range dir.entries {
		next := dir.at
		if i+1 < len(dir.entries) {
			next = dir.entries[i+1].local
		}
		if at, err = z.entry(&dir.entries[i], at, next); err != nil {
			return err
		}
	}
	recipes := bytes.Clone(e.recipe[front:])
	e.recipe = append(z.appendKept(e.recipe[:front]), recipes...)
	e.recipe = binary.AppendUvarint(e.recipe, uint64(dir.at-at))
	if err := e.copySource(span(at, dir.at-at), noName); err != nil {
		return err
	}
	z.order()
	return nil
}

// appendKept appends how many entries are kept raw, and their numbers as
// differences.
func (z *zipEncoder) appendKept(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(z.kept)))
	last := 0
	for _, n := range z.kept {
		dst = binary.AppendUvarint(dst, uint64(n-last))
		last = n
	}
	return dst
}

// readKept is its inverse; f is called with each number.
func readKept(r *recipeReader, entries int, f func(n int)) {
	n := 0
	for range r.Uvarint(uint64(entries)) {
		if n += int(r.Uvarint(uint64(entries))); r.Err() != nil {
			return
		}
		f(n)
	}
}

// tail puts what follows the directory into the recipe, without the numbers of
// the end record if they are the expected ones.
func (z *zipEncoder) tail() {
	d := z.dir
	t := bytes.Clone(d.tail)
	flag := byte(0)
	want := endNumbers(len(d.entries), len(d.b), d.at-d.base)
	if d.end >= 0 && bytes.Equal(t[d.end+8:d.end+20], want) {
		clear(t[d.end+8 : d.end+20])
		flag = 1
	}
	z.e.recipe = append(z.e.recipe, flag)
	z.e.recipe = binary.AppendUvarint(z.e.recipe, uint64(max(d.end, 0)))
	z.e.recipe = binary.AppendUvarint(z.e.recipe, uint64(len(t)))
	z.e.recipe = append(z.e.recipe, t...)
}

// endNumbers returns the fields of an end record that follow from the rest.
func endNumbers(entries, size int, off int64) []byte {
	le := binary.LittleEndian
	b := le.AppendUint16(nil, uint16(entries))
	b = le.AppendUint16(b, uint16(entries))
	b = le.AppendUint32(b, uint32(size))
	return le.AppendUint32(b, uint32(off))
}

// order notes where the directory's order is not that of the file.
func (z *zipEncoder) order() {
	at := make([]int32, len(z.dir.entries))
	for i := range z.dir.entries {
		at[z.dir.entries[i].order] = int32(i)
	}
	s := sparseWriter{id: colOrder}
	next := int32(0)
	for _, k := range at {
		if k == next {
			s.skip()
		} else {
			s.hit(&z.e.cols)
			z.e.cols.varint(colOrder, int64(k-next))
		}
		next = k + 1
	}
}

// zipBody is what an entry's content turned out to be.
type zipBody struct {
	kind byte
	crc  uint32
	desc byte
}

// entry takes one entry apart, which begins at or after at and must end before
// limit; it returns its end.
func (z *zipEncoder) entry(ze *zipEntry, at, limit int64) (int64, error) {
	e, rec, le := z.e, z.dir.record(ze), binary.LittleEndian
	if ze.local > z.dir.at-zipLocalLen {
		return 0, notZip("entry out of range")
	}
	head, err := e.peek(span(ze.local, z.dir.at-ze.local), zipLocalLen)
	if err != nil {
		return 0, err
	}
	n, x := int(le.Uint16(head[26:])), int(le.Uint16(head[28:]))
	data := span(ze.local+zipLocalLen+int64(n+x), ze.packed)
	if string(head[:4]) != zipLocal || data.End() > limit || n > e.lim.NameLen {
		return 0, notZip("overlapping entries, or no entry")
	}
	vars, err := e.peek(span(ze.local+zipLocalLen, int64(n+x)), int64(n+x))
	if err != nil {
		return 0, err
	}
	name := rec[zipCentralLen : zipCentralLen+int(le.Uint16(rec[28:]))]
	if !bytes.Equal(name, vars[:n]) {
		return 0, notZip("entry of two names")
	}
	glue := ze.local - at
	if err := e.copySource(span(at, glue), noName); err != nil {
		return 0, err
	}
	e.names.add(name)
	z.n++
	body, err := z.body(ze, rec, data)
	if err != nil {
		return 0, err
	}
	end, err := z.descriptor(&body, ze, rec, data.End(), limit)
	if err != nil {
		return 0, err
	}
	if err := z.code(ze, rec, head, splitExtra(vars[n:]), body, glue); err != nil {
		return 0, err
	}
	return end, e.check()
}

// body writes an entry's content to the plain stream and its deflate recipe to
// the recipe.
func (z *zipEncoder) body(ze *zipEntry, rec []byte, data Range) (zipBody, error) {
	e, le := z.e, binary.LittleEndian
	b := zipBody{kind: zipRaw, crc: le.Uint32(rec[16:])}
	flags, method := le.Uint16(rec[8:]), le.Uint16(rec[10:])
	if flags&1 != 0 || z.plan.raw[z.n-1] {
		method = 99
	}
	sum := &summer{crc: crc32.NewIEEE(), w: writerFunc(e.write)}
	e.beginSegment(e.names.n - 1)
	if method == 8 {
		recipe, used, err := e.deflated(data, sum)
		inlines := ze.plain > inlinePlain || ze.packed <= inlinePacked
		if err == nil && inlines && used == data.Len && sum.n == ze.plain && sum.crc.Sum32() == b.crc {
			b.kind = zipDeflated
			e.recipe = appendSame(e.recipe, z.prev, recipe)
			z.prev = append(z.prev[:0], recipe...)
			e.endSegment()
			return b, nil
		}
		if err != nil && !keepsRaw(err) {
			return b, err
		}
		e.cancelSegment()
		e.beginSegment(e.names.n - 1)
		sum.crc.Reset()
		z.kept = append(z.kept, z.n-1)
	}
	err := copyTo(e.ctx, sum, io.NewSectionReader(e.src, data.Off, data.Len))
	e.endSegment()
	if method == 0 && ze.packed == ze.plain && sum.crc.Sum32() == b.crc {
		b.kind = zipStored
	}
	return b, err
}

// descriptor looks for the data descriptor of an entry at at.
func (z *zipEncoder) descriptor(b *zipBody, ze *zipEntry, rec []byte, at, limit int64) (int64, error) {
	if binary.LittleEndian.Uint16(rec[8:])&8 == 0 {
		return at, nil
	}
	got, err := z.e.peek(span(at, limit-at), 24)
	if err != nil {
		return at, err
	}
	for i := 1; i < len(descriptors); i++ {
		want := appendDescriptor(nil, byte(i), b.crc, ze.packed, ze.plain)
		if bytes.HasPrefix(got, want) {
			b.desc = byte(i)
			return at + int64(len(want)), nil
		}
	}
	return at, nil
}

func appendDescriptor(dst []byte, form byte, crc uint32, packed, plain int64) []byte {
	if form == 0 {
		return dst
	}
	f, le := descriptors[form], binary.LittleEndian
	if f.sign {
		dst = append(dst, zipDataDesc...)
	}
	dst = le.AppendUint32(dst, crc)
	if f.wide {
		return le.AppendUint64(le.AppendUint64(dst, uint64(packed)), uint64(plain))
	}
	return le.AppendUint32(le.AppendUint32(dst, uint32(packed)), uint32(plain))
}

// code puts an entry's headers into the columns.
func (z *zipEncoder) code(ze *zipEntry, rec, head []byte, local []extraField, b zipBody, glue int64) error {
	c, le := &z.e.cols, binary.LittleEndian
	n := zipCentralLen + int(le.Uint16(rec[28:]))
	x := n + int(le.Uint16(rec[30:]))
	central, comment := splitExtra(rec[n:x]), rec[x:]
	s := zipShape{kind: b.kind, desc: b.desc}
	copy(s.fixed[:], rec[4:12])
	copy(s.fixed[8:], rec[34:42])
	if glue > 0 {
		s.flags |= zipGlue
	}
	switch streamed := le.Uint16(rec[8:])&8 != 0; {
	case !streamed || !isZero(head[14:22]):
		s.flags |= zipReal
	case !isZero(head[22:26]):
		s.flags |= zipPlain
	}
	if len(comment) > 0 {
		s.flags |= zipComment
	}
	if ze.plain == 0 {
		s.flags |= zipEmpty
	}
	dos := le.Uint32(rec[12:])
	times := firstTime(local, central)
	s.dos = z.clock.dosRule(dos, &times)
	many := len(z.shapes) >= manyShapes
	shape := s.append(nil, local, central, many)
	k, ok := z.shapes[string(shape)]
	if !ok {
		if k = len(z.shapes); k >= maxShapes || len(shape) > maxZipShape {
			return notZip("too many kinds of entries")
		}
		z.shapes[string(shape)] = k
		c.bytes(colZipDef, shape)
	}
	c.uvarint(colZip, uint64(k))
	if glue > 0 {
		c.uvarint(colPacked, uint64(glue))
	}
	z.sizes(c, ze, b, &s)
	times = zipTimes{}
	putExtra(c, &z.clock, &times, local, many, false)
	putExtra(c, &z.clock, &times, central, many, true)
	z.clock.putDOS(c, dos, &times, s.dos)
	h := zipHeader{shape: &s, dos: dos, crc: b.crc, packed: ze.packed, plain: ze.plain, offset: ze.local - z.dir.base,
		name: n - zipCentralLen, comment: len(comment)}
	var want [zipCentralLen]byte
	z.patch.patch(c, h.local(want[:zipLocalLen], int(le.Uint16(head[28:]))), head)
	z.patch.patch(c, h.central(want[:], x-n), rec[:zipCentralLen])
	if len(comment) > 0 {
		c.bytes(colPax, comment)
	}
	return nil
}

// sizes codes the lengths of an entry.
func (z *zipEncoder) sizes(c *columnSet, ze *zipEntry, b zipBody, s *zipShape) {
	if ze.plain > 0 {
		c.uvarint(colSize, uint64(ze.plain))
	}
	if s.sendsPacked(ze.plain) {
		c.uvarint(colPacked, uint64(ze.packed))
	}
	if b.kind == zipRaw {
		c[colPax] = binary.LittleEndian.AppendUint32(c[colPax], b.crc)
	}
}

// firstTime finds an entry's first Unix time.
func firstTime(areas ...[]extraField) (z zipTimes) {
	for _, fields := range areas {
		for i := range fields {
			if fields[i].mode(false) == extraTimes && len(fields[i].data) >= 5 {
				return zipTimes{known: true, primary: binary.LittleEndian.Uint32(fields[i].data[1:])}
			}
		}
	}
	return z
}

// putExtra codes what of the extra fields is not in the shape.
func putExtra(c *columnSet, clock *zipClock, t *zipTimes, fields []extraField, many, central bool) {
	for i := range fields {
		switch f := &fields[i]; f.mode(many) {
		case extraTimes:
			t.put(c, clock, f.data, central)
		case extraOpaque:
			c.bytes(colPax, f.data)
		}
	}
}

// A zipHeader is what both headers of an entry are made of.
type zipHeader struct {
	shape         *zipShape
	dos, crc      uint32
	packed, plain int64
	offset        int64
	name, comment int // lengths
}

func put32(b []byte, v int64) { binary.LittleEndian.PutUint32(b, uint32(min(v, zipMax32))) }

// local writes the fixed part of the local header to b.
func (h *zipHeader) local(b []byte, extra int) []byte {
	le := binary.LittleEndian
	clear(b)
	copy(b, zipLocal)
	copy(b[4:10], h.shape.fixed[2:8])
	le.PutUint32(b[10:], h.dos)
	if h.shape.flags&zipReal != 0 {
		le.PutUint32(b[14:], h.crc)
		put32(b[18:], h.packed)
	}
	if h.shape.flags&(zipReal|zipPlain) != 0 {
		put32(b[22:], h.plain)
	}
	le.PutUint16(b[26:], uint16(h.name))
	le.PutUint16(b[28:], uint16(extra))
	return b
}

// central writes the fixed part of the directory record to b.
func (h *zipHeader) central(b []byte, extra int) []byte {
	le := binary.LittleEndian
	clear(b)
	copy(b, zipCentral)
	copy(b[4:12], h.shape.fixed[:8])
	le.PutUint32(b[12:], h.dos)
	le.PutUint32(b[16:], h.crc)
	put32(b[20:], h.packed)
	put32(b[24:], h.plain)
	le.PutUint16(b[28:], uint16(h.name))
	le.PutUint16(b[30:], uint16(extra))
	le.PutUint16(b[32:], uint16(h.comment))
	copy(b[34:42], h.shape.fixed[8:])
	put32(b[42:], h.offset)
	return b
}

// entryAt returns the number of the zip entry that the file's byte at is in.
func (e *expander) entryAt(at int64) (int, bool) {
	z := e.zipped
	if z == nil {
		return 0, false
	}
	i := sort.Search(z.n, func(i int) bool { return z.dir.entries[i].local > at }) - 1
	return i, i >= 0 && !z.plan.raw[i]
}
