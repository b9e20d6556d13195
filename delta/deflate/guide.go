package deflate

import (
	"context"
	"io"
	"iter"
	"math"
)

// A Guide tells [Join] which plain bytes of the new stream are copies of plain
// bytes of an old stream by the same encoder. Where a copied stretch has a
// copied window before it, the encoder did what it did before, so Join takes
// the old stream's tokens in place of searching for matches; only the seams
// between copies are searched. Copies that are equally far apart in both streams,
// with little between them, are as good as one: then searches are only made where
// they may meet what differs.
//
// A Guide is advice: it serves streams of the lazily matching models (zlib,
// gzip and Go levels from 4 on) and is passed over elsewhere. Errors of Old
// only end its use. But a false Guide, or in rare cases a true one (an encoder's
// choice may depend on the absolute position), can make the result wrong or Join
// fail with [ErrRecipe]; then call Join again without it. A Guide serves one call
// of Join.
type Guide struct {
	// Old is the old compressed stream from its first byte. It is read once,
	// forwards, as far as needed.
	Old io.Reader

	// Recipe is the recipe of the old stream.
	Recipe []byte

	// Copies yields the copied stretches in ascending order of New, without
	// overlaps in New. Stretches that go backwards in Old are searched
	// instead.
	Copies iter.Seq[Copy]
}

// A Copy says that Len plain bytes at offset New of the new stream equal
// those at offset Old of the old one.
type Copy struct {
	New, Old, Len int64
}

// sight is how many bytes from its start an encoder looks at to decide on a
// token: the longest match from the next position on.
const sight = maxMatch + 2

// guideTarget is the size of the segments in which the old stream is decoded.
const guideTarget = 256 << 10

// A hint is a run of tokens that the new stream very likely has from pos on.
type hint struct {
	pos, end int  // where they begin and end, indices in the segment's buf
	from, to int  // the tokens' place in the segment's tokens
	fresh    bool // the encoder begins here, with no match in hand
}

// A guideReader follows a guide through the new stream.
type guideReader struct {
	ctx    context.Context
	model  Model // of the new segment in work
	next   func() (stretch, bool)
	stop   func()
	copy   stretch
	active bool // copy is valid

	dec   decoder
	seg   *segment // of the old stream
	spare *segment
	block int       // block of seg of the next token
	left  int       // tokens of that block still to come
	rest  int64     // their plain bytes
	at    int       // next token of seg
	pos   int64     // its position in the old plain bytes
	fresh bool      // the encoder had no match in hand there
	spans []oldSpan // of the old plain bytes, from pos on
	done  bool      // the old stream has no more to give
	edits edits     // within copy
}

// An oldSpan says how the old tokens before a position were predicted.
type oldSpan struct {
	to    int64
	model Model // zero: not as predicted
}

// newGuideReader returns a reader of g, or nil if the guide is of no use.
func newGuideReader(ctx context.Context, g *Guide, lim Limits) *guideReader {
	if g == nil || g.Old == nil || g.Copies == nil {
		return nil
	}
	spans, ok := readSpans(g.Recipe)
	if !ok {
		return nil
	}
	r := &guideReader{ctx: ctx, spans: spans, seg: &segment{}, spare: &segment{}}
	r.dec.reset(g.Old, lim)
	r.dec.target = guideTarget
	r.next, r.stop = iter.Pull(stretches(g.Copies))
	r.copy, r.active = r.next()
	r.seg.begin(nil)
	r.decode(r.seg)
	return r
}

// A stretch is a copy with gaps: bytes, in old positions, that may differ after
// all.
type stretch struct {
	Copy
	gaps []gap
}

type gap struct {
	from, to int64
	changed  int // bytes that do differ, as far as is known
}

// stretches makes one of copies that are equally far apart in both streams, so
// that the window before a token may have come in pieces.
func stretches(copies iter.Seq[Copy]) iter.Seq[stretch] {
	return func(yield func(stretch) bool) {
		var s stretch
		for c := range copies {
			n := c.New - s.New - s.Len
			if s.Len > 0 && n >= 0 && n <= maxEdit && c.New-c.Old == s.New-s.Old {
				if n > 0 {
					s.gaps = append(s.gaps, gap{from: c.Old - n, to: c.Old})
				}
				s.Len += n + c.Len
				continue
			}
			if s.Len > 0 && !yield(s) {
				return
			}
			s = stretch{Copy: c}
		}
		if s.Len > 0 {
			yield(s)
		}
	}
}

