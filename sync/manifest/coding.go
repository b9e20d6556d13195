package manifest

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/pubsync/pubsync/delta/field"
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
		r    = field.New(b, ErrBadCoding)
	)
	for r.Len() > 0 {
		if len(l) == max {
			return nil, fmt.Errorf("%w: more than %d entries", ErrBadCoding, max)
		}
		shared, suffix := r.Uvarint(uint64(len(path))), r.Bytes(r.Uvarint(MaxPath))
		path = append(path[:shared], suffix...)
		e := Entry{Path: Path(path), Kind: Kind(r.Byte()), Mode: uint32(r.Uvarint(MaxMode))}
		secs += r.Varint(-2*maxSecs, 2*maxSecs)
		nanos := r.Uvarint(nanosPerSecond - 1)
		if r.Err() == nil && (secs > maxSecs || secs < -maxSecs) {
			return nil, fmt.Errorf("%w: mtime out of range at entry %d", ErrBadCoding, len(l))
		}
		e.MTime = secs*nanosPerSecond + int64(nanos)
		switch e.Kind {
		case File:
			e.Size = int64(r.Uvarint(MaxSize))
		case Symlink:
			e.Link = string(r.Bytes(r.Uvarint(MaxLink)))
		}
		if r.Err() != nil {
			return nil, fmt.Errorf("%w: at entry %d", r.Err(), len(l))
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
