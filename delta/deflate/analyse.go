package deflate

import (
	"encoding/binary"
	"math"
)

// An engine holds what predicts one segment: a match search and a planner.
type engine struct {
	model  Model
	chain  *chainPredictor
	snappy *snappyPredictor
	pred   predictor
	plan   planner
	most   int64 // the steps that the chain may come to
}

// use makes the engine predict as m does.
func (e *engine) use(m Model) {
	e.model = m
	e.plan.configure(m)
	switch {
	case m == newModel(goFamily, 1):
		if e.snappy == nil {
			e.snappy = &snappyPredictor{}
		}
		e.pred = e.snappy
		return
	case !m.usesChains():
		e.pred = &literalPredictor{}
		return
	}
	if e.chain == nil {
		e.chain = &chainPredictor{}
	}
	e.chain.configure(m.chainConfig())
	e.pred = e.chain
}

// allow lets the searches take so many steps until the next call.
func (e *engine) allow(steps int64) { e.most = e.chain.stepped() + steps }

// spent reports whether they took more.
func (e *engine) spent() bool { return e.chain.stepped() > e.most }

// plainEnd returns the position at which the plain bytes end as seen from
// segment s, or a position out of reach.
func (s *segment) plainEnd() int64 {
	if s.ended() {
		return s.abs + int64(len(s.buf))
	}
	return math.MaxInt64
}

// A mismatch is a token that the model does not predict.
type mismatch struct {
	pos int // index in the segment's buf
	tok token
}

// An analyst compares decoded segments with what a model predicts.
type analyst struct {
	engine
	state  blockState
	hdr    header
	exc    exception
	blocks []byte // coded exceptions
	sparse []byte
	wrong  []mismatch
	budget int // give up when blocks and wrong cost more than this many bytes

	work    int64 // that of all runs, in steps (see chainPredictor)
	looked  int64 // plain bytes that all runs compared with a model
	trust   int   // index in buf from which tokens are taken as predicted
	coding  bool
	dense   denseModel
	encoder rangeEncoder
}

// mismatchCost is about what a mismatch needs in a recipe, in bytes.
const mismatchCost = 3

// blockWork is the work of a block's codes, in steps.
const blockWork = 4 << 10

// run predicts segment s with model m. follows says that the last run was on
// the segment before with the same model. ok is false when the budget was
// exceeded. The record's parts are valid until the next run.
func (a *analyst) run(s *segment, m Model, follows bool, budget int) (rec record, ok bool) {
	if m != a.model {
		a.use(m)
	}
	a.allow(mayStep(int64(len(s.buf))))
	before := a.chain.work()
	defer func() { a.work += a.chain.work() - before }()
	if a.trust > s.start || s.storesBytes() {
		a.pred.begin(s, follows)
	}
	a.blocks, a.wrong, a.budget = a.blocks[:0], a.wrong[:0], budget
	end := s.plainEnd()
	pos, tokens := s.start, s.tokens
	defer func() { a.looked += int64(max(0, min(a.trust, pos)-s.start)) }()
	planned, gap, odd := 0, 0, false
	for i := 0; i < len(s.blocks); {
		a.exc = exception{header: a.exc.header}
		if a.plan.pads(s.abs+int64(pos), end) && !s.blocks[i].opened {
			n, ok := padsAt(s.blocks[i:])
			i += n
			if !ok {
				a.exc.flags |= excNoPads
			}
		}
		b := &s.blocks[i]
		i++
		a.block(s, b, pos, tokens[:b.tokens], end)
		a.work += blockWork
		pos, tokens = pos+b.plain, tokens[b.tokens:]
		if a.exc.empty() {
			gap++
		} else {
			a.blocks = a.exc.append(a.blocks, gap)
			gap = 0
		}
		planned++
		if a.cost() > budget || a.spent() {
			return rec, false
		}
		odd = odd || segmentEnds(s.last, b.final && !b.cut, pos == s.end) != (i == len(s.blocks))
	}
	rec = record{last: s.last, plain: s.size(), model: m, count: -1, blocks: a.blocks, padding: s.padding}
	if odd {
		rec.count = planned
	}
	if a.coding {
		rec.dense = a.encoder.finish()
	} else {
		rec.sparse = a.codeSparse(s.start)
	}
	return rec, true
}

