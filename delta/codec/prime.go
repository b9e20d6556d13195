package codec

import (
	"fmt"
	"math"
	"slices"
)

// Bounds of priming.
const (
	maxContext = 24 << 10 // bytes of one end of a copy
	minContext = 64
	dictBudget = 1000 << 10 // bytes of dictionary to aim at
)

// prime chooses the priming of the part's literals, and its places; none if
// there is nothing to prime with.
func (e *Encoder) prime() ([]place, priming) {
	ends := 0
	for i := range e.steps {
		if e.steps[i].copy.Len == 0 {
			continue
		}
		if e.steps[i].literal > 0 {
			ends++
		}
		if i+1 < len(e.steps) && e.steps[i+1].literal > 0 {
			ends++
		}
	}
	if ends == 0 {
		return nil, priming{}
	}
	sizes := e.sizes()
	for c := int64(min(dictBudget/ends, maxContext)); c >= minContext; c /= 2 {
		p := priming{inside: c}
		if e.opt.Bases != nil {
			p.outside = c
		}
		if ps, ok := p.places(e.steps, sizes); ok {
			return ps, p
		}
	}
	return nil, priming{}
}

// readDictionary appends the bytes of the places to dst: from the bases if they
// are at hand, else from where the new file has the same bytes.
func (e *Encoder) readDictionary(dst []byte, ps []place, p priming) ([]byte, error) {
	if e.opt.Bases != nil {
		return readPlaces(dst, ps, e.opt.Bases)
	}
	return e.readFromCopies(dst, ps, p)
}

// sizes returns the sizes of the bases; without them at hand none matters.
func (e *Encoder) sizes() []int64 {
	sizes := make([]int64, e.opt.NumBases)
	for i := range sizes {
		sizes[i] = math.MaxInt64
		if e.opt.Bases != nil {
			sizes[i] = e.opt.Bases[i].Size
		}
	}
	return sizes
}

// readFromCopies appends places that lie within copies, out of the new file.
func (e *Encoder) readFromCopies(dst []byte, ps []place, p priming) ([]byte, error) {
	starts := make([]int, len(ps)) // of each place in dst
	n := len(dst)
	for i := range ps {
		starts[i] = n
		n += int(ps[i].Len)
	}
	dst = slices.Grow(dst, n-len(dst))[:n]
	var err error
	p.each(e.steps, e.sizes(), func(q place, at int64) {
		i, found := slices.BinarySearchFunc(ps, q, comparePlaces)
		if !found {
			i--
		}
		to := dst[starts[i]+int(q.Off-ps[i].Off):][:q.Len]
		if got, e2 := e.src.ReadAt(to, e.start+at); got < len(to) && err == nil {
			err = fmt.Errorf("read new file: %w", notEOF(e2))
		}
	})
	return dst, err
}
