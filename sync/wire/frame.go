package wire

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// A FrameType tells what a frame's payload is. Types from the client are below
// 0x40, those from the server at or above it.
type FrameType byte

// The frames of version 1; the package comment gives their payloads.
const (
	FrameOpen    FrameType = 0x01
	FrameList    FrameType = 0x02
	FrameAmend   FrameType = 0x03
	FrameDigests FrameType = 0x04
	FrameSign    FrameType = 0x05
	FrameFile    FrameType = 0x06
	FramePart    FrameType = 0x07
	FrameCommit  FrameType = 0x08
	FrameWant    FrameType = 0x09
	FrameOutline FrameType = 0x0a
	FrameNumber  FrameType = 0x0b
	FrameLost    FrameType = 0x0c
	FrameShort   FrameType = 0x0d
	FrameStats   FrameType = 0x0e
	FrameAlong   FrameType = 0x0f
	FrameZstd    FrameType = 0x3f // either way

	FrameOpened     FrameType = 0x41
	FrameUnsettled  FrameType = 0x42
	FrameVerdicts   FrameType = 0x43
	FrameSignature  FrameType = 0x44
	FrameStored     FrameType = 0x45
	FrameReceipt    FrameType = 0x46
	FrameIncomplete FrameType = 0x47
	FrameHashes     FrameType = 0x48
	FrameOutlined   FrameType = 0x49
	FrameAlike      FrameType = 0x4a
	FrameRebuilt    FrameType = 0x4b
)

// Bounds of frames, in bytes.
const (
	MaxFrame = 64 << 20 // of one payload
	MaxPlain = 16 << 20 // of what one FrameZstd expands to
	// zstdWindow bounds the memory of a decoder; encoders stay below it.
	zstdWindow = 8 << 20
)

// ErrBadFrame is the error for bytes that are not frames, or break a bound.
var ErrBadFrame = errors.New("malformed frame")

// A Frame is one message.
type Frame struct {
	Type    FrameType
	Payload []byte
}

// AppendFrame appends the coding of a frame to dst and returns the extended
// buffer.
func AppendFrame(dst []byte, t FrameType, payload []byte) []byte {
	dst = append(dst, byte(t))
	dst = binary.AppendUvarint(dst, uint64(len(payload)))
	return append(dst, payload...)
}

// A Reader takes frames off a body, those inside [FrameZstd] frames included,
// in order. It holds one payload at a time and is not safe for concurrent use.
type Reader struct {
	src   *bufio.Reader
	held  int           // bytes at the front of src that the last payload lies in
	inner *bytes.Reader // the plain bytes of the FrameZstd being read, or nil
	zips  *Decoders
	plain []byte
	buf   []byte
	cut   Frame // what arrived of the last frame, once ended is set
	ended error // how the body ended, to be told when inner is through
}

// keepBuffer is the most bytes of a buffer that a Reader keeps for its next body.
const keepBuffer = 4 << 20

// NewReader returns a Reader on r.
func NewReader(r io.Reader) *Reader { return NewReaderSize(r, 4<<10, &Decoders{}) }

// NewReaderSize is NewReader for one that reads so many bytes at once and borrows its
// decoders. Frames that are no longer than size are not copied.
func NewReaderSize(r io.Reader, size int, zips *Decoders) *Reader {
	return &Reader{src: bufio.NewReaderSize(r, size), zips: zips}
}

// Reset has the reader go on with another body, or with none for the time being if
// that is nil.
func (r *Reader) Reset(body io.Reader) {
	r.src.Reset(body)
	r.release()
	r.held, r.cut, r.ended = 0, Frame{}, nil
	if cap(r.buf) > keepBuffer {
		r.buf = nil
	}
}

