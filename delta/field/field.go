// Package field takes numbers and bytes off the front of messages, recipes and records
// that may come from anybody: whatever they hold, a [Reader] ends with an error, reads
// nothing beyond them and reserves no memory.
package field

import (
	"encoding/binary"
	"fmt"
)

// A Reader takes fields off the front of a coding. The first failure sticks: it drops what
// is left, and all that is read after it is zero, so that a caller may read several fields
// and look at [Reader.Err] once. It is not safe for concurrent use.
type Reader struct {
	b   []byte
	bad error
	err error
}

// New returns a reader of b, of which it keeps no copy. Its errors wrap bad, the error of
// whoever reads.
func New(b []byte, bad error) Reader { return Reader{b: b, bad: bad} }

// Err returns the first failure, or nil.
func (r *Reader) Err() error { return r.err }

// Rest returns what was not taken yet; nothing after a failure.
func (r *Reader) Rest() []byte { return r.b }

// Len returns how many bytes were not taken yet.
func (r *Reader) Len() int { return len(r.b) }

// End returns the first failure, which it is if anything is left.
func (r *Reader) End() error {
	if len(r.b) > 0 {
		r.Fail(fmt.Sprintf("%d bytes after the last field", len(r.b)))
	}
	return r.err
}

// Fail makes the reader fail, for the reason given, unless it has failed before.
func (r *Reader) Fail(why string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", r.bad, why)
	}
	r.b = nil
}

// Uvarint takes an unsigned number of at most most, coded as [binary.AppendUvarint] does,
// in up to ten bytes and not necessarily the fewest.
func (r *Reader) Uvarint(most uint64) uint64 {
	v, n := binary.Uvarint(r.b)
	if !r.taken(n, v <= most) {
		return 0
	}
	return v
}

// Varint takes a number from least to most, coded as [binary.AppendVarint] does.
func (r *Reader) Varint(least, most int64) int64 {
	v, n := binary.Varint(r.b)
	if !r.taken(n, least <= v && v <= most) {
		return 0
	}
	return v
}

// taken takes the n bytes of a number off, if it is one and within its bounds.
func (r *Reader) taken(n int, bounded bool) bool {
	switch {
	case n == 0:
		r.Fail("cut short")
	case n < 0 || !bounded:
		r.Fail("number out of range")
	default:
		r.b = r.b[n:]
		return true
	}
	return false
}

// Byte takes a byte.
func (r *Reader) Byte() byte {
	if len(r.b) == 0 {
		r.Fail("cut short")
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

// Bytes takes the next n bytes, which are part of what is read and end their slice's
// capacity; nil if they are not there.
func (r *Reader) Bytes(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.Fail("cut short")
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}
