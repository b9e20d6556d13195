package deflate

import (
	"encoding/binary"
	"fmt"
	"io"
)

// A decoder turns a deflate stream into segments of tokens and plain bytes.
type decoder struct {
	lim    Limits
	in     bitReader
	lit    decodeTable
	dist   decodeTable
	clen   decodeTable
	lens   [numLit + numDist]uint8
	blocks int64 // blocks seen
	plain  int64 // plain bytes delivered in earlier segments
	target int   // plain bytes of a segment, 0 for segmentTarget

	inBlock bool // the block in progress continues in the next segment
	current block
}

func (d *decoder) reset(r io.Reader, lim Limits) {
	d.in.reset(r)
	d.lim, d.blocks, d.plain, d.inBlock, d.target = lim, 0, 0, false, 0
}

// segment decodes the next segment into s, which begin has prepared.
func (d *decoder) segment(s *segment) error {
	target := d.target
	if target == 0 {
		target = segmentTarget(s.index)
	}
	for {
		done, err := d.block(s)
		if err != nil {
			return err
		}
		if err := d.check(s); err != nil {
			return err
		}
		b := &s.blocks[len(s.blocks)-1]
		if b.final && !b.cut {
			d.finish(s)
			break
		}
		if !done || len(s.blocks) >= maxBlocks || (b.plain > 0 && (s.size() >= target || len(s.tokens) >= maxTokens/2)) {
			break
		}
	}
	if !s.last {
		s.consumed = d.in.offset()
	}
	d.plain += int64(s.size())
	return nil
}

func (d *decoder) finish(s *segment) {
	s.last = true
	s.padding = uint8(d.in.take(d.in.n & 7))
	s.consumed = d.in.offset()
}

func (d *decoder) check(s *segment) error {
	total := d.plain + int64(s.size())
	switch {
	case d.in.overrun() || d.in.err != nil:
		return d.in.fail("unexpected end")
	case total > d.lim.Plain:
		return fmt.Errorf("deflate: more than %d plain bytes: %w", d.lim.Plain, ErrLimit)
	case total > 1<<20 && total/d.lim.Ratio > d.in.offset():
		return fmt.Errorf("deflate: ratio of plain to compressed bytes above %d: %w", d.lim.Ratio, ErrLimit)
	case d.blocks > d.lim.Blocks:
		return fmt.Errorf("deflate: more than %d blocks: %w", d.lim.Blocks, ErrLimit)
	}
	return nil
}

// block decodes one block, or as much of it as the segment may hold. done
// says that the block is complete.
func (d *decoder) block(s *segment) (done bool, err error) {
	b := s.addBlock()
	if d.inBlock {
		b.opened = true
		b.typ, b.final = d.current.typ, d.current.final
		b.header.copyFrom(&d.current.header)
	} else if err := d.startBlock(b); err != nil {
		return false, err
	}
	plain, tokens := s.end, len(s.tokens)
	if b.typ == stored {
		done, err = true, d.stored(s, b)
	} else {
		done, err = d.compressed(s)
	}
	b.plain, b.tokens = s.end-plain, len(s.tokens)-tokens
	b.cut = !done
	d.inBlock = !done
	if b.cut {
		d.current.typ, d.current.final = b.typ, b.final
		d.current.header.copyFrom(&b.header)
	}
	return done, err
}

// startBlock reads a block's type and codes.
func (d *decoder) startBlock(b *block) error {
	d.blocks++
	b.phase = uint8(d.in.phase())
	b.final = d.in.take(1) == 1
	b.typ = blockType(d.in.take(2))
	lit, dist := fixedLitLens[:], fixedDistLens[:]
	switch b.typ {
	case stored:
		return nil
	case fixed:
	case dynamic:
		if !b.header.read(&d.in, &d.clen) {
			return d.in.fail("bad code lengths")
		}
		var ok bool
		if lit, dist, ok = b.header.lens(&d.lens); !ok {
			return d.in.fail("bad code lengths")
		}
	default:
		return d.in.fail("bad block type")
	}
	if !d.lit.build(lit, litBits) || !d.dist.build(dist, distBits) {
		return d.in.fail("oversubscribed code")
	}
	return nil
}