// Next returns the next frame, or [io.EOF] at a clean end. The payload is valid
// until the call after. Errors wrap [ErrBadFrame], or are those of the
// underlying reader. Of a body that ends early every frame that arrived whole
// is returned first, also those inside a [FrameZstd] that did not.
func (r *Reader) Next() (Frame, error) {
	for {
		if r.inner != nil {
			if r.inner.Len() > 0 {
				return r.innerFrame()
			}
			r.release()
		}
		if r.ended != nil {
			return Frame{}, r.ended
		}
		f, err := r.readFrame()
		switch {
		case err == nil && f.Type != FrameZstd:
			return f, nil
		case err == nil:
			err = r.expand(f.Payload)
		case f.Type == FrameZstd && f.Payload != nil:
			r.ended, err = err, nil
			r.expandCut(f.Payload)
		case f.Payload != nil:
			r.cut, r.ended = f, err
		}
		if err != nil {
			return Frame{}, err
		}
	}
}

// Cut returns what arrived of the frame in which the body ended, once Next has
// returned an error other than [io.EOF], and whether anything did.
func (r *Reader) Cut() (Frame, bool) { return r.cut, r.cut.Payload != nil }

func (r *Reader) innerFrame() (Frame, error) {
	// The plain bytes are in memory: hand out slices of them.
	t, _ := r.inner.ReadByte()
	n, err := binary.ReadUvarint(r.inner)
	off := len(r.plain) - r.inner.Len()
	short := err != nil || n > uint64(r.inner.Len())
	switch {
	case FrameType(t) == FrameZstd:
		return Frame{}, fmt.Errorf("%w: zstd frame in a zstd frame", ErrBadFrame)
	case short && r.ended != nil:
		r.inner, r.cut = nil, Frame{FrameType(t), r.plain[off:]}
		return Frame{}, r.ended
	case short:
		return Frame{}, fmt.Errorf("%w: frame in a zstd frame cut short", ErrBadFrame)
	}
	r.inner.Seek(int64(n), io.SeekCurrent)
	return Frame{FrameType(t), r.plain[off : off+int(n)]}, nil
}

// expand decodes the payload of a zstd frame: the plain length, then one zstd
// frame of exactly that content.
func (r *Reader) expand(payload []byte) error {
	z, err := r.openZstd(payload)
	if err != nil {
		return err
	}
	defer r.zips.put(z)
	if _, err := io.ReadFull(z, r.plain); err != nil {
		return fmt.Errorf("%w: zstd frame: %v", ErrBadFrame, err)
	}
	var one [1]byte
	if m, err := z.Read(one[:]); m != 0 || err != io.EOF {
		return fmt.Errorf("%w: zstd frame longer than it says", ErrBadFrame)
	}
	r.inner = bytes.NewReader(r.plain)
	return nil
}

// expandCut decodes what it can, whole blocks, of a zstd frame whose end is
// missing.
func (r *Reader) expandCut(payload []byte) {
	z, err := r.openZstd(payload)
	if err != nil {
		return
	}
	defer r.zips.put(z)
	n, _ := io.ReadFull(z, r.plain)
	r.plain = r.plain[:n]
	r.inner = bytes.NewReader(r.plain)
}

// release gives back the room of a zstd frame that has been read.
func (r *Reader) release() {
	if b := r.plain; b != nil && cap(b) <= keepBuffer {
		r.zips.rooms.Put(&b)
	}
	r.inner, r.plain = nil, nil
}

// openZstd sets a decoder on a payload, and plain to its length. Give the decoder
// back.
func (r *Reader) openZstd(payload []byte) (*zstd.Decoder, error) {
	n, k := binary.Uvarint(payload)
	if k <= 0 || n > MaxPlain {
		return nil, fmt.Errorf("%w: zstd frame without a sane length", ErrBadFrame)
	}
	// A zstd frame of n bytes has at least n/(128 KiB) blocks of 4 bytes: no
	// allocation beyond that for a few bytes that promise much.
	if n > uint64(len(payload))<<15 {
		return nil, fmt.Errorf("%w: zstd frame promises %d bytes from %d", ErrBadFrame, n, len(payload))
	}
	z, err := r.zips.get()
	if err != nil {
		return nil, err
	}
	if err := z.Reset(bytes.NewReader(payload[k:])); err != nil {
		r.zips.put(z)
		return nil, fmt.Errorf("%w: %v", ErrBadFrame, err)
	}
	r.plain = r.zips.room(int(n))
	return z, nil
}

