package archive

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"

	"github.com/pubsync/pubsync/delta/deflate"
)

// zipDecoder puts a zip together again.
type zipDecoder struct {
	j       *rebuilder
	w       *counter
	base    int64
	shapes  zipShapeReader
	clock   zipClock
	patch   sparseReader
	recipe  []byte // the last deflate recipe
	dir     []byte
	records []int32 // offsets in dir
	name    []byte
	inlined []byte // reused
}

// counter counts what is written through it.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// zipPart is a zip's recipe up to the deflate recipes.
type zipPart struct {
	base     int64
	n        int
	tail     []byte
	end      int  // offset of the end record in tail
	computed bool // its numbers are to be computed
	kept     map[int]bool
}

// readZipPart takes it off r.
func readZipPart(r *recipeReader, lim Limits) zipPart {
	p := zipPart{kept: map[int]bool{}}
	p.base = int64(r.Uvarint(uint64(lim.PlainSize)))
	p.n = int(r.Uvarint(uint64(lim.Members)))
	flag := r.Byte()
	p.end, p.computed = int(r.Uvarint(maxZipTail)), flag == 1
	p.tail = r.bytes(maxZipTail)
	if flag > 1 || p.computed && p.end+zipEndLen > len(p.tail) {
		r.Fail("zip tail")
	}
	readKept(r, p.n, func(n int) { p.kept[n] = true })
	return p
}

func newZipDecoder(j *rebuilder, w io.Writer) *zipDecoder {
	return &zipDecoder{
		j: j, w: &counter{w: w},
		patch:  sparseReader{id: colPatch},
		shapes: zipShapeReader{max: 2*j.lim.ColumnBytes + 4096},
	}
}

// zip writes a zip.
func (j *rebuilder) zip(w io.Writer) error {
	p := readZipPart(j.rec, j.lim)
	if j.rec.Err() != nil {
		return j.rec.Err()
	}
	z := newZipDecoder(j, w)
	z.base = p.base
	for range p.n {
		if err := z.entry(); err != nil {
			return err
		}
	}
	if err := j.content(z.w, int64(j.rec.Uvarint(uint64(j.lim.PlainSize)))); err != nil {
		return err
	}
	at := z.w.n
	if err := z.directory(); err != nil {
		return err
	}
	tail := bytes.Clone(p.tail)
	if p.computed {
		copy(tail[p.end+8:p.end+20], endNumbers(p.n, len(z.dir), at-z.base))
	}
	_, err := z.w.Write(tail)
	return err
}

// directory writes the central directory.
func (z *zipDecoder) directory() error {
	c, s := z.j.cols, sparseReader{id: colOrder}
	next := int64(0)
	for range z.records {
		if s.hit(c) {
			next += c.varint(colOrder)
		}
		if next < 0 || next >= int64(len(z.records)) || c.err != nil {
			c.fail(badRecipe("order of the directory"))
			return c.err
		}
		stop := int32(len(z.dir))
		if next+1 < int64(len(z.records)) {
			stop = z.records[next+1]
		}
		if _, err := z.w.Write(z.dir[z.records[next]:stop]); err != nil {
			return err
		}
		next++
	}
	return nil
}

// zipParts are the lengths and extra areas of one entry.
type zipParts struct {
	zipHeader
	local, central []byte
	comment        []byte
	content        Range
	recipe         []byte
	deflated       []byte // the compressed bytes, if they had to be known first
}

// begin reads an entry's shape and name and deals with the bytes before it.
func (z *zipDecoder) begin(glue func(n int64) error) (*zipShape, error) {
	j, c := z.j, z.j.cols
	if err := j.step(); err != nil {
		return nil, err
	}
	s := z.shapes.next(c)
	if s == nil {
		return nil, c.err
	}
	z.name = j.names.next(c, z.name[:0])
	if s.flags&zipGlue == 0 {
		return s, c.err
	}
	n := c.uvarint(colPacked)
	if n > uint64(j.lim.PlainSize) {
		return nil, badRecipe("glue of a zip")
	}
	return s, glue(int64(n))
}

