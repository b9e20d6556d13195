package deflate

import (
	"context"
	"fmt"
	"io"
)

// Join writes to w the compressed bytes that recipe and the plain bytes
// stand for. plain is read to its end. Join does not know whether plain holds
// the right bytes: given others it writes some other stream or fails with
// [ErrRecipe]. The caller compares digests.
//
// guide may be nil. With a guide the result should be the same, sooner;
// should its digest be wrong, call Join again without it (see [Guide]).
//
// Errors: [ErrRecipe], [ErrLimit], ctx's error, or what w and plain returned.
//
// For many small streams use a [Joiner], which keeps its tables.
func Join(ctx context.Context, w io.Writer, plain io.Reader, recipe []byte, lim Limits, guide *Guide) error {
	return NewJoiner(lim).Join(ctx, w, plain, recipe, guide)
}

// A Joiner joins one stream after another, reusing its memory. It is not safe
// for concurrent use; several Joiners are independent.
type Joiner struct {
	lim        Limits
	rebuilders []*rebuilder
	segments   []*segment // not in use
	splice     splicer
}

// NewJoiner returns a Joiner with the given limits.
func NewJoiner(lim Limits) *Joiner {
	j := &Joiner{lim: lim.withDefaults()}
	j.rebuilders = make([]*rebuilder, j.lim.Workers)
	for i := range j.rebuilders {
		j.rebuilders[i] = &rebuilder{}
	}
	return j
}

// Join is [Join] with this Joiner's limits and memory.
func (j *Joiner) Join(ctx context.Context, w io.Writer, plain io.Reader, recipe []byte, guide *Guide) error {
	if len(recipe) > j.lim.Recipe {
		return fmt.Errorf("deflate: recipe of %d bytes: %w", len(recipe), ErrRecipe)
	}
	source := &plainSource{join: j, r: plain, recipe: recipeReader{b: recipe}}
	source.base = source.recipe.start()
	j.splice.reset(w)
	for follows := false; ; follows = true {
		if err := ctx.Err(); err != nil {
			return err
		}
		seg, rec, err := source.next()
		if err != nil {
			return err
		}
		r := j.rebuilders[0]
		if err := r.run(seg, &rec, follows && rec.model.sequential()); err != nil {
			return err
		}
		if err := j.splice.segment(r.out.out, r.pieces); err != nil {
			return fmt.Errorf("deflate: writing: %w", err)
		}
		if rec.last {
			return j.splice.finish(rec.padding)
		}
	}
}

// A plainSource cuts the plain bytes into the segments that a recipe names.
type plainSource struct {
	join   *Joiner
	r      io.Reader
	recipe recipeReader
	base   Model
	total  int64
	prev   *segment
	ahead  []byte // read but not yet part of a segment
	eof    bool
}

// next reads the next segment and its record.
func (q *plainSource) next() (*segment, record, error) {
	index := 0
	if q.prev != nil {
		index = q.prev.index + 1
	}
	rec := q.recipe.record(index, q.base)
	if rec.last && q.recipe.err == nil && len(q.recipe.b) > 0 {
		q.recipe.fail("bytes after the last segment")
	}
	if q.recipe.err != nil {
		return nil, rec, q.recipe.err
	}
	seg := q.join.newSegment()
	seg.begin(q.prev)
	if err := q.fill(seg, rec.plain); err != nil {
		return nil, rec, err
	}
	if q.prev != nil {
		q.join.segments = append(q.join.segments, q.prev)
	}
	q.prev = seg
	return seg, rec, nil
}

func (j *Joiner) newSegment() *segment {
	if n := len(j.segments); n > 0 {
		seg := j.segments[n-1]
		j.segments = j.segments[:n-1]
		return seg
	}
	return &segment{}
}

// fill gives the segment its plain bytes, size of them or all if size is -1,
// and its tail.
func (q *plainSource) fill(s *segment, size int) error {
	want := size
	if size < 0 {
		want = maxPlain + maxStored + maxMatch
	}
	s.buf = append(s.buf, q.ahead...)
	q.ahead = q.ahead[:0]
	for !q.eof && len(s.buf)-s.start < want+tailSize {
		s.end = len(s.buf)
		s.makeRoom(s.end + 1)
		free := s.buf[s.end:min(cap(s.buf)-slack, s.start+want+tailSize)]
		n, err := io.ReadFull(q.r, free)
		s.buf = s.buf[:s.end+n]
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			q.eof = true
		} else if err != nil {
			return fmt.Errorf("deflate: reading plain bytes: %w", err)
		}
	}
	have := len(s.buf) - s.start
	if size < 0 {
		if have > want {
			return fmt.Errorf("deflate: more plain bytes than the recipe covers: %w", ErrRecipe)
		}
		size = have
	}
	if have < size {
		return fmt.Errorf("deflate: fewer plain bytes than the recipe covers: %w", ErrRecipe)
	}
	q.total += int64(size)
	if q.total > q.join.lim.Plain {
		return fmt.Errorf("deflate: more than %d plain bytes: %w", q.join.lim.Plain, ErrLimit)
	}
	s.end = s.start + size
	q.ahead = append(q.ahead, s.buf[s.end:]...)
	return nil
}
