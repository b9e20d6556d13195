package archive

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// The layout of an ar: ar(5). A member's content is padded to an even length.
const (
	arMagic  = "!<arch>\n"
	arHeader = 60
	arEnd    = "`\n"
)

// maxArMembers keeps ars of objects, which gain nothing, from being walked.
const maxArMembers = 64

// arSize returns the content length that an ar member's header states.
func arSize(h []byte) (int64, bool) {
	if string(h[58:60]) != arEnd {
		return 0, false
	}
	n, err := strconv.ParseInt(string(bytes.TrimRight(h[48:58], " ")), 10, 64)
	return n, err == nil && n >= 0
}

// What an ar member's content is.
const (
	arRaw  = 0
	arGzip = 1
)

// ar takes apart an ar. The recipe: number of members, each with its header,
// kind and (raw) length or (gzip) recipe; then the length of the raw rest.
func (e *expander) ar(p *plan) error {
	at := int64(len(arMagic))
	countAt, n, gzips := len(e.recipe), 0, 0
	for ; n < maxArMembers; n++ {
		if e.size-at < arHeader {
			break
		}
		h, err := e.peek(span(at, arHeader), arHeader)
		if err != nil {
			return err
		}
		size, ok := arSize(h)
		if !ok || size > e.size-at-arHeader {
			break
		}
		body := span(at+arHeader, size)
		e.recipe = append(e.recipe, h...)
		took, err := e.arMember(body, n, p)
		if err != nil {
			return err
		}
		gzips += took
		at = body.End()
		if at, err = e.arPad(at, size); err != nil {
			return err
		}
	}
	if gzips == 0 {
		return fmt.Errorf("%w: an ar without gzip members", ErrNotArchive)
	}
	members := bytes.Clone(e.recipe[countAt:])
	e.recipe = binary.AppendUvarint(e.recipe[:countAt], uint64(n))
	e.recipe = append(e.recipe, members...)
	e.recipe = binary.AppendUvarint(e.recipe, uint64(e.size-at))
	return e.copySource(span(at, e.size-at), noName)
}

// arMember takes a member apart if it is a gzip that can be, and returns 1.
func (e *expander) arMember(r Range, n int, p *plan) (int, error) {
	head, err := e.peek(r, 16)
	if err != nil {
		return 0, err
	}
	limit := p.limit(n)
	if limit > 0 && len(head) > 10 && head[0] == 0x1f && head[1] == 0x8b {
		e.recipe = append(e.recipe, arGzip)
		_, err := e.gzip(r, limit, !p.noTar)
		var raw *rawMember
		if errors.As(err, &raw) {
			raw.part = n
		}
		return 1, err
	}
	e.recipe = append(e.recipe, arRaw)
	e.recipe = binary.AppendUvarint(e.recipe, uint64(r.Len))
	return 0, e.copySource(r, noName)
}

// arPad takes the newline after an odd member.
func (e *expander) arPad(at, size int64) (int64, error) {
	if size%2 == 0 || at == e.size {
		e.recipe = append(e.recipe, 0)
		return at, nil
	}
	b, err := e.peek(span(at, 1), 1)
	if err != nil {
		return at, err
	}
	if b[0] != '\n' {
		e.recipe = append(e.recipe, 0)
		return at, nil
	}
	e.recipe = append(e.recipe, 1)
	return at + 1, nil
}

// ar writes an ar.
func (j *rebuilder) ar(w io.Writer) error {
	if _, err := io.WriteString(w, arMagic); err != nil {
		return err
	}
	for range j.rec.Uvarint(maxArMembers) {
		if _, err := w.Write(j.rec.Bytes(arHeader)); err != nil {
			return err
		}
		var err error
		switch j.rec.Byte() {
		case arRaw:
			err = j.content(w, int64(j.rec.Uvarint(uint64(j.lim.PlainSize))))
		case arGzip:
			err = j.gzip(w)
		default:
			err = badRecipe("kind of ar member")
		}
		if err != nil {
			return err
		}
		if j.rec.Byte() == 1 {
			_, err = io.WriteString(w, "\n")
		}
		if err != nil || j.rec.Err() != nil {
			return errors.Join(err, j.rec.Err())
		}
	}
	return j.content(w, int64(j.rec.Uvarint(uint64(j.lim.PlainSize))))
}