// entry writes an entry and keeps its directory record.
func (z *zipDecoder) entry() error {
	s, err := z.begin(func(n int64) error { return z.j.content(z.w, n) })
	if err != nil {
		return err
	}
	p, err := z.parts(s)
	if err != nil {
		return err
	}
	p.offset = z.w.n - z.base
	if err := z.inline(p); err != nil {
		return err
	}
	if err := z.header(p); err != nil {
		return err
	}
	if err := z.body(p); err != nil {
		return err
	}
	if _, err := z.w.Write(appendDescriptor(nil, s.desc, p.crc, p.packed, p.plain)); err != nil {
		return err
	}
	return z.record(p)
}

// parts reads everything of an entry that the columns have before its headers.
func (z *zipDecoder) parts(s *zipShape) (*zipParts, error) {
	j, c := z.j, z.j.cols
	p := &zipParts{}
	p.shape = s
	plain, packed := uint64(0), uint64(0)
	if s.flags&zipEmpty == 0 {
		plain = c.uvarint(colSize)
	}
	p.zipHeader.name = len(z.name)
	if s.sendsPacked(int64(min(plain, 1<<62))) {
		packed = c.uvarint(colPacked)
	}
	if s.kind == zipStored {
		packed = plain
	}
	if limit := uint64(1) << 62; plain > limit || packed > limit {
		c.fail(badRecipe("size of a zip entry"))
	}
	p.plain, p.packed = int64(plain), int64(packed)
	if s.kind == zipRaw {
		if b := c.raw(colPax, nil, 4); c.err == nil {
			p.crc = binary.LittleEndian.Uint32(b)
		}
	}
	var times zipTimes
	p.local = z.extra(&times, s.local, false)
	p.central = z.extra(&times, s.central, true)
	p.dos = z.clock.takeDOS(c, &times, s.dos)
	if len(p.local) > 0xffff || len(p.central) > 0xffff {
		c.fail(badRecipe("extra fields too long"))
	}
	if c.err != nil {
		return nil, c.err
	}
	n := p.plain
	if s.kind == zipRaw {
		n = p.packed
	}
	if s.kind == zipDeflated {
		z.recipe = j.rec.same(z.recipe, j.lim.RecipeBytes)
		p.recipe = z.recipe
	}
	var err error
	p.content, err = j.take(n)
	return p, err
}

// extra reads back an extra area.
func (z *zipDecoder) extra(t *zipTimes, shapes []extraShape, central bool) []byte {
	var b []byte
	for _, x := range shapes {
		f := extraField{x.id, x.data}
		switch x.mode {
		case extraTimes:
			f.data = append([]byte(nil), x.data...)
			t.take(z.j.cols, &z.clock, f.data, central)
		case extraOpaque:
			f.data = z.j.cols.bytes(colPax, nil, 0xffff)
		}
		if b = appendExtra(b, f); len(b) > 0xffff {
			break
		}
	}
	return b
}

// inline deflates a small entry into memory if its local header has sizes.
func (z *zipDecoder) inline(p *zipParts) error {
	if p.shape.kind != zipDeflated || p.shape.flags&zipReal == 0 || p.shape.sendsPacked(p.plain) {
		return nil
	}
	if packed, ok := z.copied(p); ok {
		p.packed = packed.Len
		return nil
	}
	sum := crc32.NewIEEE()
	b := &cappedBuffer{b: z.inlined[:0]}
	if err := z.deflate(b, p, sum); err != nil {
		return err
	}
	z.inlined = b.b
	p.deflated, p.packed, p.crc = b.b, int64(len(b.b)), sum.Sum32()
	if p.deflated == nil {
		return badRecipe("empty deflate stream")
	}
	return nil
}

// cappedBuffer holds up to inlinePacked bytes.
type cappedBuffer struct{ b []byte }

func (c *cappedBuffer) Write(p []byte) (int, error) {
	if len(c.b)+len(p) > inlinePacked {
		return 0, badRecipe("compressed size of a zip entry")
	}
	c.b = append(c.b, p...)
	return len(p), nil
}

