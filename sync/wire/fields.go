package wire

import (
	"math"

	"github.com/pubsync/pubsync/delta/field"
	"github.com/pubsync/pubsync/sync/manifest"
)

// fields takes the fields of frames.
type fields struct{ field.Reader }

func newFields(b []byte) fields { return fields{field.New(b, ErrBadFrame)} }

// outOfBounds is what is wrong with a field that is none of its kind.
const outOfBounds = "field out of bounds"

// maxIndex bounds indices and counts of entries.
const maxIndex = 1 << 27

func (f *fields) varint() int64 { return f.Varint(math.MinInt64, math.MaxInt64) }
func (f *fields) index() int    { return int(f.Uvarint(maxIndex)) }

// indexFrom reads an index coded as its distance from the least it can be.
func (f *fields) indexFrom(least int) int {
	i := least + f.index()
	if i > maxIndex {
		f.Fail(outOfBounds)
	}
	return i
}

func (f *fields) size() int64       { return int64(f.Uvarint(manifest.MaxSize)) }
func (f *fields) count(max int) int { return int(f.Uvarint(uint64(max))) }
func (f *fields) digest() (d manifest.Digest) {
	copy(d[:], f.Bytes(manifest.DigestSize))
	return d
}

func (f *fields) staged() (s StagedView) {
	if s.Size = f.size(); s.Size > 0 {
		s.Sum = f.digest()
	}
	return s
}

func (f *fields) basis() (b Basis) {
	b.View = View(f.Byte())
	if b.Named = b.View >= namedView; b.Named {
		b.View -= namedView
		copy(b.Digest[:], f.Bytes(namedBytes))
	} else {
		b.Digest = f.digest()
	}
	f.check(b.View)
	return b
}

func (f *fields) view() View {
	v := View(f.Byte())
	f.check(v)
	return v
}

func (f *fields) check(v View) {
	if v > Recipe {
		f.Fail(outOfBounds)
	}
}
