package delta

import (
	"fmt"
	"sort"

	"github.com/pubsync/pubsync/delta/rolling"
)

// Match finds blocks of the signature in what is still missing. Among equal
// blocks it prefers the one that continues the copy before. Where much is missing, in
// many gaps, it reads the new file from several goroutines at once; what it finds does
// not depend on that. Errors are those of reading the new file, or wrap [ErrBadRequest]
// if the signature does not fit the basis.
func (p *Plan) Match(basis int, sig *Signature) error {
	if basis < 0 || basis >= len(p.bases) {
		return fmt.Errorf("%w: no basis %d", ErrBadRequest, basis)
	}
	if err := sig.Check(p.bases[basis].size); err != nil {
		return err
	}
	if sig.BlockSize == 0 {
		return p.matchWhole(basis, sig)
	}
	before := p.MissingBytes()
	if p.bases[basis].answers(sig) {
		if err := p.confirm(basis, sig); err != nil {
			return err
		}
	}
	if err := p.matchAll(basis, sig); err != nil {
		return fmt.Errorf("read new file: %w", err)
	}
	p.bases[basis].matched(sig, before, p.MissingBytes())
	return nil
}

// A matcher matches one signature with the gaps of one stretch after another. It only
// reads what others read too: the plan, the index and the new file.
type matcher struct {
	*index
	plan  *Plan
	basis int
	hash  *rolling.Hash
	win   *window
	runs  evidence // in blocks
	most  int64    // of vain

	// Of a stretch:
	found  []placed // in order
	near   span     // beside the gap
	vain   int64    // bytes that strong hashes were computed over and did not match
	same   known    // the last window looked up
	tested tested   // the last piece compared with a block
	failed failures
	stats  Stats
}

// newMatcher returns one of those that match so many stretches.
func newMatcher(p *Plan, basis int, x *index, runs evidence, stretches int) *matcher {
	return &matcher{
		index: x, plan: p, basis: basis, hash: rolling.New(x.BlockSize), win: newWindow(p.src, 2*x.BlockSize),
		runs: runs, most: (vainShare*p.src.Size + vainLimit) / int64(stretches),
	}
}

// match matches the gaps of a stretch.
func (m *matcher) match(s *stretch) {
	m.found, m.vain, m.stats = nil, 0, Stats{}
	m.same, m.tested, m.failed = known{off: -2}, tested{}, failures{}
	s.err = m.plan.gapsOf(s.from, s.to, m.gap)
	s.found, s.stats = m.found, m.stats
}

// vainShare and vainLimit bound the strong hashes in vain, which only a peer that
// lies or data made for it causes: so many bytes for each of the new file, and
// so many more, in equal shares for the stretches.
const (
	vainShare = 4
	vainLimit = 16 << 20
)

// add takes note of a copy.
func (m *matcher) add(c placed) { m.found = appendCopy(m.found, c) }

// full reports that nothing more should be looked for.
func (m *matcher) full() bool {
	return m.vain > m.most || len(m.found)+len(m.plan.copies) >= MaxCopies
}

// gap matches one gap: first what continues the copies on both sides, which
// also settles short last blocks, then the rest at every offset.
func (m *matcher) gap(g Range, before, after *placed) error {
	if m.full() {
		return nil
	}
	m.near = m.blocksOf(m.beside(before, after))
	next := m.follower(before)
	from, next, err := m.forward(g.Off, g.End(), next)
	if err != nil {
		return err
	}
	back, err := m.backward(from, g.End(), after)
	if err != nil {
		return err
	}
	if err := m.scan(from, back.at, next); err != nil {
		return err
	}
	if back.Len > 0 {
		m.add(back)
	}
	return nil
}

