package deflate

import (
	"encoding/binary"
	"fmt"
)

// A joint is what stands between two pieces of output: a way to the byte
// boundary, which depends on how many bits come before the segment.
type joint uint8

const (
	noJoint   joint = iota
	padJoint        // skip to the byte boundary, with given bits
	pigzJoint       // pigz's padding
)

// A piece is a run of bits of a rebuilt segment: the output bytes up to end, of
// the last of which only the low bits count (all if bits is 0), and the joint
// behind them.
type piece struct {
	end   int
	bits  uint
	joint joint
	pad   uint8
}

// A rebuilder turns plain bytes and a record into compressed bits.
type rebuilder struct {
	*engine
	state   blockState
	hdr     header
	excs    exceptionReader
	sparse  recipeReader
	wrongAt int // index in buf of the next mismatch, -1 for none
	wrong   token
	coded   bool // tokens are corrected by decoder
	dense   denseModel
	decoder rangeDecoder
	guide   follower
	run     []token // to be taken as they are
	fresh   bool    // the encoder has no match in hand
	steps   int64   // that the segment took
	taken   int     // bytes whose tokens were taken from guides
	tokens  []token
	lens    [numLit + numDist]uint8
	litCode [numLit + 2]uint16
	dstCode [numDist]uint16

	out    bitWriter
	pieces []piece
}

// rebuild makes the bits of segment s, whose blocks and tokens are unknown, in
// r.out and r.pieces.
func (r *rebuilder) rebuild(s *segment, rec *record, follows bool, hints []hint) error {
	if r.engine == nil {
		r.engine = &engine{}
	}
	r.guide.reset(hints, s.tokens)
	r.run, r.fresh = nil, s.abs+int64(s.start) == 0
	if rec.model != r.model {
		r.use(rec.model)
	}
	if r.coded = len(rec.dense) > 0; r.coded {
		if rec.model.sequential() || !rec.model.usesChains() {
			return fmt.Errorf("deflate: coded tokens for model %s: %w", rec.model, ErrRecipe)
		}
		r.dense.reset()
		r.decoder.reset(rec.dense)
	}
	r.allow(mayStep(int64(len(s.buf))))
	before := r.chain.stepped()
	defer func() { r.steps = r.chain.stepped() - before }()
	r.pred.begin(s, follows)
	r.out.reset()
	r.pieces = r.pieces[:0]
	r.excs.reset(rec.blocks)
	r.sparse = newRecipeReader(rec.sparse)
	r.wrongAt = s.start
	r.nextWrong(s)
	end := s.plainEnd()
	pos := s.start
	i := 0
	for ; ; i++ {
		if i > maxBlocks {
			return fmt.Errorf("deflate: too many blocks: %w", ErrRecipe)
		}
		stop, final, err := r.block(s, i, pos, end)
		if err != nil {
			return err
		}
		pos = stop
		if rec.count >= 0 {
			if i+1 >= rec.count {
				break
			}
		} else if segmentEnds(rec.last, final, pos == s.end) {
			break
		}
	}
	if pos != s.end || r.wrongAt >= 0 || r.excs.beyond(i) || r.excs.r.Err() != nil || r.sparse.Err() != nil {
		return fmt.Errorf("deflate: corrections do not fit: %w", ErrRecipe)
	}
	r.cutPiece(noJoint, 0)
	return nil
}

func (r *rebuilder) cutPiece(j joint, pad uint8) {
	bits := r.out.flush()
	r.pieces = append(r.pieces, piece{len(r.out.out), bits, j, pad})
}

// nextWrong reads the next mismatch.
func (r *rebuilder) nextWrong(s *segment) {
	if r.sparse.Len() == 0 {
		r.wrongAt = -1
		return
	}
	r.wrongAt += r.sparse.uint(maxPlain + maxStored + maxMatch)
	n := r.sparse.uint(257)
	switch {
	case n == 0:
		r.wrong = token(s.buf[min(r.wrongAt, len(s.buf)-1)])
		return
	case n == 257:
		r.wrong = oddBit | matchToken(maxMatch, 1)
	default:
		r.wrong = matchToken(n+2, 1)
	}
	r.wrong |= token(r.sparse.uint(windowSize-1)) << 9
}

// block rebuilds block i, which starts at pos, and returns where it stops.
func (r *rebuilder) block(s *segment, i, pos int, end int64) (stop int, final bool, err error) {
	x := r.excs.at(i)
	if x == nil {
		x = &exception{}
	}
	if x.more&excOpened == 0 && x.flags&excNoPads == 0 && r.plan.pads(s.abs+int64(pos), end) {
		r.cutPiece(pigzJoint, 0)
	}
	st := &r.state
	st.begin(s.abs + int64(pos))
	r.tokens = r.tokens[:0]
	if x.flags&excEnd != 0 && x.typ == stored {
		stop = pos + x.end
		if x.flags&excType == 0 || x.end > maxStored || stop > s.end {
			return 0, false, fmt.Errorf("deflate: stored block does not fit: %w", ErrRecipe)
		}
		r.phantom(st, pos, stop, end)
		if r.spent() {
			return 0, false, errSteps()
		}
	} else if stop, err = r.gather(s, x, pos, end); err != nil {
		return 0, false, err
	}
	typ, final := r.plan.finish(st, end, &r.hdr)
	if x.flags&excType != 0 {
		typ = x.typ
	}
	if x.flags&excFinal != 0 {
		final = !final
	}
	h := &r.hdr
	if x.flags&excHeader != 0 {
		h = &x.header
	}
	if err := r.write(s.buf[pos:stop], typ, final, x, h); err != nil {
		return 0, false, err
	}
	return stop, final && x.more&excCut == 0, nil
}