func (a *analyst) cost() int { return len(a.blocks) + mismatchCost*len(a.wrong) }

// segmentEnds is the rule by which a segment ends at a block, unless its
// number of blocks is given.
func segmentEnds(last, final, spent bool) bool {
	if last {
		return final
	}
	return spent
}

// padsAt reports whether the blocks begin with the padding of pigz, and how
// many blocks that is. A block must follow.
func padsAt(blocks []block) (n int, ok bool) {
	fixedBlocks, storedBlock := padding(uint(blocks[0].phase))
	n = fixedBlocks
	if storedBlock {
		n++
	}
	if n >= len(blocks) {
		return 0, false
	}
	for i := range n {
		b := &blocks[i]
		want := fixed
		if i >= fixedBlocks {
			want = stored
		}
		if b.typ != want || b.plain != 0 || b.final || b.pad != 0 || b.opened || b.cut {
			return 0, false
		}
	}
	return n, true
}

// block predicts one block and notes in a.exc how it departs.
func (a *analyst) block(s *segment, b *block, pos int, tokens []token, end int64) {
	st := &a.state
	st.begin(s.abs + int64(pos))
	var asPlanned bool
	if b.typ == stored {
		if pos >= a.trust {
			a.chain.jump(pos)
		}
		asPlanned = a.phantom(st, pos, pos+b.plain, end)
	} else {
		asPlanned = a.tokens(pos, tokens, end)
	}
	typ, final := a.plan.finish(st, end, &a.hdr)
	e := &a.exc
	if typ != b.typ {
		e.flags |= excType
	}
	if final != b.final {
		e.flags |= excFinal
	}
	if !asPlanned || b.opened || b.cut {
		e.flags |= excEnd | excType
		e.end = b.tokens
		if b.typ == stored {
			e.end = b.plain
		}
	}
	if b.opened {
		e.more |= excOpened
	}
	if b.cut {
		e.more |= excCut
	}
	if b.pad != 0 {
		e.more |= excPad
		e.pad = b.pad
	}
	e.typ = b.typ
	if b.typ == dynamic && (b.opened || b.cut || !a.hdr.equal(&b.header)) {
		e.flags |= excHeader
		e.header.copyFrom(&b.header)
	}
}

// tokens predicts the tokens of a block and reports whether the block ends
// where planned.
func (a *analyst) tokens(pos int, tokens []token, end int64) bool {
	st := &a.state
	if len(tokens) == 0 {
		return a.plan.ends(st, end)
	}
	stopTokens, stopPos := a.plan.horizon(st, end)
	early := false
	for i, t := range tokens {
		if pos < a.trust {
			if !a.check(pos, t) {
				return false
			}
		}
		st.add(t)
		pos += t.size()
		if st.tokens >= stopTokens || st.pos >= stopPos {
			if a.plan.ends(st, end) {
				if i == len(tokens)-1 {
					return !early
				}
				early = true
				stopTokens, stopPos = math.MaxInt, math.MaxInt64
				continue
			}
			stopTokens, stopPos = a.plan.horizon(st, end)
		}
	}
	return false
}

// check predicts the token at pos and notes whether it is t. It reports false
// when the budget or the steps are spent.
func (a *analyst) check(pos int, t token) bool {
	g := a.pred.predict(pos)
	switch {
	case a.coding:
		a.dense.code(&a.encoder, a.chain, pos, g, t)
	case g != t:
		a.wrong = append(a.wrong, mismatch{pos, t})
		if len(a.wrong)*mismatchCost > a.budget {
			return false
		}
	}
	a.pred.advance(pos, t)
	return !a.spent()
}

