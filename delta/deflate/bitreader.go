package deflate

import (
	"encoding/binary"
	"fmt"
	"io"
)

const inputBuffer = 64 << 10

// A bitReader reads bits, least significant first (RFC 1951 section 3.1.1).
// Past the end of its input it delivers zero bits and remembers how many, so
// that the fast path needs no checks; overrun tells.
type bitReader struct {
	r      io.Reader
	buf    []byte
	pos    int   // next byte of buf to load
	end    int   // end of the valid bytes of buf
	base   int64 // bytes read before buf[0]
	acc    uint64
	n      uint // bits in acc
	padded uint // zero bits loaded past the end of input
	eof    bool
	err    error // read error other than io.EOF
}

func (r *bitReader) reset(src io.Reader) {
	buf := r.buf
	if buf == nil {
		buf = make([]byte, inputBuffer)
	}
	*r = bitReader{r: src, buf: buf}
}

// fill loads at least 48 bits.
func (r *bitReader) fill() {
	if r.pos+8 <= r.end {
		r.acc |= binary.LittleEndian.Uint64(r.buf[r.pos:]) << r.n
		k := (63 - r.n) >> 3
		r.pos += int(k)
		r.n += k << 3
		return
	}
	r.fillSlow()
}

func (r *bitReader) fillSlow() {
	for r.n <= 56 {
		if r.pos == r.end && !r.more() {
			r.n += 8
			r.padded += 8
			continue
		}
		r.acc |= uint64(r.buf[r.pos]) << r.n
		r.pos++
		r.n += 8
	}
}

// more makes at least one byte available in buf, or reports false at the end.
func (r *bitReader) more() bool {
	if r.eof {
		return false
	}
	r.base += int64(r.end)
	r.pos, r.end = 0, 0
	for tries := 0; r.end == 0; tries++ {
		n, err := r.r.Read(r.buf)
		r.end = n
		if err == io.EOF {
			r.eof = true
			return n > 0
		}
		if err != nil || tries == 100 {
			if err == nil {
				err = io.ErrNoProgress
			}
			r.eof, r.err = true, err
			return n > 0
		}
	}
	return true
}

// overrun says whether bits beyond the end of input were consumed.
func (r *bitReader) overrun() bool { return r.padded > r.n }

// fail returns the error for a stream that cannot be decoded here: the read
// error if there was one, since zero bits stand for what could not be read.
func (r *bitReader) fail(what string) error {
	if r.err != nil {
		return fmt.Errorf("deflate: reading: %w", r.err)
	}
	if r.overrun() {
		what = "unexpected end"
	}
	return fmt.Errorf("deflate: %s at byte %d: %w", what, r.offset(), ErrCorrupt)
}

// take returns the next k bits, k at most 32.
func (r *bitReader) take(k uint) uint32 {
	if r.n < k {
		r.fill()
	}
	v := uint32(r.acc & (1<<k - 1))
	r.acc >>= k
	r.n -= k
	return v
}

// phase returns the number of bits consumed of the byte in progress, 0 to 7.
func (r *bitReader) phase() uint { return -r.n & 7 }

// offset returns the number of bytes of which at least one bit is consumed.
func (r *bitReader) offset() int64 {
	return r.base + int64(r.pos) - int64(r.n>>3) + int64(r.padded>>3)
}

// bytes fills p with the bytes that follow; the reader must be at phase 0.
func (r *bitReader) bytes(p []byte) bool {
	for len(p) > 0 && r.n > 0 {
		p[0] = byte(r.take(8))
		p = p[1:]
	}
	if r.n == 0 {
		r.acc = 0 // fill leaves bits beyond n that the copy below skips
	}
	for len(p) > 0 {
		if r.pos == r.end && !r.more() {
			r.padded += 8 // counts as consumed: n is 0
			return false
		}
		k := copy(p, r.buf[r.pos:r.end])
		r.pos += k
		p = p[k:]
	}
	return !r.overrun()
}
