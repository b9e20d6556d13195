// Package codec is the bytes of signature requests, signatures and delta parts,
// version 1.
package codec

import (
	"errors"
	"io"

	"github.com/pubsync/pubsync/delta"
)

// Errors of the decoders.
var (
	ErrMalformed = errors.New("malformed delta data")      // not what an encoder of version 1 writes
	ErrTooLarge  = errors.New("delta data over its limit") // counts, lengths or output beyond what was allowed
	ErrBadCopy   = errors.New("copy outside its basis")    // a copy op beyond the end of a basis, or from none
)

// A Level trades time for size. Decoding costs the same for all.
type Level int

// The levels.
const (
	Default Level = iota // about 100 MB/s of literals
	Fast                 // for links faster than 200 Mbit/s
	Best                 // a few MB/s
)

// A Coder holds what encoders and decoders of parts reuse: compressors and
// buffers. One per process is enough; it is safe for concurrent use.
type Coder struct{}

// NewCoder returns a Coder.
func NewCoder() *Coder { return nil }

// EncodeOptions say how to make parts.
type EncodeOptions struct {
	// Limit is the most encoded bytes in one part, at least MinLimit. 0 means 1 MiB.
	Limit int
	// Level of compression.
	Level Level
	// NumBases is how many bases the ops copy from.
	NumBases int
	// Bases are the bases themselves if they are at hand; NumBases is then
	// their number. Literals may be primed with more of their bytes.
	Bases []delta.Source
	// Start is the offset in the new file from which parts are wanted: what is
	// before it has arrived already.
	Start int64
}

// MinLimit is the smallest Limit of a part, in bytes.
const MinLimit = 4 << 10

// An Encoder cuts ops and the literals of the new file into parts. It is not
// safe for concurrent use.
type Encoder struct{}

// NewEncoder returns an Encoder for the ops that produce src, as [delta.Plan]
// or [delta.Diff] made them.
func (c *Coder) NewEncoder(src delta.Source, ops []delta.Op, opt EncodeOptions) *Encoder { return nil }

// Next appends the next part to dst and returns the extended buffer and how
// many bytes of the new file the part covers. After the last part it returns
// [io.EOF]. A new file of no bytes has no parts.
func (e *Encoder) Next(dst []byte) (part []byte, covered int64, err error) { return dst, 0, io.EOF }

// AppendWhole appends to dst the one part that produces content from no basis:
// the cheap way for a small file. The part is at most WholeBound(len(content))
// long.
func (c *Coder) AppendWhole(dst, content []byte, level Level) []byte { return dst }

// WholeBound is the most bytes that AppendWhole appends for n bytes.
func WholeBound(n int) int { return n + 16 }

// Apply writes the output of one part to w and returns its length. bases are
// those that the ops were made for, in the same order. Nothing is written if
// the part's output is longer than maxOutput or its ops do not fit the bases;
// errors then wrap [ErrMalformed], [ErrTooLarge] or [ErrBadCopy]. Other errors
// are those of w and of reading a basis. Memory is bounded by the part's length
// and fixed buffers, at most 24 MiB.
func (c *Coder) Apply(part []byte, bases []delta.Source, w io.Writer, maxOutput int64) (int64, error) {
	return 0, nil
}
