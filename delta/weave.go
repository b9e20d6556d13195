package delta

// A weave puts new copies among those that a Plan has, both in order.
type weave struct {
	old  []placed
	next int // of old, the first that is not in out
	out  []placed
}

// weave returns one for the copies of the plan. [Plan.take] takes what comes of it.
func (p *Plan) weave() *weave {
	return &weave{old: p.copies, out: make([]placed, 0, len(p.copies)+16)}
}

// take makes the copies of w, and those of the plan that are not in it yet, those of
// the plan.
func (p *Plan) take(w *weave) {
	w.upTo(nil)
	p.copies = w.out
}

// upTo appends the old copies up to and including last; nil: all.
func (w *weave) upTo(last *placed) {
	for ; w.next < len(w.old); w.next++ {
		c := &w.old[w.next]
		if last != nil && c.at > last.at {
			return
		}
		w.out = appendCopy(w.out, *c)
	}
}

// full reports that there are as many copies as a plan may have.
func (w *weave) full() bool { return len(w.out)+len(w.old)-w.next >= MaxCopies }

// add appends a new copy after the old ones that were asked for by upTo.
func (w *weave) add(c placed) { w.out = appendCopy(w.out, c) }

// appendCopy appends a copy, or extends the last one.
func appendCopy(copies []placed, c placed) []placed {
	if n := len(copies); n > 0 && c.continues(&copies[n-1]) {
		copies[n-1].Len += c.Len
		return copies
	}
	return append(copies, c)
}
