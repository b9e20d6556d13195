package archive

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
)

// gzipHeaderMax is the longest gzip header (RFC 1952) that is looked at.
const gzipHeaderMax = 64 << 10

// gzipHeader returns the length of the gzip header at the front of b, or 0 if
// there is none.
func gzipHeader(b []byte) int {
	if len(b) < 10 || b[0] != 0x1f || b[1] != 0x8b || b[2] != 8 || b[3]&0xe0 != 0 {
		return 0
	}
	flags, n := b[3], 10
	if flags&4 != 0 {
		if len(b) < n+2 {
			return 0
		}
		n += 2 + int(binary.LittleEndian.Uint16(b[n:]))
	}
	for _, f := range []byte{8, 16} { // file name, comment
		if flags&f == 0 {
			continue
		}
		if n > len(b) {
			return 0
		}
		i := bytes.IndexByte(b[n:], 0)
		if i < 0 {
			return 0
		}
		n += i + 1
	}
	if flags&2 != 0 {
		n += 2
	}
	if n > len(b) {
		return 0
	}
	return n
}

// What a gzip member's trailer is.
const (
	trailerRight  = 0 // the CRC-32 and length of the plain bytes
	trailerWrong  = 1 // eight other bytes
	trailerAbsent = 2 // less than that; the file ends
)

// What a gzip's plain bytes are.
const (
	innerRaw = 0
	innerTar = 1
)

// gzip takes apart the gzip in the bytes r of the source, of which at most
// members gzip members; anything further is one raw segment. It reports
// whether there was a tar inside. The recipe: inner kind, number of members,
// the members, the length of the raw rest, the tar's recipe.
func (e *expander) gzip(r Range, members int, tars bool) (bool, error) {
	var (
		inner = &gzipInner{e: e, tars: tars}
		coded []byte
		prev  []byte
		n     int
	)
	for r.Len > 0 && n < members {
		head, err := e.gzipHead(r)
		if err != nil {
			return false, err
		}
		h := len(head)
		if h == 0 {
			break
		}
		m, err := e.gzipMember(span(r.Off+int64(h), r.Len-int64(h)), inner)
		if keepsRaw(err) {
			return false, &rawMember{n: n}
		}
		if err != nil {
			return false, err
		}
		coded = appendSame(coded, prev, head)
		prev = append(prev[:0], head...)
		coded = m.append(coded)
		if n++; n > e.lim.Members || len(coded) > e.lim.RecipeBytes {
			return false, fmt.Errorf("%w: too many gzip members", ErrNotArchive)
		}
		used := int64(h) + m.packed
		r = span(r.Off+used, r.Len-used)
	}
	if n == 0 {
		return false, &rawMember{}
	}
	kind, err := inner.close()
	if err != nil {
		return false, err
	}
	tail := e.recipe[inner.recipeAt:]
	rec := append(bytes.Clone(e.recipe[:inner.recipeAt]), kind)
	rec = binary.AppendUvarint(rec, uint64(n))
	rec = append(rec, coded...)
	rec = binary.AppendUvarint(rec, uint64(r.Len))
	e.recipe = append(rec, tail...)
	return kind == innerTar, e.copySource(r, noName)
}

// gzipHead returns the gzip header at the front of r, or nothing.
func (e *expander) gzipHead(r Range) ([]byte, error) {
	for _, max := range []int64{256, gzipHeaderMax} {
		b, err := e.peek(r, max)
		if err != nil {
			return nil, err
		}
		if h := gzipHeader(b); h > 0 || !gzipHeaderStart(b) {
			return b[:h], nil
		}
	}
	return nil, nil
}

// rawMember is the error for a gzip whose n-th member must be kept raw; the
// gzip is the part-th of its ar.
type rawMember struct{ part, n int }

func (*rawMember) Error() string { return "gzip member follows no known encoder" }

// appendSame codes b as a length and bytes, or as 0 if it equals prev.
func appendSame(dst, prev, b []byte) []byte {
	if bytes.Equal(prev, b) {
		return append(dst, 0)
	}
	dst = binary.AppendUvarint(dst, uint64(len(b))+1)
	return append(dst, b...)
}

