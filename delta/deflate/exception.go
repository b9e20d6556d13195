package deflate

import (
	"encoding/binary"
	"slices"
)

// Flags of an exception.
const (
	excType   = 1 << iota // the block's type is given, in the bits of excTypeShift
	_                     //
	_                     //
	excFinal              // the final bit is the opposite of the planned one
	excEnd                // the block's end is given: tokens, or stored bytes
	excHeader             // the header is given
	excNoPads             // no padding where it was planned
	excMore               // a second byte of flags follows
)

const excTypeShift = 1

// Second byte of flags.
const (
	excOpened = 1 << iota // the block began in an earlier segment
	excCut                // the block goes on in the next segment
	excPad                // a stored block's padding bits are given
)

// An exception tells how one block departs from the plan.
type exception struct {
	block  int // index within the segment
	flags  byte
	more   byte
	typ    blockType
	end    int
	pad    uint8
	header header
}

func (e *exception) empty() bool { return e.flags == 0 && e.more == 0 }

// append codes the exception; gap is the number of blocks since the last one.
func (e *exception) append(b []byte, gap int) []byte {
	flags := e.flags
	if flags&excType != 0 {
		flags |= byte(e.typ) << excTypeShift
	}
	if e.more != 0 {
		flags |= excMore
	}
	b = binary.AppendUvarint(b, uint64(gap))
	b = append(b, flags)
	if e.more != 0 {
		b = append(b, e.more)
	}
	if flags&excEnd != 0 {
		b = binary.AppendUvarint(b, uint64(e.end))
	}
	if e.more&excPad != 0 {
		b = append(b, e.pad)
	}
	if flags&excHeader != 0 {
		b = e.header.append(b)
	}
	return b
}

// append codes a header as the bits it has in the stream.
func (h *header) append(b []byte) []byte {
	w := bitWriter{out: slices.Clip(b)}
	h.write(&w)
	w.flush()
	return w.out
}

// exceptionReader reads the exceptions of a segment one by one.
type exceptionReader struct {
	r    recipeReader
	next exception
	any  bool // next is valid
	clen decodeTable
}

func (x *exceptionReader) reset(b []byte) {
	x.r = newRecipeReader(b)
	x.next.block = -1
	x.advance()
}

// at returns the exception for a block, or nil.
func (x *exceptionReader) at(block int) *exception {
	for x.any && x.next.block < block {
		x.advance()
	}
	if x.any && x.next.block == block {
		return &x.next
	}
	return nil
}

// beyond reports whether there is an exception for a block after the given
// one.
func (x *exceptionReader) beyond(block int) bool {
	return x.at(block+1) != nil || x.any
}

func (x *exceptionReader) advance() {
	x.any = x.r.Len() > 0
	if !x.any {
		return
	}
	e := &x.next
	e.block += 1 + x.r.uint(maxBlocks)
	flags := x.r.Byte()
	e.typ = blockType(flags >> excTypeShift & 3)
	e.flags = flags &^ (3 << excTypeShift)
	e.more, e.pad = 0, 0
	if flags&excMore != 0 {
		e.more = x.r.Byte()
	}
	if flags&excEnd != 0 {
		e.end = x.r.uint(maxTokens + maxStored)
	}
	if e.more&excPad != 0 {
		e.pad = x.r.Byte()
	}
	if flags&excHeader != 0 {
		x.header(&e.header)
	}
	x.any = x.r.Err() == nil
}

// header reads a header from whole bytes.
func (x *exceptionReader) header(h *header) {
	in := bitReader{buf: x.r.Rest(), end: x.r.Len(), eof: true}
	var buf [numLit + numDist]uint8
	if !h.read(&in, &x.clen) || in.overrun() {
		x.r.Fail("bad code lengths")
		return
	}
	if _, _, ok := h.lens(&buf); !ok {
		x.r.Fail("bad code lengths")
		return
	}
	x.r.Bytes(uint64(in.offset()))
}
