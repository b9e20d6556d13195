package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
)

// plan says what of an archive is not to be taken apart because an attempt
// has shown that it does not come back.
type plan struct {
	noTar bool
	gzips map[int]int  // per gzip of an ar (0 if there is no ar): its members to take
	raw   map[int]bool // the zip entries, counted in the file's order, to keep raw
}

func (p *plan) limit(part int) int {
	if n, ok := p.gzips[part]; ok {
		return n
	}
	return math.MaxInt
}

// maxAttempts is how often an archive is tried, each time with less of it
// taken apart.
const maxAttempts = 4

// mismatch is the error for a view that rebuilds to something else: the first
// wrong byte is at offset at.
type mismatch struct{ at int64 }

func (m *mismatch) Error() string {
	return fmt.Sprintf("rebuilt archive differs at offset %d", m.at)
}

// expand is [Expand] with the deflate streams taken apart by st.
func expand(ctx context.Context, src io.ReaderAt, size int64, spool Spool, lim Limits, st streams) (*View, error) {
	f, err := sniffSource(src, size)
	if err != nil {
		return nil, err
	}
	if f == Bytes {
		return nil, ErrNotArchive
	}
	p := plan{gzips: map[int]int{}, raw: map[int]bool{}}
	for range maxAttempts {
		e := newExpander(ctx, src, size, spool, lim, st)
		v, err := e.run(f, &p)
		if err == nil {
			err = e.verify(v)
		}
		if err == nil {
			return v, nil
		}
		if !p.learn(err, e) {
			return nil, asNotArchive(err)
		}
	}
	return nil, fmt.Errorf("%w: too many streams that do not come back", ErrNotArchive)
}

// asNotArchive makes one error of all that are about the archive.
func asNotArchive(err error) error {
	var (
		m *mismatch
		r *rawMember
	)
	if keepsRaw(err) || errors.As(err, &m) || errors.As(err, &r) {
		return fmt.Errorf("%w: %w", ErrNotArchive, err)
	}
	return err
}

// learn gives up on the part that failed; it reports false if nothing would be
// left.
func (p *plan) learn(err error, e *expander) bool {
	var (
		r *rawMember
		m *mismatch
	)
	switch {
	case errors.As(err, &r):
		p.gzips[r.part] = r.n
		return r.n > 0 || r.part > 0
	case errors.As(err, &m):
		if n, ok := e.entryAt(m.at); ok {
			p.raw[n] = true
			return true
		}
		was := p.noTar
		p.noTar = true
		return !was
	}
	return false
}

// run takes the archive apart as far as p allows.
func (e *expander) run(f Format, p *plan) (*View, error) {
	var err error
	switch f {
	case Tar:
		if p.noTar {
			return nil, ErrNotArchive
		}
		s := newTarSplitter(e)
		if err = copyTo(e.ctx, s, io.NewSectionReader(e.src, 0, e.size)); err == nil {
			err = s.close()
		}
	case Gzip:
		var tar bool
		if tar, err = e.gzip(span(0, e.size), p.limit(0), !p.noTar); tar {
			f = TarGzip
		}
	case Zip:
		err = e.zip(p)
	case Ar:
		err = e.ar(p)
	}
	if err != nil {
		return nil, err
	}
	return e.finish(f)
}

// verify rebuilds v and compares it with the source.
func (e *expander) verify(v *View) error {
	e.buf = nil
	j, err := newRebuilder(e.ctx, v.Plain, v.PlainSize, v.Recipe, e.lim, e.streams)
	if err != nil {
		return err
	}
	c := &comparer{src: e.src, size: e.size}
	err = j.run(c)
	if errors.Is(err, ErrBadRecipe) || err == nil && c.at != e.size {
		return &mismatch{c.at}
	}
	return err
}

// comparer is a writer that fails with a *[mismatch] where what is written
// differs from src.
type comparer struct {
	src  io.ReaderAt
	size int64
	at   int64
	buf  []byte
}

func (c *comparer) Write(p []byte) (int, error) {
	if int64(len(p)) > c.size-c.at {
		return 0, &mismatch{c.size}
	}
	for n := 0; n < len(p); {
		if c.buf == nil {
			c.buf = make([]byte, 64<<10)
		}
		b := c.buf[:min(len(c.buf), len(p)-n)]
		if k, err := c.src.ReadAt(b, c.at); k < len(b) {
			return n, fmt.Errorf("read archive at %d: %w", c.at, noEOF(err))
		}
		if k := shared(b, p[n:n+len(b)]); k < len(b) {
			return n + k, &mismatch{c.at + int64(k)}
		}
		n += len(b)
		c.at += int64(len(b))
	}
	return len(p), nil
}

// sniffSource is [Sniff] over a whole file.
func sniffSource(src io.ReaderAt, size int64) (Format, error) {
	e := expander{src: src, size: size}
	head, err := e.peek(span(0, size), SniffHead)
	if err != nil {
		return Bytes, err
	}
	if f := Sniff(head, nil); f != Bytes {
		return f, nil
	}
	n := min(size, SniffTail)
	tail, err := e.peek(span(size-n, n), n)
	if err != nil {
		return Bytes, err
	}
	return Sniff(head, tail), nil
}