// gather collects the tokens of a block.
func (r *rebuilder) gather(s *segment, x *exception, pos int, end int64) (stop int, err error) {
	st := &r.state
	count := -1
	if x.flags&excEnd != 0 {
		count = x.end
	}
	for {
		if count >= 0 {
			if st.tokens == count {
				return pos, nil
			}
		} else if r.plan.ends(st, end) {
			return pos, nil
		}
		stopTokens, stopPos := count, end
		if count < 0 {
			stopTokens, stopPos = r.plan.horizon(st, end)
		}
		stopPos = min(stopPos, s.abs+int64(s.end))
		if pos >= s.end || stopTokens > maxTokens {
			return 0, fmt.Errorf("deflate: block does not fit its segment: %w", ErrRecipe)
		}
		for st.tokens < stopTokens && st.pos < stopPos {
			if len(r.guide.hints) > 0 && r.fresh && len(r.run) == 0 && !r.coded {
				stop := s.end
				if r.wrongAt >= 0 {
					stop = min(stop, r.wrongAt)
				}
				r.run = r.guide.at(pos, stop)
			}
			if len(r.run) > 0 {
				pos = r.take(pos, stopTokens, stopPos)
				continue
			}
			t := r.pred.predict(pos)
			switch {
			case r.coded:
				t = r.dense.code(&r.decoder, r.chain, pos, t, t)
			case r.wrongAt == pos:
				t = r.wrong
				r.nextWrong(s)
			}
			r.pred.advance(pos, t)
			st.add(t)
			r.tokens = append(r.tokens, t)
			pos += t.size()
			r.fresh = t.isMatch()
			if r.spent() {
				return 0, errSteps()
			}
		}
		if pos > s.end {
			return 0, fmt.Errorf("deflate: token does not fit its segment: %w", ErrRecipe)
		}
	}
}

// take takes tokens of the run until it or the block ends.
func (r *rebuilder) take(pos, stopTokens int, stopPos int64) int {
	st := &r.state
	before := st.pos
	n := st.addAll(r.run[:min(len(r.run), stopTokens-st.tokens)], stopPos)
	pos += int(st.pos - before)
	r.taken += int(st.pos - before)
	r.tokens = append(r.tokens, r.run[:n]...)
	r.run = r.run[n:]
	if len(r.run) == 0 {
		r.fresh = true
		r.chain.jump(pos)
	}
	return pos
}

// write codes a block.
func (r *rebuilder) write(plain []byte, typ blockType, final bool, x *exception, h *header) error {
	w := &r.out
	if x.more&excOpened == 0 {
		bit := uint32(0)
		if final {
			bit = 1
		}
		w.put(bit|uint32(typ)<<1, 3)
	}
	switch typ {
	case stored:
		if len(plain) > maxStored {
			return fmt.Errorf("deflate: stored block too large: %w", ErrRecipe)
		}
		r.cutPiece(padJoint, x.pad)
		w.out = binary.LittleEndian.AppendUint16(w.out, uint16(len(plain)))
		w.out = binary.LittleEndian.AppendUint16(w.out, ^uint16(len(plain)))
		w.out = append(w.out, plain...)
		return nil
	case fixed:
		r.writeTokens(fixedLitLens[:], fixedDistLens[:], x)
		return nil
	case dynamic:
		if x.more&excOpened == 0 {
			h.write(w)
		}
		lit, dist, ok := h.lens(&r.lens)
		if !ok {
			return fmt.Errorf("deflate: bad code lengths: %w", ErrRecipe)
		}
		r.writeTokens(lit, dist, x)
		return nil
	}
	return fmt.Errorf("deflate: bad block type: %w", ErrRecipe)
}

// writeTokens codes the gathered tokens. A symbol that the code lacks is
// written with no bits; then the result is wrong, which the caller finds out.
func (r *rebuilder) writeTokens(lit, dist []uint8, x *exception) {
	var litLen [numLit + 2]uint8
	var distLen [numDist]uint8
	copy(litLen[:], lit)
	copy(distLen[:], dist)
	codes(litLen[:], r.litCode[:])
	codes(distLen[:], r.dstCode[:])
	w := &r.out
	for _, t := range r.tokens {
		if !t.isMatch() {
			w.put(uint32(r.litCode[t&255]), uint(litLen[t&255]))
			continue
		}
		c := t.lengthSym()
		n := uint(litLen[257+int(c)])
		w.put(uint32(r.litCode[257+int(c)])|uint32(t.length()-int(lengthBase[c]))<<n, n+uint(lengthExtra[c]))
		d := distCode(t.dist())
		n = uint(distLen[d])
		w.put(uint32(r.dstCode[d])|uint32(t.dist()-int(distBase[d]))<<n, n+uint(distExtra[d]))
	}
	if x.more&excCut == 0 {
		w.put(uint32(r.litCode[endOfBlock]), uint(litLen[endOfBlock]))
	}
}
