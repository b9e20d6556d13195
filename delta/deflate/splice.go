package deflate

import (
	"encoding/binary"
	"io"
)

// A splicer joins the bits of segments to one stream.
type splicer struct {
	w   io.Writer
	acc uint64
	n   uint // bits in acc, below 8 between calls
	buf []byte
}

func (p *splicer) reset(w io.Writer) { *p = splicer{w: w, buf: p.buf[:0]} }

const spliceBuffer = 64 << 10

// segment writes the pieces of a segment, whose bytes are in out.
func (p *splicer) segment(out []byte, pieces []piece) error {
	from := 0
	for _, pc := range pieces {
		if err := p.bytes(out[from:pc.end], pc.bits); err != nil {
			return err
		}
		from = pc.end
		switch pc.joint {
		case padJoint:
			p.align(pc.pad)
		case pigzJoint:
			p.pigz()
		}
	}
	return nil
}

// bytes writes b, of whose last byte only the low bits count unless bits is 0.
func (p *splicer) bytes(b []byte, bits uint) error {
	var last byte
	if bits != 0 {
		last = b[len(b)-1]
		b = b[:len(b)-1]
	}
	if p.n == 0 {
		if err := p.flush(); err != nil {
			return err
		}
		if _, err := p.w.Write(b); err != nil {
			return err
		}
	} else if err := p.shifted(b); err != nil {
		return err
	}
	p.put(uint32(last), bits)
	return nil
}

// shifted writes b behind a started byte.
func (p *splicer) shifted(b []byte) error {
	for len(b) > 0 {
		for len(b) >= 4 && len(p.buf) < spliceBuffer {
			p.acc |= uint64(binary.LittleEndian.Uint32(b)) << p.n
			p.buf = binary.LittleEndian.AppendUint32(p.buf, uint32(p.acc))
			p.acc >>= 32
			b = b[4:]
		}
		if len(p.buf) >= spliceBuffer {
			if err := p.flush(); err != nil {
				return err
			}
			continue
		}
		for _, c := range b {
			p.put(uint32(c), 8)
		}
		return nil
	}
	return nil
}

func (p *splicer) put(v uint32, k uint) {
	p.acc |= uint64(v) << p.n
	p.n += k
	for p.n >= 8 {
		p.buf = append(p.buf, byte(p.acc))
		p.acc >>= 8
		p.n -= 8
	}
}

// align fills the started byte with the low bits of pad.
func (p *splicer) align(pad uint8) {
	if p.n > 0 {
		p.put(uint32(pad)&(1<<(8-p.n)-1), 8-p.n)
	}
}

// pigz writes pigz's padding (see padding).
func (p *splicer) pigz() {
	fixedBlocks, storedBlock := padding(p.n)
	for range fixedBlocks {
		p.put(2, 10)
	}
	if storedBlock {
		p.put(0, 3)
		p.align(0)
		p.put(0, 16)
		p.put(0xffff, 16)
	}
}

func (p *splicer) flush() error {
	if len(p.buf) == 0 {
		return nil
	}
	_, err := p.w.Write(p.buf)
	p.buf = p.buf[:0]
	return err
}

// finish ends the stream with the given bits behind it in its last byte.
func (p *splicer) finish(pad uint8) error {
	p.align(pad)
	return p.flush()
}
