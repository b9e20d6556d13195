package delta

import (
	"bytes"

	"github.com/pubsync/pubsync/delta/rolling"
)

// known is a window that was looked up, with its strong hash.
type known struct {
	off         int64
	sum, strong uint64
}

// lookup returns a block with the hash of the window b at off, whose weak sum is
// sum, or noBlock. next is preferred.
func (m *matcher) lookup(sum uint64, b []byte, off, end int64, next int32) (int32, error) {
	weak := sum >> (64 - m.WeakBits)
	strong, hashed := uint64(0), false
	alike := 0 // windows from off on with the same content; 0: not counted yet
	for i := m.heads[weak>>m.shift]; i != noBlock; i = m.next[i] {
		m.stats.Comparisons++
		if m.Hashes[i]>>m.StrongBits != weak {
			continue
		}
		if !hashed {
			strong, hashed = m.strongAt(off, sum, b), true
		}
		if m.Hashes[i] != m.join(sum, strong) {
			continue
		}
		if alike == 0 {
			var err error
			if alike, err = m.alike(off, end); err != nil {
				return noBlock, err
			}
			if next != noBlock && m.Hashes[next] == m.Hashes[i] && m.blockRange(next).Len == int64(m.BlockSize) {
				if ok, err := m.proven(next, alike, off, end); ok || err != nil {
					return next, err
				}
			}
		}
		if ok, err := m.proven(i, alike, off, end); ok || err != nil {
			return i, err
		}
	}
	if hashed && m.StrongBits > 0 {
		m.vain += int64(m.BlockSize)
	}
	return noBlock, nil
}

// strongAt returns the strong hash of the window b at off. In a run of one byte,
// which files have by the megabyte, it is that of the window before.
func (m *matcher) strongAt(off int64, sum uint64, b []byte) uint64 {
	if m.StrongBits == 0 {
		return 0
	}
	last := m.same
	m.same = known{off, sum, last.strong}
	if off == last.off+1 && sum == last.sum && bytes.Equal(b[1:], b[:len(b)-1]) {
		return last.strong
	}
	m.stats.Strong++
	m.same.strong = m.strong(b)
	return m.same.strong
}

// longestRun is how many blocks or windows in a row of one content are counted.
// More are taken for one another: whoever has so many of them has them for padding.
const longestRun = MaxChain

// alike returns how many windows in a row, from that at off on, have its content,
// at most longestRun.
func (m *matcher) alike(off, end int64) (int, error) {
	n := int64(m.BlockSize)
	for k := 1; k < longestRun; k++ {
		if off+2*n > end {
			return k, nil
		}
		b, err := m.win.at(off, end, 2*m.BlockSize)
		if err != nil {
			return 0, err
		}
		if !bytes.Equal(b[:n], b[n:2*n]) {
			return k, nil
		}
		off += n
	}
	return longestRun, nil
}

// proven reports whether enough blocks from i on are what the new file has from
// off on, the first of which is known to and has the content of as many windows in
// a row as alike says. Equal blocks in a row are the evidence of one, and common
// ones of nothing.
func (m *matcher) proven(i int32, alike int, off, end int64) (bool, error) {
	if m.runs.far <= 1 || m.runs.near <= 1 && m.isNear(i) {
		return true, nil
	}
	// Of padding there are many candidates, and most fail here.
	row := m.row(i, alike+1)
	if row < alike || row > alike && alike < longestRun {
		return false, nil // where one goes on and the other does not, they differ
	}
	n := int64(m.BlockSize)
	r, last := m.blockRange(i), i+int32(row)-1
	if m.blockRange(last).Off != r.Off+int64(row-1)*n {
		return false, nil // between them the basis was not signed
	}
	if alike == longestRun {
		return true, nil
	}
	runs := m.runs.far
	if m.isNear(i) {
		runs = m.runs.near
	}
	if !m.common(i) {
		runs--
	}
	return m.goesOn(last, runs, off+int64(row)*n, end)
}

// isNear reports whether block i lies beside the gap.
func (m *matcher) isNear(i int32) bool { return i >= m.near.from && i < m.near.to }

// row returns how many blocks of the signature from i on have one hash, at most
// limit.
func (m *matcher) row(i int32, limit int) int {
	n := 1
	for ; n < limit && int(i)+n < len(m.Hashes) && m.Hashes[int(i)+n] == m.Hashes[i]; n++ {
	}
	return n
}

// commonFrom is how many blocks of a signature have a hash that says nothing about
// where in the basis its content is from. The padding of a tar follows half of its
// members: with it as evidence, each of those was tested against each of the others
// with the hash of one block, too short for so many.
const commonFrom = 4

func (m *matcher) common(i int32) bool {
	n := 0
	for k := m.heads[m.Hashes[i]>>m.StrongBits>>m.shift]; k != noBlock && n < commonFrom; k = m.next[k] {
		if m.Hashes[k] == m.Hashes[i] {
			n++
		}
	}
	return n >= commonFrom
}

// goesOn reports whether what follows block i is what the new file has from off on,
// for as many blocks as runs.
func (m *matcher) goesOn(i int32, runs int, off, end int64) (bool, error) {
	for steps := 0; runs > 0; steps++ {
		before := m.Hashes[i]
		if i = m.after(i); i == noBlock || steps == longestRun {
			return false, nil
		}
		r := m.blockRange(i)
		if r.Len > end-off {
			return false, nil
		}
		b, err := m.win.at(off, end, int(r.Len))
		if err != nil {
			return false, err
		}
		m.vain += r.Len // until it is known to be none
		if !m.equal(i, off, b[:r.Len]) {
			return false, nil
		}
		m.vain -= r.Len
		off += r.Len
		if m.Hashes[i] != before && !m.common(i) {
			runs--
		}
	}
	return true, nil
}

// A tested is a piece of the new file that was compared with a block, and is compared
// with others next.
type tested struct {
	off          int64
	n            int
	weak, strong uint64
	hashed       bool // strong is known
}

// equal reports whether b, which the new file has at off, has the hash of block i.
func (m *matcher) equal(i int32, off int64, b []byte) bool {
	m.stats.Comparisons++
	t := &m.tested
	if t.off != off || t.n != len(b) {
		*t = tested{off: off, n: len(b), weak: rolling.Sum(b)}
	}
	if t.weak>>(64-m.WeakBits) != m.Hashes[i]>>m.StrongBits {
		return false
	}
	if !t.hashed && m.StrongBits > 0 {
		m.stats.Strong++
		t.strong, t.hashed = m.strong(b), true
	}
	return m.join(t.weak, t.strong) == m.Hashes[i]
}