// peek returns up to max bytes at the front of the bytes r of the source.
func (e *expander) peek(r Range, max int64) ([]byte, error) {
	b := make([]byte, min(r.Len, max))
	if n, err := e.src.ReadAt(b, r.Off); n < len(b) {
		return nil, fmt.Errorf("read archive at %d: %w", r.Off, noEOF(err))
	}
	return b, nil
}

// noEOF makes an end of file that should not be there an error of its own.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// gzipPart is one gzip member without its header.
type gzipPart struct {
	recipe  []byte
	trailer []byte // if wrong
	kind    byte
	plain   int64
	packed  int64 // compressed bytes with the trailer
}

func (m *gzipPart) append(dst []byte) []byte {
	dst = append(dst, m.kind)
	dst = append(dst, m.trailer...)
	dst = binary.AppendUvarint(dst, uint64(m.plain))
	dst = binary.AppendUvarint(dst, uint64(len(m.recipe)))
	return append(dst, m.recipe...)
}

func (e *expander) gzipMember(r Range, inner *gzipInner) (*gzipPart, error) {
	sum := &summer{crc: crc32.NewIEEE(), w: inner}
	recipe, used, err := e.deflated(r, sum)
	if err != nil {
		return nil, err
	}
	m := &gzipPart{recipe: recipe, plain: sum.n, packed: used}
	if r.Len-used < 8 {
		m.kind = trailerAbsent
		return m, nil
	}
	got, err := e.peek(span(r.Off+used, 8), 8)
	if err != nil {
		return nil, err
	}
	m.packed += 8
	if !bytes.Equal(got, sum.trailer()) {
		m.kind, m.trailer = trailerWrong, got
	}
	return m, nil
}

// summer passes bytes on and sums them up.
type summer struct {
	crc hash.Hash32
	n   int64
	w   io.Writer
}

func (s *summer) Write(p []byte) (int, error) {
	s.crc.Write(p)
	s.n += int64(len(p))
	return s.w.Write(p)
}

// trailer returns the end of a gzip member.
func (s *summer) trailer() []byte {
	b := binary.LittleEndian.AppendUint32(nil, s.crc.Sum32())
	return binary.LittleEndian.AppendUint32(b, uint32(s.n))
}

// gzipInner receives the plain bytes of all members of a gzip and decides on
// the first block whether they are a tar.
type gzipInner struct {
	e        *expander
	tars     bool
	decided  bool
	first    []byte
	tar      *tarSplitter
	raw      bool
	recipeAt int
}

// Write implements [io.Writer].
func (g *gzipInner) Write(p []byte) (int, error) {
	n := len(p)
	if !g.decided {
		k := min(blockSize-len(g.first), len(p))
		g.first, p = append(g.first, p[:k]...), p[k:]
		if len(g.first) < blockSize {
			return n, nil
		}
		if err := g.decide(); err != nil {
			return 0, err
		}
	}
	if g.tar != nil {
		_, err := g.tar.Write(p)
		return n, err
	}
	return n, g.e.write(p)
}

func (g *gzipInner) decide() error {
	g.decided = true
	g.recipeAt = len(g.e.recipe)
	if g.tars && looksLikeTar(g.first) {
		g.tar = newTarSplitter(g.e)
		_, err := g.tar.Write(g.first)
		return err
	}
	g.e.beginSegment(noName)
	return g.e.write(g.first)
}

// close ends the stream and returns its kind.
func (g *gzipInner) close() (byte, error) {
	if !g.decided {
		if err := g.decide(); err != nil {
			return 0, err
		}
	}
	if g.tar != nil {
		return innerTar, g.tar.close()
	}
	g.e.endSegment()
	return innerRaw, nil
}

// looksLikeTar reports whether b begins with a tar header.
func looksLikeTar(b []byte) bool {
	return len(b) >= blockSize && !isZero(b[:blockSize]) && isHeader((*[blockSize]byte)(b))
}