// phantom predicts the tokens that the encoder had before it chose to store
// the bytes from pos to stop, and reports whether the block ends where
// planned. A token that would cross stop is dropped.
func (e *engine) phantom(st *blockState, pos, stop int, end int64) bool {
	early := false
	for pos < stop && !e.spent() {
		t := e.pred.predict(pos)
		n := t.size()
		if pos+n > stop {
			e.pred.skip(pos, stop-pos)
			st.pos += int64(stop - pos)
			return false
		}
		e.pred.advance(pos, t)
		st.add(t)
		pos += n
		if pos < stop && e.plan.ends(st, end) {
			early = true
		}
	}
	return !early && e.plan.ends(st, end)
}

// codeSparse lists the mismatches: for each the number of plain bytes since
// the one before, then 0 for a literal, else length-2 (257 for the odd
// spelling of 258) and distance-1.
func (a *analyst) codeSparse(start int) []byte {
	out := a.sparse[:0]
	for _, w := range a.wrong {
		out = binary.AppendUvarint(out, uint64(w.pos-start))
		start = w.pos
		switch {
		case !w.tok.isMatch():
			out = append(out, 0)
			continue
		case w.tok&oddBit != 0:
			out = binary.AppendUvarint(out, 257)
		default:
			out = binary.AppendUvarint(out, uint64(w.tok.length()-2))
		}
		out = binary.AppendUvarint(out, uint64(w.tok.dist()-1))
	}
	a.sparse = out
	return out
}

// record analyses a segment for the recipe. Of its plain bytes the first sample
// ones are checked, all if that is nearly all; none of an eager model behind the
// stream's first segment, since they would take all those before.
func (a *analyst) record(s *segment, m Model, follows bool, sample int) (rec record) {
	a.trust = math.MaxInt
	if m.usesChains() && s.size()/2 >= sample {
		a.trust = s.start + sample
		if m.sequential() && s.index > 0 {
			a.trust = s.start
		}
	}
	before, looked := a.chain.stepped(), a.looked
	defer func() { rec.steps, rec.looked = a.chain.stepped()-before, a.looked-looked }()
	mayCode := m.usesChains() && !m.sequential()
	budget := math.MaxInt
	if mayCode {
		budget = mismatchCost*(len(s.tokens)/manyShare+minDense) + maxHeader*len(s.blocks)
	}
	rec, ok := a.run(s, m, follows && a.trust == math.MaxInt, budget)
	if len(a.wrong) > 0 && a.trust < s.end {
		a.trust = math.MaxInt
		rec, ok = a.run(s, m, false, budget)
	}
	if a.spent() {
		return rec
	}
	if ok && (len(a.wrong) <= len(s.tokens)/denseShare || len(rec.sparse) < minDense || !mayCode) {
		return rec
	}
	var sparse record
	if ok {
		sparse = rec.clone()
	}
	a.coding = true
	a.dense.reset()
	a.encoder.reset()
	rec, _ = a.run(s, m, false, math.MaxInt)
	a.coding = false
	if !ok || len(rec.dense) < len(sparse.sparse) {
		return rec
	}
	return sparse
}

// Tokens are coded rather than listed when more than one in denseShare is
// wrong and the list has minDense bytes; where more than one in manyShare is, the
// list is not even made.
const (
	denseShare = 256
	manyShare  = 32
	minDense   = 64
	maxHeader  = 320 // bytes that the exception of a block may take
)

// storesBytes reports whether the segment has stored blocks.
func (s *segment) storesBytes() bool {
	for i := range s.blocks {
		if s.blocks[i].typ == stored {
			return true
		}
	}
	return false
}

// matches counts the matches of a segment.
func (s *segment) matches() (n int) {
	for _, t := range s.tokens {
		if t.isMatch() {
			n++
		}
	}
	return n
}
