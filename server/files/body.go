package files

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/pubsync/pubsync/server/store"
)

// bufferSize is the unit in which content moves from the store to the
// connection: large enough that reads and TLS writes, not hand-overs between
// them, set the pace.
const bufferSize = 256 << 10

// buffers is a pool of *[bufferSize]byte.
type buffers struct{ pool sync.Pool }

func (p *buffers) get() *[bufferSize]byte {
	if b, ok := p.pool.Get().(*[bufferSize]byte); ok {
		return b
	}
	return new([bufferSize]byte)
}

// body is a response whose body is copied with large buffers. net/http's own
// copying uses 32 KiB, and over HTTP/2 a new one for each response.
type body struct {
	http.ResponseWriter
	buffers *buffers
}

// ReadFrom implements [io.ReaderFrom], which io.Copy looks for.
func (b body) ReadFrom(src io.Reader) (n int64, err error) {
	buf := b.buffers.get()
	defer b.buffers.pool.Put(buf)
	for {
		nr, rerr := src.Read(buf[:])
		if nr > 0 {
			nw, werr := b.ResponseWriter.Write(buf[:nr])
			n += int64(nw)
			if werr != nil {
				return n, werr
			}
		}
		if rerr == io.EOF {
			return n, nil
		}
		if rerr != nil {
			return n, rerr
		}
	}
}

// content is a blob that remembers whether it could be read. Several ranges
// are read by a goroutine of net/http's.
type content struct {
	blob store.Blob
	size int64
	err  atomic.Pointer[error]
}

// ReadAt implements [io.ReaderAt]; all it is asked for lies within size.
func (c *content) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.blob.ReadAt(p, off)
	if n < len(p) {
		if err == nil || err == io.EOF {
			err = fmt.Errorf("content ends at byte %d of %d: %w", off+int64(n), c.size, io.ErrUnexpectedEOF)
		}
		c.err.CompareAndSwap(nil, &err)
		return n, err
	}
	return n, nil
}

func (c *content) failed() error {
	if err := c.err.Load(); err != nil {
		return *err
	}
	return nil
}