func (r *guideReader) close() {
	if r != nil {
		r.stop()
	}
}

// readSpans reads from a recipe which tokens its models predict.
func readSpans(recipe []byte) (spans []oldSpan, ok bool) {
	in := newRecipeReader(recipe)
	model := in.start()
	from := int64(0)
	for i := 0; in.Err() == nil; i++ {
		rec := in.record(i, model)
		model = rec.model
		to := from + int64(rec.plain)
		if rec.last {
			to = math.MaxInt64
		}
		predicted := rec.model
		if len(rec.dense) > 0 || rec.model.sequential() {
			predicted = 0
		}
		list := newRecipeReader(rec.sparse)
		for p := from; list.Len() > 0; {
			p += int64(list.uint(maxPlain + maxStored))
			if list.uint(257) > 0 {
				list.uint(windowSize)
			}
			spans = append(spans, oldSpan{p, predicted}, oldSpan{p + 1, 0})
		}
		spans = append(spans, oldSpan{to, predicted})
		from = to
		if rec.last {
			return spans, in.Err() == nil
		}
	}
	return nil, false
}

func (r *guideReader) decode(s *segment) {
	r.block, r.left, r.at = -1, 0, 0
	r.pos = s.abs + int64(s.start)
	r.fresh = r.pos == 0
	if r.ctx.Err() != nil || r.dec.segment(s) != nil {
		r.done = true
	}
}

// flawed reports whether the token at pos is not what the model predicts.
func (r *guideReader) flawed(pos int64) bool {
	for len(r.spans) > 1 && r.spans[0].to <= pos {
		r.spans = r.spans[1:]
	}
	return !r.spans[0].model.searchesLike(r.model)
}

// shifty reports whether the token at pos depends on the absolute position: Go's reach is
// shorter for some positions of every window (see chainPredictor.reach), and pigz sees
// nothing behind the end of a chunk.
func (r *guideReader) shifty(pos, shift int64) bool {
	if !r.uneven(shift) {
		return false
	}
	if n := int64(r.model.chunk()); n > 0 {
		return n-pos%n < 2*maxMatch || n-(pos+shift)%n < 2*maxMatch
	}
	return goShort(pos) || goShort(pos+1) || goShort(pos+shift) || goShort(pos+shift+1)
}

// uneven reports whether with this shift some tokens are shifty.
func (r *guideReader) uneven(shift int64) bool {
	if n := int64(r.model.chunk()); n > 0 {
		return shift%n != 0
	}
	return r.model.family() == goFamily && shift%windowSize != 0
}

// tokens returns the tokens of the old stream from pos to the end of their
// block. Stored blocks have none: their bytes are passed over.
func (r *guideReader) tokens() []token {
	for r.left == 0 && !r.done {
		r.block++
		if r.block < len(r.seg.blocks) {
			b := &r.seg.blocks[r.block]
			r.left, r.rest = b.tokens, int64(b.plain)
			if b.typ == stored {
				r.pos += int64(b.plain)
				r.fresh = false
			}
			continue
		}
		if r.seg.last {
			r.done = true
			break
		}
		r.spare.begin(r.seg)
		r.seg, r.spare = r.spare, r.seg
		r.decode(r.seg)
	}
	if r.done {
		return nil
	}
	return r.seg.tokens[r.at : r.at+r.left]
}

// pass moves pos over n tokens of size bytes.
func (r *guideReader) pass(n int, size int64) {
	if n > 0 {
		r.fresh = r.seg.tokens[r.at+n-1].isMatch()
	}
	r.at += n
	r.left -= n
	r.rest -= size
	r.pos += size
}

// hints returns hints for segment s, which model m predicts.
func (r *guideReader) hints(s *segment, m Model) (hints []hint) {
	r.model = m
	from, to := s.abs+int64(s.start), s.abs+int64(s.end)
	for r.active && !r.done && r.copy.New < to {
		c := r.copy
		if c.Len > 0 && !m.sequential() {
			r.edits.begin(c, m)
			hints = r.collect(hints, s, from, min(c.New+c.Len-sight, to))
		}
		if c.New+c.Len > to {
			break
		}
		r.copy, r.active = r.next()
	}
	return hints
}

