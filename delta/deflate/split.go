package deflate

import (
	"context"
	"fmt"
	"io"
	"math"
	"sync"
)

// Option adjusts one call of [Split] or of [Splitter.Split].
type Option func(*splitOptions)

type splitOptions struct {
	first  Model
	sample int
}

// WithModel makes Split try model m first and keep it when it predicts the
// stream without corrections. Give it the model of an earlier stream of the
// same archive: choosing is then free, and members that any of several models
// would fit get equal recipes.
func WithModel(m Model) Option {
	return func(o *splitOptions) { o.first = m }
}

// SampleSize is a size for [Sampled] that finds nearly all encoders that are not
// as the model says, and takes little of the time.
const SampleSize = 24 << 10

// Sampled makes Split check only the first size plain bytes of each segment, or
// of the stream for an eagerly matching model, against the model, which is ten
// times faster. Where it finds none wrong it takes the others to be as
// predicted; where it does, it checks the segment as a whole. With size 0 only
// the blocks and their codes are checked, against the model of [WithModel]. A
// stream whose encoder changed its ways in the midst then gets a recipe that
// rebuilds something else, so use it only where the digest of the rebuilt stream
// is compared, and split again without it if that fails.
func Sampled(size int) Option {
	return func(o *splitOptions) { o.sample = size }
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

// A Splitter splits one stream after another, reusing its memory: those of one
// archive, whose work it bounds together (see [Limits]). It is not safe for
// concurrent use; several Splitters are independent.
type Splitter struct {
	lim      Limits
	dec      decoder
	analysts []*analyst
	trial    *analyst      // tries models
	pool     chan *segment // segments not in use

	passed   int64 // bytes of all streams split
	plain    int64 // plain bytes of all streams
	steps    int64 // that their records took
	looked   int64 // plain bytes compared for them
	sample   int   // plain bytes of a segment that are checked
	hopeless bool  // no model fits the stream
	recipe   []byte
	before   Model // model of the last record
}

// NewSplitter returns a Splitter with the given limits.
func NewSplitter(lim Limits) *Splitter {
	s := &Splitter{lim: lim.withDefaults(), trial: &analyst{}}
	for range s.lim.Workers {
		s.analysts = append(s.analysts, &analyst{})
	}
	// One segment each at the workers, one being decoded, one awaiting its tail.
	s.pool = make(chan *segment, s.lim.Workers+2)
	for range cap(s.pool) {
		s.pool <- &segment{}
	}
	return s
}

// Split is [Split] with this Splitter's limits and memory.
func (s *Splitter) Split(ctx context.Context, r io.Reader, plain io.Writer, opts ...Option) (recipe []byte, consumed int64, err error) {
	o := splitOptions{sample: math.MaxInt}
	for _, opt := range opts {
		opt(&o)
	}
	s.sample = o.sample
	s.dec.reset(r, s.lim)
	s.recipe = s.recipe[:0]
	source := &segmentSource{split: s, plain: plain}
	defer source.close()
	consumed, err = s.run(ctx, source, o.first)
	if err != nil {
		return nil, 0, err
	}
	s.passed += consumed
	return append([]byte(nil), s.recipe...), consumed, nil
}

// enoughMatches is the number of matches that tell an encoder's levels apart.
const enoughMatches = 4 << 10

// exploreMost is the index of the last segment in which they are looked for.
const exploreMost = 8

// run splits the first segments one after the other until their matches have
// shown which model fits, and then the others in parallel.
func (s *Splitter) run(ctx context.Context, source *segmentSource, first Model) (consumed int64, err error) {
	model, matches := first, 0
	for matches < enoughMatches {
		seg, err := source.next(ctx)
		if err != nil {
			return 0, err
		}
		fitting, rec := s.explore(s.analysts[0], seg, model)
		if fitting != model {
			model, matches = fitting, 0
		}
		matches += seg.matches()
		if seg.index >= exploreMost {
			matches = enoughMatches
		}
		s.hopeless = rec.poor(seg)
		if model.sequential() && rec.corrections() > 0 {
			s.sample = math.MaxInt // what comes depends on all before
		}
		last := seg.last
		consumed, err = s.add(seg, &rec)
		s.pool <- seg
		if err != nil || last {
			return consumed, err
		}
	}
	return s.parallel(ctx, source, model)
}

// explore analyses a segment with model, if not zero, and with others if it
// does not fit. It returns the model to go on with.
func (s *Splitter) explore(a *analyst, seg *segment, model Model) (Model, record) {
	sample := s.sample
	if model.valid() {
		if seg.index == 0 {
			s.start(model)
		}
		rec := a.record(seg, model, s.follows(model), s.sample)
		if !rec.poor(seg) {
			return model, rec
		}
		if !s.mayChoose() {
			return model, rec
		}
		better, _ := s.trial.choose(seg.sample(), model)
		if better == model {
			return model, rec
		}
		model = better
	} else {
		model, sample = newModel(zlibFamily, 6), math.MaxInt
		if s.mayChoose() {
			var cost int
			if model, cost = s.trial.choose(seg.sample(), 0); cost == 0 {
				sample = s.sample
			}
		}
	}
	if seg.index == 0 {
		s.start(model)
	}
	return model, a.record(seg, model, s.follows(model), sample)
}

// Choosing models may take a Splitter so much work in all (see analyst.work), about
// a fifth of a second, and so much more for each byte of its streams. An archive of
// many small streams of one encoder needs little; one of streams that no model fits
// does not get better by trying.
const (
	freeWork    = 1 << 27
	workPerByte = 8
)

// mayChoose reports whether a model may be chosen once more.
func (s *Splitter) mayChoose() bool {
	return s.trial.work < freeWork+workPerByte*s.passed
}

// start begins the recipe.
func (s *Splitter) start(model Model) {
	s.recipe = appendModel(append(s.recipe[:0], recipeVersion), model)
	s.before = 0
}

// follows reports whether a segment analysed with model goes on from what
// the segment before it left.
func (s *Splitter) follows(model Model) bool { return model == s.before && model.sequential() }

// poor reports whether a record corrects more than a model's rare slips.
func (r *record) poor(s *segment) bool {
	return len(r.blocks) > 8 || len(r.sparse)+len(r.dense) > 8+len(s.tokens)/1024
}

// add appends a segment's record to the recipe.
func (s *Splitter) add(seg *segment, rec *record) (consumed int64, err error) {
	s.plain += int64(seg.size())
	s.steps += rec.steps
	s.looked += rec.looked
	if s.steps > mayStep(s.plain) {
		return 0, errSteps()
	}
	before := s.before
	if seg.index == 0 {
		before = rec.model
	}
	s.recipe = rec.append(s.recipe, seg.index, before)
	s.before = rec.model
	n := int64(len(s.recipe))
	if n > int64(s.lim.Recipe) || (n > freeRecipe && n*100/int64(s.lim.Worth) > seg.consumed) {
		return 0, fmt.Errorf("deflate: recipe of %d bytes for %d of stream: %w", n, seg.consumed, ErrNotWorth)
	}
	return seg.consumed, nil
}

// freeRecipe is the size up to which a recipe is not asked for its worth.
const freeRecipe = 4 << 10

// Searched returns how many plain bytes of all streams so far were compared with what a
// model predicts, and how many steps of search that took: what [Join] does of each byte
// whose token no guide tells. See [Limits] for what a step is.
func (s *Splitter) Searched() (plain, steps int64) { return s.looked, s.steps }

// A splitJob is a segment under analysis.
type splitJob struct {
	seg  *segment
	rec  record
	done chan struct{}
	err  error // instead of a segment: decoding failed
}

// parallel splits the rest of a stream. One goroutine decodes, others analyse,
// and this one collects the records in order.
func (s *Splitter) parallel(ctx context.Context, source *segmentSource, model Model) (consumed int64, err error) {
	ctx, cancel := context.WithCancel(ctx)
	workers := s.analysts
	if model.sequential() {
		workers = workers[:1]
	}
	jobs := make(chan *splitJob, cap(s.pool))
	order := make(chan *splitJob, cap(s.pool))
	var group sync.WaitGroup
	group.Go(func() {
		defer close(jobs)
		defer close(order)
		for {
			seg, err := source.next(ctx)
			job := &splitJob{seg: seg, done: make(chan struct{}), err: err}
			if err != nil {
				order <- job
				return
			}
			jobs <- job
			order <- job
			if seg.last {
				return
			}
		}
	})
	for _, a := range workers {
		group.Go(func() {
			for job := range jobs {
				if ctx.Err() == nil {
					job.rec = s.analyse(a, job.seg, model)
				}
				close(job.done)
			}
		})
	}
	for job := range order {
		if err == nil && job.err != nil {
			err = job.err
		}
		if job.seg == nil {
			continue
		}
		<-job.done
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			consumed, err = s.add(job.seg, &job.rec)
		}
		if err != nil {
			cancel()
		}
		s.pool <- job.seg
	}
	cancel()
	group.Wait()
	return consumed, err
}