// stored copies a stored block (RFC 1951 section 3.2.4).
func (d *decoder) stored(s *segment, b *block) error {
	b.pad = uint8(d.in.take(d.in.n & 7))
	n := d.in.take(16)
	if d.in.take(16) != n^0xffff {
		return d.in.fail("bad stored length")
	}
	s.makeRoom(s.end + int(n))
	s.buf = s.buf[:s.end+int(n)]
	if !d.in.bytes(s.buf[s.end:]) {
		return d.in.fail("unexpected end")
	}
	s.end = len(s.buf)
	return nil
}

// compressed decodes symbols until the block ends (done) or the segment is
// full.
func (d *decoder) compressed(s *segment) (done bool, err error) {
	for {
		s.makeRoom(s.end + 2*maxMatch)
		out := s.buf[:cap(s.buf)-slack]
		var st decodeState
		s.end, s.tokens, st = d.run(out, s.end, s.tokens)
		s.buf = out[:s.end]
		switch st {
		case blockDone:
			return true, nil
		case badSymbol:
			return false, d.in.fail("bad symbol")
		case badDistance:
			return false, d.in.fail("distance before the start")
		}
		if d.in.overrun() || d.in.err != nil {
			return false, d.in.fail("unexpected end")
		}
		if s.size() >= maxPlain || len(s.tokens) >= maxTokens {
			return false, nil
		}
	}
}

type decodeState int

const (
	needRoom decodeState = iota
	blockDone
	badSymbol
	badDistance
)

// run decodes symbols until the block ends or either out or the capacity of
// tokens is nearly used up. end is where the next byte of out goes; the bytes
// before are the window.
func (d *decoder) run(out []byte, end int, tokens []token) (int, []token, decodeState) {
	in := &d.in
	acc, n := in.acc, in.n
	limit := len(out) - maxMatch
	nt := len(tokens)
	tokens = tokens[:cap(tokens)]
	st := needRoom
	litTable, distTable := d.lit.entries, d.dist.entries
	for end <= limit && nt < len(tokens) {
		if n < 48 {
			if in.pos+8 <= in.end {
				acc |= binary.LittleEndian.Uint64(in.buf[in.pos:]) << (n & 63)
				k := (63 - n) >> 3
				in.pos += int(k)
				n += k << 3
			} else {
				in.acc, in.n = acc, n
				in.fillSlow()
				acc, n = in.acc, in.n
				if in.padded > 1024 {
					break
				}
			}
		}
		e := litTable[acc&(1<<litBits-1)]
		if e&linkBit != 0 {
			e = d.lit.lookup(acc)
		}
		if e == 0 {
			st = badSymbol
			break
		}
		acc >>= e & 15
		n -= uint(e & 15)
		sym := uint(e >> 4)
		if sym < 256 {
			out[end] = byte(sym)
			end++
			tokens[nt] = token(sym)
			nt++
			continue
		}
		if sym == endOfBlock {
			st = blockDone
			break
		}
		sym -= 257
		if sym >= uint(len(lengthBase)) {
			st = badSymbol
			break
		}
		x := uint(lengthExtra[sym])
		length := int(lengthBase[sym]) + int(acc&(1<<x-1))
		acc >>= x
		n -= x
		e = distTable[acc&(1<<distBits-1)]
		if e&linkBit != 0 {
			e = d.dist.lookup(acc)
		}
		dsym := uint(e >> 4)
		if e == 0 || dsym >= numDist {
			st = badSymbol
			break
		}
		acc >>= e & 15
		n -= uint(e & 15)
		x = uint(distExtra[dsym])
		dist := int(distBase[dsym]) + int(acc&(1<<x-1))
		acc >>= x
		n -= x
		from := end - dist
		if from < 0 {
			st = badDistance
			break
		}
		t := matchToken(length, dist)
		if length == maxMatch && sym == 27 {
			t |= oddBit
		}
		tokens[nt] = t
		nt++
		if dist >= length {
			copy(out[end:end+length], out[from:from+length])
			end += length
			continue
		}
		for i := range length {
			out[end+i] = out[from+i]
		}
		end += length
	}
	in.acc, in.n = acc, n
	return end, tokens[:nt], st
}
