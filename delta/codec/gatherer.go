package codec

import (
	"fmt"
	"io"

	"github.com/pubsync/pubsync/delta"
)

// A gatherer makes few large writes of many small pieces: of a tar that goes as its
// difference from an image every header and every file is one.
type gatherer struct {
	w       io.Writer
	buf     []byte // what is not written yet
	written int64  // bytes
}

// write adds bytes, or writes them where they are many.
func (g *gatherer) write(b []byte) error {
	if len(b) > cap(g.buf)-len(g.buf) {
		if err := g.flush(); err != nil {
			return err
		}
	}
	if len(b) <= cap(g.buf) {
		g.buf = append(g.buf, b...)
		return nil
	}
	return g.pass(b)
}

// copyFrom adds what op copies from a basis.
func (g *gatherer) copyFrom(basis delta.Source, op delta.Op) error {
	for op.Len > 0 {
		if len(g.buf) == cap(g.buf) {
			if err := g.flush(); err != nil {
				return err
			}
		}
		at := len(g.buf)
		b := g.buf[at:min(int64(at)+op.Len, int64(cap(g.buf)))]
		if got, err := basis.ReadAt(b, op.Off); got < len(b) {
			return fmt.Errorf("read basis %d at %d: %w", op.Basis, op.Off, notEOF(err))
		}
		g.buf = g.buf[:at+len(b)]
		op.Off, op.Len = op.Off+int64(len(b)), op.Len-int64(len(b))
	}
	return nil
}

// flush writes what has been added.
func (g *gatherer) flush() error {
	if len(g.buf) == 0 {
		return nil
	}
	b := g.buf
	g.buf = g.buf[:0]
	return g.pass(b)
}

func (g *gatherer) pass(b []byte) error {
	n, err := g.w.Write(b)
	g.written += int64(n)
	return err
}
