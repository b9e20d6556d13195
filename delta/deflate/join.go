package deflate

import (
	"context"
	"fmt"
	"io"
	"sync"
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

// A Joiner joins one stream after another, reusing its memory: those of one
// archive, whose work it bounds together (see [Limits]). It is not safe for
// concurrent use; several Joiners are independent.
type Joiner struct {
	lim        Limits
	splice     splicer
	plain      int64           // plain bytes of all streams
	rebuilders chan *rebuilder // not in use
	pool       chan *segment   // not in use
}

// NewJoiner returns a Joiner with the given limits.
func NewJoiner(lim Limits) *Joiner {
	j := &Joiner{lim: lim.withDefaults()}
	// One each at the workers, one whose output waits, one that is to come.
	n := j.lim.Workers + 2
	j.rebuilders = make(chan *rebuilder, n)
	j.pool = make(chan *segment, n)
	for range n {
		j.rebuilders <- &rebuilder{}
		j.pool <- &segment{}
	}
	return j
}

// Join is [Join] with this Joiner's limits and memory.
func (j *Joiner) Join(ctx context.Context, w io.Writer, plain io.Reader, recipe []byte, guide *Guide) error {
	if len(recipe) > j.lim.Recipe {
		return fmt.Errorf("deflate: recipe of %d bytes: %w", len(recipe), ErrRecipe)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	source := &plainSource{join: j, r: plain, recipe: newRecipeReader(recipe)}
	source.before = source.recipe.start()
	if source.recipe.Err() != nil {
		return source.recipe.Err()
	}
	source.guide = newGuideReader(ctx, guide, j.lim)
	defer source.guide.close()
	j.splice.reset(w)
	job, err := source.next(ctx, nil)
	if err != nil {
		return err
	}
	if !job.rec.last {
		return j.parallel(ctx, cancel, source, job)
	}
	job.run()
	err = j.write(job)
	j.release(job)
	return err
}

// A joinJob is a segment being rebuilt.
type joinJob struct {
	seg     *segment
	rec     record
	hints   []hint
	follows *joinJob // the job whose engine this one takes over, or nil

	continued bool // the engine goes on from the segment before
	r         *rebuilder
	done      chan struct{}
	err       error
}

func (j *joinJob) run() {
	if before := j.follows; before != nil {
		<-before.done
		j.r.engine, before.r.engine = before.r.engine, j.r.engine
		j.follows = nil
		if before.err != nil {
			j.err = before.err
			return
		}
	}
	j.err = j.r.rebuild(j.seg, &j.rec, j.continued, j.hints)
}

// write puts a finished job's bits into the stream.
func (j *Joiner) write(job *joinJob) error {
	j.plain += int64(job.seg.size())
	within := j.lim.Budget.spend(j.plain, job.r.steps)
	if job.err != nil {
		return job.err
	}
	if !within {
		return errSteps()
	}
	err := j.splice.segment(job.r.out.out, job.r.pieces)
	if err == nil && job.rec.last {
		err = j.splice.finish(job.rec.padding)
	}
	if err != nil {
		return fmt.Errorf("deflate: writing: %w", err)
	}
	return nil
}

func (j *Joiner) release(job *joinJob) {
	j.rebuilders <- job.r
	j.pool <- job.seg
}

// parallel rebuilds a stream of several segments. One goroutine reads, others
// rebuild, and this one writes in order.
func (j *Joiner) parallel(ctx context.Context, cancel func(), source *plainSource, first *joinJob) (err error) {
	jobs := make(chan *joinJob, cap(j.pool))
	order := make(chan *joinJob, cap(j.pool))
	var group sync.WaitGroup
	group.Go(func() {
		defer close(jobs)
		defer close(order)
		for job := first; ; {
			jobs <- job
			order <- job
			if job.rec.last {
				return
			}
			next, err := source.next(ctx, job)
			if err != nil {
				order <- &joinJob{err: err}
				return
			}
			job = next
		}
	})
	for range j.lim.Workers {
		group.Go(func() {
			for job := range jobs {
				if job.err = ctx.Err(); job.err == nil {
					job.run()
				}
				close(job.done)
			}
		})
	}
	var held *joinJob // written, but the next may still take its engine
	for job := range order {
		if job.seg != nil {
			<-job.done
		}
		if held != nil {
			j.release(held)
			held = nil
		}
		if err == nil {
			err = job.err
		}
		if err == nil {
			err = j.write(job)
		}
		if err != nil {
			cancel()
		}
		if job.seg != nil {
			held = job
		}
	}
	group.Wait()
	if held != nil {
		j.release(held)
	}
	return err
}

// A plainSource cuts the plain bytes into the segments that a recipe names.
type plainSource struct {
	join   *Joiner
	r      io.Reader
	recipe recipeReader
	before Model // of the last record
	guide  *guideReader
	total  int64
	ahead  []byte // read but not yet part of a segment
	eof    bool
}

// next returns the job after prev (nil at the start) with its segment read.
func (q *plainSource) next(ctx context.Context, prev *joinJob) (*joinJob, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	index := 0
	if prev != nil {
		index = prev.seg.index + 1
	}
	job := &joinJob{rec: q.recipe.record(index, q.before), done: make(chan struct{})}
	if job.rec.last && q.recipe.Len() > 0 {
		q.recipe.Fail("bytes after the last segment")
	}
	if q.recipe.Err() != nil {
		return nil, q.recipe.Err()
	}
	if prev != nil && job.rec.model == q.before && q.before.sequential() {
		job.follows, job.continued = prev, true
	}
	q.before = job.rec.model
	job.seg = <-q.join.pool
	if prev == nil {
		job.seg.begin(nil)
	} else {
		job.seg.begin(prev.seg)
	}
	if err := q.fill(job.seg, job.rec.plain); err != nil {
		q.join.pool <- job.seg
		return nil, err
	}
	if q.guide != nil {
		job.hints = q.guide.hints(job.seg, job.rec.model)
	}
	job.r = <-q.join.rebuilders
	return job, nil
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
