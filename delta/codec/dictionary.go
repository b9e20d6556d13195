package codec

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"github.com/pubsync/pubsync/delta"
)

// A priming says which bytes of the bases go into the dictionary that the
// literals of a part are compressed with: at every end of a copy that borders
// a literal, up to inside bytes of the copy and up to outside bytes beyond it.
// The outside ones are known to an encoder that has the bases at hand.
type priming struct{ inside, outside int64 }

// A place is a piece of one basis.
type place struct {
	basis int
	delta.Range
}

func comparePlaces(a, b place) int {
	return cmp.Or(cmp.Compare(a.basis, b.basis), cmp.Compare(a.Off, b.Off))
}

// places returns the pieces of bases that make up the dictionary, merged and
// in order, or false if they are more than MaxDictionary bytes.
func (p priming) places(steps []step, bases []int64) ([]place, bool) {
	var ps []place
	p.each(steps, bases, func(q place, _ int64) { ps = append(ps, q) })
	slices.SortFunc(ps, comparePlaces)
	merged := ps[:0]
	total := int64(0)
	for _, q := range ps {
		if n := len(merged); n > 0 && merged[n-1].basis == q.basis && q.Off <= merged[n-1].End() {
			grown := max(q.End()-merged[n-1].End(), 0)
			merged[n-1].Len += grown
			total += grown
			continue
		}
		merged = append(merged, q)
		total += q.Len
	}
	return merged, total <= MaxDictionary
}

// each calls f for every end of a copy that borders a literal, with the piece of
// basis about it and how far into the output of the part the copy's byte at the
// piece's start is (or would be, if outside the copy).
func (p priming) each(steps []step, bases []int64, f func(q place, at int64)) {
	out := int64(0)
	for i := range steps {
		c := steps[i].copy
		out += steps[i].literal
		if c.Len == 0 || c.Basis < 0 {
			out += c.Len
			continue
		}
		if steps[i].literal > 0 {
			q := p.head(c)
			f(q, out+q.Off-c.Off)
		}
		if i+1 < len(steps) && steps[i+1].literal > 0 {
			q := p.tail(c, bases[c.Basis])
			f(q, out+q.Off-c.Off)
		}
		out += c.Len
	}
}

// head returns the piece about the start of copy c.
func (p priming) head(c delta.Op) place {
	from := max(c.Off-p.outside, 0)
	return place{c.Basis, delta.Range{Off: from, Len: c.Off + min(p.inside, c.Len) - from}}
}

// tail returns the piece about the end of copy c from a basis of the given size.
func (p priming) tail(c delta.Op, size int64) place {
	from := c.Off + max(c.Len-p.inside, 0)
	end := c.Off + c.Len
	return place{c.Basis, delta.Range{Off: from, Len: end + min(p.outside, size-end) - from}}
}

// readPlaces appends the bytes of the places to dst, from the bases.
func readPlaces(dst []byte, ps []place, bases []delta.Source) ([]byte, error) {
	for _, p := range ps {
		n := len(dst)
		dst = slices.Grow(dst, int(p.Len))[:n+int(p.Len)]
		if got, err := bases[p.basis].ReadAt(dst[n:], p.Off); got < int(p.Len) {
			return dst, fmt.Errorf("read basis %d at %d: %w", p.basis, p.Off, notEOF(err))
		}
	}
	return dst, nil
}

// notEOF turns the end of a file that should have gone on into an error.
func notEOF(err error) error {
	if err == nil || err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
