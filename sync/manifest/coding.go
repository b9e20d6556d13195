package manifest

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// ErrBadCoding is the error for bytes that are no coded list. Errors about
// what the coding says rather than how wrap [ErrBadPath] or [ErrBadEntry].
var ErrBadCoding = errors.New("malformed list")

const nanosPerSecond = 1e9

// An Encoder codes entries one after another, each against the one before. The
// zero value is ready; it is not safe for concurrent use.
type Encoder struct {
	path Path
	secs int64
}

// Append appends the coding of e, which must pass [Entry.Check], to dst and
// returns the extended buffer.
func (c *Encoder) Append(dst []byte, e *Entry) []byte {
	n := sharedPrefix(c.path, e.Path)
	dst = binary.AppendUvarint(dst, uint64(n))
	dst = binary.AppendUvarint(dst, uint64(len(e.Path)-n))
	dst = append(dst, e.Path[n:]...)
	dst = append(dst, byte(e.Kind))
	dst = binary.AppendUvarint(dst, uint64(e.Mode))
	secs, nanos := floorSeconds(e.MTime)
	dst = binary.AppendVarint(dst, secs-c.secs)
	dst = binary.AppendUvarint(dst, uint64(nanos))
	switch e.Kind {
	case File:
		dst = binary.AppendUvarint(dst, uint64(e.Size))
	case Symlink:
		dst = binary.AppendUvarint(dst, uint64(len(e.Link)))
		dst = append(dst, e.Link...)
	}
	c.path, c.secs = e.Path, secs
	return dst
}

func floorSeconds(ns int64) (secs, nanos int64) {
	secs, nanos = ns/nanosPerSecond, ns%nanosPerSecond
	if nanos < 0 {
		secs, nanos = secs-1, nanos+nanosPerSecond
	}
	return secs, nanos
}

func sharedPrefix(a, b Path) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// AppendList appends the coding of l to dst and returns the extended buffer.
func AppendList(dst []byte, l List) []byte {
	var c Encoder
	for i := range l {
		dst = c.Append(dst, &l[i])
	}
	return dst
}

// DecodeList decodes a whole coded list of at most max entries and checks it
// ([List.Check]). Errors wrap [ErrBadCoding], [ErrBadPath] or [ErrBadEntry].
// Memory is bounded by the coded length times a small factor and MaxPath per
// entry.
func DecodeList(b []byte, max int) (List, error) {
	var (
		l    List
		path []byte
		secs int64
		r    = reader{b: b}
	)
	for len(r.b) > 0 {
		if len(l) == max {
			return nil, fmt.Errorf("%w: more than %d entries", ErrBadCoding, max)
		}
		shared, suffix := r.uvarint(uint64(len(path))), r.bytes(MaxPath)
		path = append(path[:min(shared, uint64(len(path)))], suffix...)
		e := Entry{Path: Path(path), Kind: Kind(r.byte()), Mode: uint32(r.uvarint(MaxMode))}
		secs += r.varint()
		nanos := r.uvarint(nanosPerSecond - 1)
		if r.err == nil && (secs > maxSecs || secs < -maxSecs) {
			return nil, fmt.Errorf("%w: mtime out of range at entry %d", ErrBadCoding, len(l))
		}
		e.MTime = secs*nanosPerSecond + int64(nanos)
		switch e.Kind {
		case File:
			e.Size = int64(r.uvarint(MaxSize))
		case Symlink:
			e.Link = string(r.bytes(MaxLink))
		}
		if r.err != nil {
			return nil, fmt.Errorf("%w: at entry %d", r.err, len(l))
		}
		l = append(l, e)
	}
	return l, l.Check()
}

// maxSecs keeps an mtime in seconds within what nanoseconds in an int64 hold.
const maxSecs = 9_000_000_000

// MaxMTime bounds mtimes that are told other than in a list, before and after 1970, in
// nanoseconds.
const MaxMTime = maxSecs * nanosPerSecond

// reader takes fields off the front of b; the first failure sticks.
type reader struct {
	b   []byte
	err error
}

func (r *reader) uvarint(max uint64) uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || v > max {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 || v > 2*maxSecs || v < -2*maxSecs {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.fail()
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

func (r *reader) bytes(max uint64) []byte {
	n := r.uvarint(max)
	if n > uint64(len(r.b)) {
		r.fail()
		return nil
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}

func (r *reader) fail() {
	if r.err == nil {
		r.err = ErrBadCoding
	}
	r.b = nil
}

// TreeDigest returns the digest over everything but content; the package
// comment defines it.
func (l List) TreeDigest() Digest {
	return l.digest("pubsync tree 1\n", func(int) *Digest { return nil })
}

// ManifestDigest returns the digest over everything, content digests included;
// the package comment defines it.
func (l List) ManifestDigest() Digest {
	return l.digest("pubsync manifest 1\n", func(i int) *Digest { return &l[i].Digest })
}

// AnnouncedDigest returns the manifest digest as one sees it who knows only
// some of the content digests: those for which known is false count as zero.
// It is what a client announces that left files to the quick check unread.
func (l List) AnnouncedDigest(known []bool) Digest {
	var zero Digest
	return l.digest("pubsync manifest 1\n", func(i int) *Digest {
		if known[i] {
			return &l[i].Digest
		}
		return &zero
	})
}

func (l List) digest(label string, content func(i int) *Digest) Digest {
	h := sha256.New()
	io.WriteString(h, label)
	var (
		c   Encoder
		buf = make([]byte, 0, 4096)
	)
	for i := range l {
		buf = c.Append(buf, &l[i])
		if d := content(i); d != nil && l[i].Kind == File {
			buf = append(buf, d[:]...)
		}
		if len(buf) > 2048 {
			h.Write(buf)
			buf = buf[:0]
		}
	}
	h.Write(buf)
	return Digest(h.Sum(nil))
}