// deflate writes an entry's compressed bytes to w and sums up its plain ones.
func (z *zipDecoder) deflate(w io.Writer, p *zipParts, sum io.Writer) error {
	plain := io.TeeReader(io.NewSectionReader(z.j.plain, p.content.Off, p.content.Len), sum)
	return z.j.join(w, plain, p.recipe, z.guideFor(p))
}

// header writes the local header, name and extra area.
func (z *zipDecoder) header(p *zipParts) error {
	if p.shape.kind != zipRaw && p.shape.flags&zipReal != 0 && p.deflated == nil {
		sum := crc32.NewIEEE()
		if err := z.j.copyRange(sum, p.content); err != nil {
			return err
		}
		p.crc = sum.Sum32()
	}
	var b [zipLocalLen]byte
	z.patch.patch(z.j.cols, p.zipHeader.local(b[:], len(p.local)))
	if z.j.cols.err != nil {
		return z.j.cols.err
	}
	for _, part := range [][]byte{b[:], z.name, p.local} {
		if _, err := z.w.Write(part); err != nil {
			return err
		}
	}
	return nil
}

// body writes the compressed content.
func (z *zipDecoder) body(p *zipParts) error {
	j, at := z.j, z.w.n
	sum := crc32.NewIEEE()
	switch {
	case p.deflated != nil:
		if _, err := z.w.Write(p.deflated); err != nil {
			return err
		}
	case p.shape.kind == zipDeflated:
		if packed, ok := z.copied(p); ok {
			if err := z.copyPacked(packed, p, sum); err != nil {
				return err
			}
			break
		}
		if err := z.deflate(z.w, p, sum); err != nil {
			return err
		}
	case p.shape.flags&zipReal != 0 || p.shape.kind == zipRaw:
		if err := j.copyRange(z.w, p.content); err != nil {
			return err
		}
	default:
		if err := j.copyRange(io.MultiWriter(z.w, sum), p.content); err != nil {
			return err
		}
	}
	got := z.w.n - at
	if p.shape.flags&zipReal == 0 && p.shape.kind != zipRaw {
		p.crc, p.packed = sum.Sum32(), got
	}
	if got != p.packed {
		return badRecipe("compressed size of a zip entry")
	}
	return nil
}

// copied returns the compressed bytes of the basis that an entry's are copied
// from.
func (z *zipDecoder) copied(p *zipParts) (Range, bool) {
	if z.j.guide == nil {
		return Range{}, false
	}
	return z.j.guide.whole(p.content, p.recipe)
}

func (z *zipDecoder) guideFor(p *zipParts) *deflate.Guide {
	if z.j.guide == nil {
		return nil
	}
	return z.j.guide.part(p.content)
}

// copyPacked writes an entry's compressed bytes from the basis and sums up its
// plain bytes if their CRC is still to be known.
func (z *zipDecoder) copyPacked(packed Range, p *zipParts, sum io.Writer) error {
	if p.shape.flags&zipReal == 0 {
		if err := z.j.copyRange(sum, p.content); err != nil {
			return err
		}
	}
	return copyTo(z.j.ctx, z.w, io.NewSectionReader(z.j.guide.Basis, packed.Off, packed.Len))
}

// record makes the directory record.
func (z *zipDecoder) record(p *zipParts) error {
	c := z.j.cols
	if p.shape.flags&zipComment != 0 {
		// The comment's length is in the record, its bytes come after the patch.
		p.zipHeader.comment = -1
	}
	var b [zipCentralLen]byte
	p.zipHeader.central(b[:], len(p.central))
	z.patch.patch(c, b[:])
	if p.shape.flags&zipComment != 0 {
		p.comment = c.bytes(colPax, nil, 0xffff)
		binary.LittleEndian.PutUint16(b[32:], uint16(len(p.comment)))
	}
	if c.err != nil {
		return c.err
	}
	z.records = append(z.records, int32(len(z.dir)))
	for _, part := range [][]byte{b[:], z.name, p.central, p.comment} {
		z.dir = append(z.dir, part...)
	}
	if len(z.dir) > maxDirectory {
		return badRecipe("zip directory too large")
	}
	return nil
}
