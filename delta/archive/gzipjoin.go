package archive

import (
	"bufio"
	"errors"
	"hash/crc32"
	"io"

	"github.com/pubsync/pubsync/delta/deflate"
)

// readGzipPart takes one gzip member off r.
func readGzipPart(r *recipeReader, lim Limits) gzipPart {
	var m gzipPart
	switch m.kind = r.Byte(); m.kind {
	case trailerRight, trailerAbsent:
	case trailerWrong:
		m.trailer = r.Bytes(8)
	default:
		r.Fail("gzip trailer")
	}
	m.plain = int64(r.Uvarint(uint64(lim.PlainSize)))
	m.recipe = r.bytes(lim.RecipeBytes)
	return m
}

// gzip writes a gzip.
func (j *rebuilder) gzip(w io.Writer) error {
	kind := j.rec.Byte()
	n := j.rec.Uvarint(uint64(j.lim.Members))
	members := *j.rec
	total, prev := int64(0), []byte(nil)
	for range n {
		prev = j.rec.same(prev, gzipHeaderMax)
		total += readGzipPart(j.rec, j.lim).plain
		if total > j.lim.PlainSize {
			j.rec.Fail("plain size")
		}
		if j.rec.Err() != nil {
			return j.rec.Err()
		}
	}
	raw := int64(j.rec.Uvarint(uint64(j.lim.PlainSize)))
	inner, stop, err := j.inner(kind, total)
	if err != nil {
		return err
	}
	err = j.gzipMembers(w, inner, &members, n)
	if err == nil {
		err = ended(inner)
	}
	if e := stop(); e != nil && !errors.Is(e, errStopped) {
		err = e
	}
	if err != nil {
		return err
	}
	return j.content(w, raw)
}

// errStopped ends the writer of a pipe whose reader has had enough.
var errStopped = errors.New("stopped")

// ended checks that r has no more bytes.
func ended(r io.Reader) error {
	var b [1]byte
	if n, err := io.ReadFull(r, b[:]); n > 0 {
		return badRecipe("plain bytes are left over")
	} else if err != io.EOF {
		return err
	}
	return nil
}

// inner returns the plain bytes of a gzip's members, one after another. stop
// must be called before anything else is done with j; it returns the error, if
// any, of making those bytes.
func (j *rebuilder) inner(kind byte, total int64) (r io.Reader, stop func() error, err error) {
	switch kind {
	case innerRaw:
		at, err := j.take(total)
		return bufio.NewReaderSize(io.NewSectionReader(j.plain, at.Off, at.Len), 64<<10), func() error { return nil }, err
	case innerTar:
		part := readTarPart(j.rec, j.lim)
		if j.rec.Err() != nil {
			return nil, nil, j.rec.Err()
		}
		pr, pw := io.Pipe()
		done := make(chan error, 1)
		go func() {
			bw := bufio.NewWriterSize(pw, 256<<10)
			err := j.tar.stream(bw, part)
			if err == nil {
				err = bw.Flush()
			}
			pw.CloseWithError(err)
			done <- err
		}()
		return pr, func() error {
			pr.CloseWithError(errStopped)
			return <-done
		}, nil
	}
	return nil, nil, badRecipe("kind of gzip content")
}

func (j *rebuilder) gzipMembers(w io.Writer, inner io.Reader, r *recipeReader, n uint64) error {
	var head []byte
	guide := j.nextGuide()
	for range n {
		head = r.same(head, gzipHeaderMax)
		m := readGzipPart(r, j.lim)
		if _, err := w.Write(head); err != nil {
			return err
		}
		sum := &summer{crc: crc32.NewIEEE(), w: io.Discard}
		plain := io.TeeReader(io.LimitReader(inner, m.plain), sum)
		if err := j.join(w, plain, m.recipe, guide); err != nil {
			return err
		}
		guide = nil
		if sum.n != m.plain {
			return badRecipe("plain size of a gzip member")
		}
		if m.kind == trailerRight {
			m.trailer = sum.trailer()
		}
		if _, err := w.Write(m.trailer); err != nil {
			return err
		}
		if err := j.ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// nextGuide returns the guide for the first member of the next gzip.
func (j *rebuilder) nextGuide() *deflate.Guide {
	n := j.gzips
	j.gzips++
	if j.guide == nil {
		return nil
	}
	return j.guide.stream(n)
}