// beside returns the part of the basis that lies between the two copies that a
// gap is between, or in the range of the signature next to the one of them.
func (m *matcher) beside(before, after *placed) Range {
	size := m.plan.bases[m.basis].size
	known := false
	from, to := int64(0), size
	if before != nil && before.Basis == m.basis {
		from, known = before.Off+before.Len, true
	}
	if after != nil && after.Basis == m.basis && (!known || after.Off >= from) {
		to, known = after.Off, true
	}
	known = known || before == nil || after == nil
	if !known {
		return Range{}
	}
	// A gap whose other side leads elsewhere reaches to the next copy.
	i := sort.Search(len(m.Ranges), func(i int) bool { return m.Ranges[i].End() > from })
	if i < len(m.Ranges) && m.Ranges[i].Off <= from {
		return Range{from, min(to, m.Ranges[i].End()) - from}
	}
	i = sort.Search(len(m.Ranges), func(i int) bool { return m.Ranges[i].End() >= to })
	if i < len(m.Ranges) && m.Ranges[i].Off < to {
		return Range{max(from, m.Ranges[i].Off), to - max(from, m.Ranges[i].Off)}
	}
	return Range{}
}

// follower returns the block that continues the copy c, or starts the file.
func (m *matcher) follower(c *placed) int32 {
	if c == nil {
		return m.starting(0)
	}
	if c.Basis != m.basis {
		return noBlock
	}
	return m.starting(c.Off + c.Len)
}

// forward adds blocks, from block next on, as long as they are what the new
// file has from off on. It returns where they end and the block that did not
// match.
func (m *matcher) forward(off, end int64, next int32) (int64, int32, error) {
	for next != noBlock {
		r := m.blockRange(next)
		if r.Len > end-off {
			break
		}
		b, err := m.win.at(off, end, int(r.Len))
		if err != nil {
			return 0, 0, err
		}
		if !m.equal(next, off, b[:r.Len]) {
			break
		}
		m.add(placed{off, Op{m.basis, r.Off, r.Len}})
		off += r.Len
		next = m.after(next)
	}
	return off, next, nil
}

// backward returns the copy of blocks that lead up to the copy after (or to the
// ends of both files), empty and at the end if there are none.
func (m *matcher) backward(off, end int64, after *placed) (placed, error) {
	tail := m.plan.bases[m.basis].size
	if after != nil {
		tail = after.Off
	}
	back := placed{end, Op{m.basis, tail, 0}}
	if after != nil && after.Basis != m.basis {
		return back, nil
	}
	for i := m.ending(tail); i != noBlock; i = m.ending(back.Off) {
		r := m.blockRange(i)
		if r.Len > back.at-off {
			break
		}
		b, err := m.win.at(back.at-r.Len, back.at, int(r.Len))
		if err != nil {
			return back, err
		}
		if !m.equal(i, back.at-r.Len, b[:r.Len]) {
			break
		}
		back = placed{back.at - r.Len, Op{m.basis, r.Off, back.Len + r.Len}}
	}
	return back, nil
}

// scan looks for blocks at every offset from off to end. next is the block that
// would continue the copy before off.
func (m *matcher) scan(off, end int64, next int32) error {
	n := int64(m.BlockSize)
	var (
		sum   uint64
		valid bool // sum is that of the window at off
	)
	for off+n <= end && !m.full() {
		b, err := m.win.at(off, end, m.BlockSize+1)
		if err != nil {
			return err
		}
		if !valid {
			sum = rolling.Sum(b[:n])
		}
		i, s, maybe := m.hash.Scan(b, sum, m.filter)
		off, sum, valid = off+int64(i), s, true
		if maybe {
			hit, err := m.lookup(sum, b[i:i+m.BlockSize], off, end, next)
			if err != nil {
				return err
			}
			if hit != noBlock {
				r := m.blockRange(hit)
				m.add(placed{off, Op{m.basis, r.Off, r.Len}})
				off, next, err = m.forward(off+n, end, m.after(hit))
				if err != nil {
					return err
				}
				valid = false
				continue
			}
			if b, err = m.win.at(off, end, m.BlockSize+1); err != nil {
				return err
			}
			i = 0
			if skip := m.failed.skip(b, m.BlockSize, sum, off); skip > 1 {
				off, valid = off+int64(skip), false
				continue
			}
		}
		if i+m.BlockSize == len(b) {
			if off+n == end {
				break
			}
			// The next window needs a byte that is not in the buffer.
			valid = false
			if b, err = m.win.at(off, end, m.BlockSize+1); err != nil {
				return err
			}
			i = 0
		}
		sum = m.hash.Roll(sum, b[i], b[i+m.BlockSize])
		off, valid = off+1, true
	}
	return nil
}
