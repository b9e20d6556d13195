package deflate

import "encoding/binary"

// A runOf is the run of one byte that what is searched for begins with: padding, an
// indentation, a ruled line. Every position in an earlier run of that byte is a
// candidate, but few can share more than the best one does, and those are known without
// a look at the others: see next.
type runOf struct {
	c    byte
	len  int // 0 if it is no such run
	word uint64
}

// find finds the run at p, of at least so many bytes.
func (r *runOf) find(b []byte, p, least int) {
	r.c = b[p]
	r.word = uint64(r.c) * 0x0101010101010101
	if n := r.ahead(b, p, min(len(b), p+maxMatch)); n >= least {
		r.len = n
	}
}

// ahead returns how many bytes of the run there are from i to before stop.
func (r *runOf) ahead(b []byte, i, stop int) int {
	from := i
	for ; i+8 <= stop && binary.LittleEndian.Uint64(b[i:]) == r.word; i += 8 {
	}
	for ; i < stop && b[i] == r.c; i++ {
	}
	return i - from
}

// next returns the next candidate before at, in the same run of the byte, that may share
// more than best bytes; if there is none, where that run begins, or a position before
// oldest. looked is the number of bytes looked at. The result is at if that is not in a
// run of at least so many bytes.
//
// Of a candidate with k bytes of its run before it ends, and r.len of them at p, the
// first min(k, r.len) bytes are shared, and more only if k is r.len.
func (r *runOf) next(b []byte, at, least, best, oldest int) (next, looked int) {
	k := r.ahead(b, at, min(len(b), at+maxMatch))
	if k < least {
		return at, k
	}
	want := at + k - r.len
	if best < r.len {
		want = at + k - best - 1
	}
	next = min(at-1, want)
	if best >= r.len && want >= at {
		next = 0 // past it
	}
	next = max(next, oldest-1, 0)
	i := at
	for i-8 >= next && binary.LittleEndian.Uint64(b[i-8:]) == r.word {
		i -= 8
	}
	for i > next && b[i-1] == r.c {
		i--
	}
	return i, k + at - i
}