// Decoders are what [Reader]s expand zstd frames with, and the room they expand them
// in. A Reader has one for the time of a frame, not of a body, so that hundreds of bodies
// that arrive at once need few.
// The zero value is ready, and safe for concurrent use.
type Decoders struct{ free, rooms sync.Pool }

// room returns n bytes for what a frame expands to.
func (d *Decoders) room(n int) []byte {
	if b, ok := d.rooms.Get().(*[]byte); ok && cap(*b) >= n {
		return (*b)[:n]
	}
	return make([]byte, n)
}

func (d *Decoders) get() (*zstd.Decoder, error) {
	if z, ok := d.free.Get().(*zstd.Decoder); ok {
		return z, nil
	}
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(zstdWindow), zstd.WithDecoderLowmem(true))
}

func (d *Decoders) put(z *zstd.Decoder) {
	_ = z.Reset(nil) // holds on to no payload
	d.free.Put(z)
}

// readFrame reads a frame. Of one that is cut short it returns what arrived
// with the error.
func (r *Reader) readFrame() (Frame, error) {
	r.src.Discard(r.held) // it is there
	r.held = 0
	t, err := r.src.ReadByte()
	if err != nil {
		return Frame{}, err // io.EOF: the clean end
	}
	n, err := binary.ReadUvarint(r.src)
	if err != nil {
		return Frame{}, cutShort(err)
	}
	if n > MaxFrame {
		return Frame{}, fmt.Errorf("%w: %d bytes, more than %d", ErrBadFrame, n, MaxFrame)
	}
	var b []byte
	if n <= uint64(r.src.Size()) {
		b, err = r.src.Peek(int(n))
		r.held = len(b)
	} else {
		r.buf, err = readGrowing(r.src, r.buf, int(n))
		b = r.buf
	}
	if err != nil {
		return Frame{FrameType(t), b}, cutShort(err)
	}
	return Frame{FrameType(t), b}, nil
}

// readGrowing reads n bytes into buf, growing it only as bytes arrive, so that
// a length without bytes behind it allocates little.
func readGrowing(r io.Reader, buf []byte, n int) ([]byte, error) {
	const step = 1 << 20
	buf = buf[:0]
	for len(buf) < n {
		k := min(n-len(buf), max(step, len(buf)))
		if cap(buf)-len(buf) < k {
			grown := make([]byte, len(buf), len(buf)+k)
			copy(grown, buf)
			buf = grown
		}
		m, err := io.ReadFull(r, buf[len(buf):len(buf)+k])
		buf = buf[:len(buf)+m]
		if err != nil {
			return buf, err
		}
	}
	return buf, nil
}

func cutShort(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: cut short: %w", ErrBadFrame, io.ErrUnexpectedEOF)
	}
	return err
}

// NewZstdEncoder returns an encoder fit for [AppendZstd]: its window is one
// that every [Reader] accepts. It is not safe for concurrent use.
func NewZstdEncoder(level zstd.EncoderLevel) (*zstd.Encoder, error) {
	return zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(1<<20), zstd.WithEncoderCRC(false), zstd.WithLowerEncoderMem(true))
}

// AppendZstd appends a [FrameZstd] frame that holds the coded frames in plain,
// at most [MaxPlain] bytes, and returns the extended buffer; where compression
// does not pay it appends plain as it is.
func AppendZstd(dst []byte, enc *zstd.Encoder, plain []byte) []byte {
	// The length before the payload is not known yet: leave room for the longest
	// and close the gap.
	const room = 1 + 4
	start := len(dst)
	dst = append(dst, make([]byte, room)...)
	dst = binary.AppendUvarint(dst, uint64(len(plain)))
	dst = enc.EncodeAll(plain, dst)
	n := len(dst) - start - room
	if n >= len(plain) {
		return append(dst[:start], plain...)
	}
	dst[start] = byte(FrameZstd)
	head := start + 1 + binary.PutUvarint(dst[start+1:start+room], uint64(n))
	copy(dst[head:], dst[start+room:])
	return dst[:head+n]
}