// collect adds the old tokens of the copy that begin from first to before stop in
// the new stream. They are kept in s.tokens.
func (r *guideReader) collect(hints []hint, s *segment, first, stop int64) []hint {
	shift := r.copy.New - r.copy.Old
	fits := s.abs + int64(s.end) - shift // no token may end behind this
	first, stop = first-shift, stop-shift
	expect := int64(-1)
	for r.pos < stop {
		tokens := r.tokens()
		if tokens == nil {
			break
		}
		r.edits.find(r.seg, s)
		first = max(first, r.edits.known-shift)
		n, size, usable := r.alike(tokens, first, min(stop, fits+1), shift)
		if n == 0 || r.pos+size > fits {
			break
		}
		if usable {
			if r.pos != expect {
				at := len(s.tokens)
				hints = append(hints, hint{pos: int(r.pos + shift - s.abs), from: at, fresh: r.fresh})
			}
			s.tokens = append(s.tokens, tokens[:n]...)
			expect = r.pos + size
			h := &hints[len(hints)-1]
			h.to, h.end = len(s.tokens), int(expect+shift-s.abs)
		}
		r.pass(n, size)
	}
	return hints
}

// alike returns how many of the tokens from pos on, which begin before stop, are
// all usable, or all not.
func (r *guideReader) alike(tokens []token, first, stop, shift int64) (n int, size int64, usable bool) {
	usable = r.pos >= first && !r.flawed(r.pos) && !r.shifty(r.pos, shift)
	switch {
	case r.pos < first:
		stop = min(stop, first)
	case usable:
		stop = min(stop, r.spans[0].to)
	default:
		return 1, int64(tokens[0].size()), false
	}
	each := usable && r.uneven(shift)
	if end := r.pos + r.rest; usable && !each && end <= stop && r.edits.none(r.pos+shift, end+shift) {
		return len(tokens), r.rest, true
	}
	for n < len(tokens) && r.pos+size < stop {
		t := int64(tokens[n].size())
		if usable && !r.edits.spare(r.pos+size+shift, tokens[n:]) {
			if n == 0 {
				return 1, t, false
			}
			break
		}
		if each && n > 0 && r.shifty(r.pos+size, shift) {
			break
		}
		size += t
		n++
	}
	return n, size, usable
}

// A follower finds the hints for the positions of a segment, in ascending
// order.
type follower struct {
	hints  []hint
	tokens []token // of the segment
	k      int     // next token
	pos    int     // its index in buf
	fresh  bool
}

func (f *follower) reset(hints []hint, tokens []token) {
	f.hints, f.tokens = hints, tokens
	f.enter()
}

func (f *follower) enter() {
	if len(f.hints) > 0 {
		h := &f.hints[0]
		f.k, f.pos, f.fresh = h.from, h.pos, h.fresh
	}
}

// at returns the run of tokens that hold at pos, where the encoder has no
// match in hand. The run ends behind a match and before stop.
func (f *follower) at(pos, stop int) []token {
	for len(f.hints) > 0 {
		tokens := f.tokens[:f.hints[0].to]
		for f.k < len(tokens) && f.pos < pos {
			f.fresh = tokens[f.k].isMatch()
			f.pos += tokens[f.k].size()
			f.k++
		}
		if f.k < len(tokens) {
			if f.pos == pos && f.fresh {
				return f.run(tokens[f.k:], pos, stop)
			}
			return nil
		}
		f.hints = f.hints[1:]
		f.enter()
	}
	return nil
}

func (f *follower) run(tokens []token, pos, stop int) []token {
	if f.hints[0].end <= stop {
		n := len(tokens)
		for n > 0 && !tokens[n-1].isMatch() {
			n--
		}
		return tokens[:n]
	}
	n := 0
	for i, t := range tokens {
		pos += t.size()
		if pos > stop {
			break
		}
		if t.isMatch() {
			n = i + 1
		}
	}
	return tokens[:n]
}
