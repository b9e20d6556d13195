package deflate

import (
	"context"
	"fmt"
	"io"
	"math"
)

// Option adjusts one call of [Split] or of [Splitter.Split].
type Option func(*splitOptions)

type splitOptions struct {
	first Model
}

// WithModel makes Split try model m first and keep it when it predicts the
// stream without corrections. Give it the model of an earlier stream of the
// same archive: choosing is then free, and members that any of several models
// would fit get equal recipes.
func WithModel(m Model) Option {
	return func(o *splitOptions) { o.first = m }
}

// Split decodes the raw deflate stream at the front of r, writes its plain
// bytes to plain in order, and returns the recipe from which, with the plain
// bytes, [Join] rebuilds the stream. consumed is the number of compressed
// bytes the stream occupies, up to and including the byte that holds its last
// bit. Split reads ahead: after it returns, r may stand past the stream's end, so
// a caller that needs what follows uses consumed to seek there.
//
// The same stream, limits and options give the same recipe. On an error plain
// may have received some bytes; discard them. Errors: [ErrCorrupt],
// [ErrLimit], [ErrNotWorth], ctx's error, or what r and plain returned.
//
// For many small streams use a [Splitter], which keeps its tables.
func Split(ctx context.Context, r io.Reader, plain io.Writer, lim Limits, opts ...Option) (recipe []byte, consumed int64, err error) {
	return NewSplitter(lim).Split(ctx, r, plain, opts...)
}

// A Splitter splits one stream after another, reusing its memory. It is not
// safe for concurrent use; several Splitters are independent.
type Splitter struct {
	lim      Limits
	dec      decoder
	analysts []*analyst
	segments []*segment // not in use

	recipe []byte
	base   Model
}

// NewSplitter returns a Splitter with the given limits.
func NewSplitter(lim Limits) *Splitter {
	s := &Splitter{lim: lim.withDefaults()}
	s.analysts = make([]*analyst, s.lim.Workers)
	for i := range s.analysts {
		s.analysts[i] = &analyst{}
	}
	return s
}

// Split is [Split] with this Splitter's limits and memory.
func (s *Splitter) Split(ctx context.Context, r io.Reader, plain io.Writer, opts ...Option) (recipe []byte, consumed int64, err error) {
	var o splitOptions
	for _, opt := range opts {
		opt(&o)
	}
	s.dec.reset(r, s.lim)
	s.recipe = s.recipe[:0]
	source := &segmentSource{split: s, plain: plain}
	seg, err := source.next(ctx)
	if err != nil {
		return nil, 0, err
	}
	a := s.analysts[0]
	s.base, _ = a.choose(seg, o.first)
	s.recipe = append(s.recipe, recipeVersion)
	s.recipe = appendModel(s.recipe, s.base)
	rec := a.record(seg, s.base, false)
	consumed, err = s.add(seg, &rec)
	if err == nil && !seg.last {
		consumed, err = s.rest(ctx, source, seg)
	}
	s.segments = append(s.segments, seg)
	if err != nil {
		return nil, 0, err
	}
	return append([]byte(nil), s.recipe...), consumed, nil
}

// record analyses a segment for the recipe.
func (a *analyst) record(s *segment, base Model, follows bool) record {
	rec, _ := a.run(s, base, follows, math.MaxInt)
	return rec
}

// add appends a segment's record to the recipe.
func (s *Splitter) add(seg *segment, rec *record) (consumed int64, err error) {
	s.recipe = rec.append(s.recipe, seg.index, s.base)
	n := int64(len(s.recipe))
	if n > int64(s.lim.Recipe) || (n > 4<<10 && n*100/int64(s.lim.Worth) > seg.consumed) {
		return 0, fmt.Errorf("deflate: recipe of %d bytes for %d of stream: %w", n, seg.consumed, ErrNotWorth)
	}
	return seg.consumed, nil
}

// newSegment returns an unused segment.
func (s *Splitter) newSegment() *segment {
	if n := len(s.segments); n > 0 {
		seg := s.segments[n-1]
		s.segments = s.segments[:n-1]
		return seg
	}
	return &segment{}
}

// A segmentSource delivers decoded segments complete with their tails.
type segmentSource struct {
	split *Splitter
	plain io.Writer
	ahead *segment // decoded, its tail not known yet
}

// next returns the next segment.
func (q *segmentSource) next(ctx context.Context) (*segment, error) {
	if q.ahead == nil {
		var err error
		if q.ahead, err = q.decode(ctx, nil); err != nil {
			return nil, err
		}
	}
	seg := q.ahead
	if seg.last {
		return seg, nil
	}
	var err error
	if q.ahead, err = q.decode(ctx, seg); err != nil {
		return nil, err
	}
	seg.setTail(q.ahead.buf[q.ahead.start:q.ahead.end])
	return seg, nil
}

func (q *segmentSource) decode(ctx context.Context, prev *segment) (*segment, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	seg := q.split.newSegment()
	seg.begin(prev)
	if err := q.split.dec.segment(seg); err != nil {
		return nil, err
	}
	if _, err := q.plain.Write(seg.buf[seg.start:seg.end]); err != nil {
		return nil, fmt.Errorf("deflate: writing plain bytes: %w", err)
	}
	return seg, nil
}

// rest splits what follows the first segment.
func (s *Splitter) rest(ctx context.Context, source *segmentSource, seg *segment) (consumed int64, err error) {
	for !seg.last {
		next, err := source.next(ctx)
		if err != nil {
			return 0, err
		}
		rec := s.analysts[0].record(next, s.base, s.base.sequential())
		if consumed, err = s.add(next, &rec); err != nil {
			return 0, err
		}
		s.segments = append(s.segments, next)
		seg = next
	}
	return consumed, nil
}
