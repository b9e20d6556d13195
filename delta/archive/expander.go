package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/pubsync/pubsync/delta/deflate"
)

// recipeVersion opens every recipe.
const recipeVersion = 1

// noName is the name of a segment that no member's name belongs to.
const noName = -1

// expander takes one archive apart.
type expander struct {
	ctx      context.Context
	lim      Limits
	src      io.ReaderAt
	size     int64
	spool    Spool
	streams  streams
	maxPlain int64

	buf   []byte // plain bytes not yet in the spool
	off   int64  // where they go
	segs  []Range
	owner []int32 // per segment the number of its member's name, or noName

	cols   columnSet
	names  nameList
	links  linkList
	tar    tarEncoder
	recipe []byte
	zipped *zipEncoder
}

const spoolBuffer = 256 << 10

func newExpander(ctx context.Context, src io.ReaderAt, size int64, spool Spool, lim Limits, st streams) *expander {
	e := &expander{
		ctx: ctx, lim: lim, src: src, size: size, spool: spool, streams: st,
		maxPlain: lim.plainMax(size),
		buf:      make([]byte, 0, spoolBuffer),
	}
	e.tar = tarEncoder{
		cols: &e.cols, names: &e.names, links: &e.links,
		table:   newShapeTable(),
		patch:   sparseWriter{id: colPatch},
		pattern: sparseWriter{id: colPattern},
		maxName: lim.NameLen,
	}
	return e
}

// pos is the offset in the plain stream of the next byte.
func (e *expander) pos() int64 { return e.off + int64(len(e.buf)) }

// write appends to the plain stream.
func (e *expander) write(p []byte) error {
	if e.pos()+int64(len(p)) > e.maxPlain {
		return fmt.Errorf("%w: more than %d plain bytes", ErrNotArchive, e.maxPlain)
	}
	for len(p) > 0 {
		if len(e.buf) == cap(e.buf) {
			if err := e.flush(); err != nil {
				return err
			}
		}
		n := min(len(p), cap(e.buf)-len(e.buf))
		e.buf = append(e.buf, p[:n]...)
		p = p[n:]
	}
	return nil
}

func (e *expander) flush() error {
	if _, err := e.spool.WriteAt(e.buf, e.off); err != nil {
		return fmt.Errorf("spool of an archive: %w", err)
	}
	e.off += int64(len(e.buf))
	e.buf = e.buf[:0]
	return e.ctx.Err()
}

// beginSegment starts a segment that belongs to the member with that number.
func (e *expander) beginSegment(name int) {
	e.segs = append(e.segs, Range{Off: e.pos()})
	e.owner = append(e.owner, int32(name))
}

// endSegment ends it; an empty one vanishes.
func (e *expander) endSegment() {
	last := &e.segs[len(e.segs)-1]
	last.Len = e.pos() - last.Off
	if last.Len == 0 {
		e.segs, e.owner = e.segs[:len(e.segs)-1], e.owner[:len(e.owner)-1]
	}
}

// cancelSegment takes back the segment begun and what was written of it.
func (e *expander) cancelSegment() {
	last := e.segs[len(e.segs)-1].Off
	e.segs, e.owner = e.segs[:len(e.segs)-1], e.owner[:len(e.owner)-1]
	if last >= e.off {
		e.buf = e.buf[:last-e.off]
		return
	}
	e.off, e.buf = last, e.buf[:0]
}

// check stops at the limits.
func (e *expander) check() error {
	switch {
	case e.names.n > e.lim.Members || len(e.segs)+int(numColumns) > e.lim.Members:
		return fmt.Errorf("%w: more than %d members", ErrNotArchive, e.lim.Members)
	case e.cols.size()+len(e.names.coded)+len(e.links.coded) > e.lim.ColumnBytes:
		return fmt.Errorf("%w: more than %d bytes of headers", ErrNotArchive, e.lim.ColumnBytes)
	case len(e.recipe) > e.lim.RecipeBytes:
		return fmt.Errorf("%w: more than %d bytes of recipe", ErrNotArchive, e.lim.RecipeBytes)
	}
	return nil
}

// copySource makes a segment of the bytes r of the source.
func (e *expander) copySource(r Range, name int) error {
	if r.Len == 0 {
		return nil
	}
	if err := e.check(); err != nil {
		return err
	}
	e.beginSegment(name)
	if err := copyTo(e.ctx, writerFunc(e.write), io.NewSectionReader(e.src, r.Off, r.Len)); err != nil {
		return err
	}
	e.endSegment()
	return nil
}

type writerFunc func([]byte) error

func (f writerFunc) Write(p []byte) (int, error) {
	if err := f(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// copyTo copies r to w until its end or the context's.
func copyTo(ctx context.Context, w io.Writer, r io.Reader) error {
	buf := make([]byte, 128<<10)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			if _, werr := w.Write(buf[:n]); werr != nil {
				return werr
			}
		}
		if err == io.EOF {
			return ctx.Err()
		}
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// deflated takes the deflate stream in the bytes r of the source apart.
func (e *expander) deflated(r Range, plain io.Writer) (recipe []byte, consumed int64, err error) {
	recipe, consumed, err = e.streams.split(e.ctx, io.NewSectionReader(e.src, r.Off, r.Len), plain)
	if err == nil && (consumed > r.Len || consumed < 0) {
		err = deflate.ErrCorrupt
	}
	return recipe, consumed, err
}

// keepsRaw reports whether err says no more than that a stream is to be kept
// as it is.
func keepsRaw(err error) bool {
	return errors.Is(err, deflate.ErrCorrupt) || errors.Is(err, deflate.ErrLimit) || errors.Is(err, deflate.ErrNotWorth)
}

// finish writes the columns after the contents and returns the view.
func (e *expander) finish(f Format) (*View, error) {
	root := e.names.root()
	keys := e.keys(root)
	columns := e.columns(root)
	if err := e.check(); err != nil {
		return nil, err
	}
	head := appendHead(f, root, columns)
	n := 0
	for i, b := range columns {
		if len(b) == 0 {
			continue
		}
		e.beginSegment(noName)
		if err := e.write(b); err != nil {
			return nil, err
		}
		e.endSegment()
		keys = append(keys, uint32(i)+1)
		n++
	}
	size := e.pos()
	if err := e.flush(); err != nil {
		return nil, err
	}
	return &View{
		Format: f, Size: e.size, Plain: e.spool, PlainSize: size,
		Segments: e.segs, Columns: n, Keys: keys,
		Recipe: append(head, e.recipe...),
	}, nil
}

// keys returns the key of every content segment.
func (e *expander) keys(root []byte) []uint32 {
	keys := slices.Grow([]uint32(nil), len(e.segs)+int(numColumns))[:len(e.segs)]
	next := 0
	e.names.all(func(i int, name []byte) {
		for next < len(keys) && e.owner[next] < int32(i) {
			next++
		}
		for ; next < len(keys) && e.owner[next] == int32(i); next++ {
			keys[next] = nameKey(name[len(root):])
		}
	})
	return keys
}

// columns writes the names and links without the root, now that it is known,
// and returns all columns.
func (e *expander) columns(root []byte) columnSet {
	c := e.cols
	var prev []byte
	e.names.all(func(_ int, name []byte) {
		name = name[len(root):]
		c[colName] = appendShared(c[colName], prev, name)
		prev = append(prev[:0], name...)
	})
	e.names.coded = nil
	c[colLink] = e.links.appendTo(nil, root)
	return c
}
