package delta

import "slices"

// Bounds of looking for repetitions within the new file.
const (
	maxRepeatScan   = 16 << 20 // missing bytes; more is not looked through
	quickRepeatScan = 1 << 20  // the same with PlanOptions.Quick
	repeatCache     = 4 << 20
	minRepeat       = 32       // bytes of a copy from elsewhere in the new file
	maxRefineText   = 64 << 20 // bytes of what is matched that Refine looks in
	minNeighbour    = 4 << 10

	// With PlanOptions.Quick it looks in so many bytes, and so many times what is
	// missing: no more than that is to be saved.
	quickRefineText  = 1 << 20
	quickRefineShare = 64
)

// repeats returns what of the missing is also earlier in the missing, which
// needs no signature: one copy of it is enough, and the others refer to that.
func (p *Plan) repeats() ([]Range, error) {
	missing := p.MissingBytes()
	if missing > maxRepeatScan || p.opt.Quick && missing > quickRepeatScan {
		return nil, nil
	}
	// Where the rounds have matched little since, what was found still serves:
	// looking costs more time than anything else in a round.
	if p.repeatsOf > 0 && missing > p.repeatsOf-p.repeatsOf/8 {
		return p.repeated, nil
	}
	f, err := newFinder(Source{}, nil, p.src, finderOptions{cache: repeatCache, own: missing, min: 2 * minRepeat, resync: resyncMin})
	if err != nil {
		return nil, err
	}
	var rs []Range
	f.out = func(c placed) { rs = append(rs, Range{c.at, c.Len}) }
	err = p.gaps(func(g Range, _, _ *placed) error { return f.search(g, nil) })
	if err == nil {
		p.repeated, p.repeatsOf = rs, missing
	}
	return rs, err
}

// overlap returns how many bytes of g are in rs, which are ascending.
func overlap(g Range, rs []Range) int64 {
	i, _ := slices.BinarySearchFunc(rs, g.Off, func(r Range, off int64) int {
		if r.End() <= off {
			return -1
		}
		return 1
	})
	n := int64(0)
	for ; i < len(rs) && rs[i].Off < g.End(); i++ {
		n += min(rs[i].End(), g.End()) - max(rs[i].Off, g.Off)
	}
	return n
}

// Refine looks in what is still missing for bytes that the new file has
// elsewhere: in what is matched, and earlier in what is missing. It costs no
// signature. Call it once after the last round, before Ops; then the copies of
// Ops may have the basis Self. Errors are those of reading the new file.
func (p *Plan) Refine() error {
	missing := p.MissingBytes()
	if missing > maxRepeatScan || missing == 0 || p.opt.Quick && missing > quickRepeatScan {
		return nil
	}
	extents := p.neighbours()
	f, err := newFinder(p.src, extents, p.src, finderOptions{cache: repeatCache, own: missing, min: minRepeat, resync: resyncMin})
	if err != nil {
		return err
	}
	w := p.weave()
	f.out = func(c placed) {
		if !w.full() {
			w.add(c)
		}
	}
	err = p.gaps(func(g Range, before, _ *placed) error {
		if before != nil {
			w.upTo(before)
		}
		return f.search(g, nil)
	})
	if err != nil {
		return err
	}
	p.take(w)
	return nil
}

// neighbours returns the matched pieces that Refine looks in: everything, or if
// that is more than is worth it, about as much at the ends of the copies, where the
// changes are.
func (p *Plan) neighbours() []extent {
	matched := p.src.Size - p.MissingBytes()
	reach := matched
	most := int64(maxRefineText)
	if p.opt.Quick {
		most = max(quickRefineText, quickRefineShare*p.MissingBytes())
	}
	if matched > most {
		reach = max(most/2/int64(len(p.copies)), minNeighbour)
	}
	var es []extent
	for _, c := range p.copies {
		if c.Basis < 0 {
			continue
		}
		if c.Len <= 2*reach {
			es = append(es, extent{c.at, c.Op})
			continue
		}
		head, tail := c, c
		head.Len = reach
		tail.at, tail.Off, tail.Len = c.end()-reach, c.Off+c.Len-reach, reach
		es = append(es, extent{head.at, head.Op}, extent{tail.at, tail.Op})
	}
	return es
}