// analyse makes the record of a segment, with model unless another fits
// better.
func (s *Splitter) analyse(a *analyst, seg *segment, model Model) record {
	if model.sequential() {
		rec := a.record(seg, model, true, s.sample)
		return rec.clone()
	}
	rec := a.record(seg, model, false, s.sample)
	if s.hopeless || !rec.poor(seg) {
		return rec.clone()
	}
	rec = rec.clone()
	better, _ := a.choose(seg.sample(), model)
	if better == model || better.sequential() {
		return rec
	}
	if other := a.record(seg, better, false, math.MaxInt); other.corrections() < rec.corrections() {
		other.steps, other.looked = other.steps+rec.steps, other.looked+rec.looked
		return other.clone()
	}
	return rec
}

// A segmentSource delivers decoded segments complete with their tails.
type segmentSource struct {
	split *Splitter
	plain io.Writer
	ahead *segment // decoded, its tail not known yet
}

// close gives back a segment that was not delivered.
func (q *segmentSource) close() {
	if q.ahead != nil {
		q.split.pool <- q.ahead
		q.ahead = nil
	}
}

// next returns the next segment.
func (q *segmentSource) next(ctx context.Context) (*segment, error) {
	var err error
	if q.ahead == nil {
		if q.ahead, err = q.decode(ctx, nil); err != nil {
			return nil, err
		}
	}
	seg := q.ahead
	q.ahead = nil
	if seg.last {
		return seg, nil
	}
	if q.ahead, err = q.decode(ctx, seg); err != nil {
		q.ahead = seg
		return nil, err
	}
	seg.setTail(q.ahead.buf[q.ahead.start:q.ahead.end])
	return seg, nil
}

// decode decodes a segment and writes its plain bytes.
func (q *segmentSource) decode(ctx context.Context, prev *segment) (*segment, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	seg := <-q.split.pool
	seg.begin(prev)
	err := q.split.dec.segment(seg)
	if err == nil {
		if _, err = q.plain.Write(seg.buf[seg.start:seg.end]); err != nil {
			err = fmt.Errorf("deflate: writing plain bytes: %w", err)
		}
	}
	if err != nil {
		q.split.pool <- seg
		return nil, err
	}
	return seg, nil
}
