package delta

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
)

const (
	// stretchBytes is how many bytes of gaps make a stretch: much beside what it
	// takes to begin one.
	stretchBytes = 4 << 20
	// maxMatchers bounds how many stretches are matched at once; each has a window.
	maxMatchers = 4
)

// A stretch is a run of gaps that are matched one after another, by themselves: what is
// found in one does not depend on the others, nor on how many are matched at once.
type stretch struct {
	from, to int // numbers of gaps: gap i lies before copy i
	found    []placed
	stats    Stats
	err      error
}

// stretches cuts the gaps of the plan. It cuts by what is missing alone, not by how many
// processors there are, so that the same is found everywhere.
func (p *Plan) stretches() []stretch {
	var (
		ss    []stretch
		bytes int64
		end   int64
		from  int
	)
	for i := range p.copies {
		bytes += p.copies[i].at - end
		end = p.copies[i].end()
		if bytes >= stretchBytes {
			ss = append(ss, stretch{from: from, to: i + 1})
			from, bytes = i+1, 0
		}
	}
	return append(ss, stretch{from: from, to: len(p.copies) + 1})
}

// matchAll matches the signature with all that is missing, several stretches at once,
// and takes what is found.
func (p *Plan) matchAll(basis int, sig *Signature) error {
	ss, runs := p.stretches(), p.runs(&p.bases[basis], sig)
	x := newIndex(sig, runs.near > 1)
	var next atomic.Int64
	work := func() {
		m := newMatcher(p, basis, x, runs, len(ss))
		for i := next.Add(1) - 1; i < int64(len(ss)); i = next.Add(1) - 1 {
			m.match(&ss[i])
		}
	}
	var others sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(ss), maxMatchers) - 1 {
		others.Go(work)
	}
	work()
	others.Wait()
	var errs error
	for i := range ss {
		errs = errors.Join(errs, ss[i].err)
		p.stats.Comparisons += ss[i].stats.Comparisons
		p.stats.Strong += ss[i].stats.Strong
	}
	if errs != nil {
		return errs
	}
	p.takeFound(ss)
	return nil
}

// takeFound adds what was found to the copies of the plan.
func (p *Plan) takeFound(ss []stretch) {
	w := p.weave()
	for i := range ss {
		for k := range ss[i].found {
			c := &ss[i].found[k]
			w.upTo(c)
			if !w.full() {
				w.add(*c)
			}
		}
	}
	p.take(w)
}
