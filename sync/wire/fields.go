package wire

import (
	"encoding/binary"
	"fmt"

	"github.com/pubsync/pubsync/sync/manifest"
)

// fields takes fields off the front of b; the first failure sticks.
type fields struct {
	b   []byte
	err error
}

// maxIndex bounds indices and counts of entries.
const maxIndex = 1 << 27

func (f *fields) uvarint(max uint64) uint64 {
	v, n := binary.Uvarint(f.b)
	if n <= 0 || v > max {
		f.fail()
		return 0
	}
	f.b = f.b[n:]
	return v
}

func (f *fields) varint() int64 {
	v, n := binary.Varint(f.b)
	if n <= 0 {
		f.fail()
		return 0
	}
	f.b = f.b[n:]
	return v
}

func (f *fields) index() int { return int(f.uvarint(maxIndex)) }

// indexFrom reads an index coded as its distance from the least it can be.
func (f *fields) indexFrom(least int) int {
	i := least + f.index()
	if i > maxIndex {
		f.fail()
	}
	return i
}

func (f *fields) size() int64       { return int64(f.uvarint(manifest.MaxSize)) }
func (f *fields) count(max int) int { return int(f.uvarint(uint64(max))) }
func (f *fields) digest() (d manifest.Digest) {
	copy(d[:], f.take(manifest.DigestSize))
	return d
}

func (f *fields) staged() (s StagedView) {
	if s.Size = f.size(); s.Size > 0 {
		s.Sum = f.digest()
	}
	return s
}

func (f *fields) basis() (b Basis) {
	b.View = View(f.byte())
	if b.Named = b.View >= namedView; b.Named {
		b.View -= namedView
		copy(b.Digest[:], f.take(namedBytes))
	} else {
		b.Digest = f.digest()
	}
	f.check(b.View)
	return b
}

func (f *fields) view() View {
	v := View(f.byte())
	f.check(v)
	return v
}

func (f *fields) check(v View) {
	if v > Recipe {
		f.fail()
	}
}

func (f *fields) byte() byte {
	if b := f.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (f *fields) take(n int) []byte {
	if n > len(f.b) {
		f.fail()
		return nil
	}
	v := f.b[:n]
	f.b = f.b[n:]
	return v
}

func (f *fields) fail() {
	if f.err == nil {
		f.err = fmt.Errorf("%w: field out of bounds or cut short", ErrBadFrame)
	}
	f.b = nil
}

func (f *fields) end() error {
	if f.err == nil && len(f.b) > 0 {
		f.err = fmt.Errorf("%w: %d bytes after the last field", ErrBadFrame, len(f.b))
	}
	return f.err
}
