package delta

import (
	"slices"

	"github.com/pubsync/pubsync/delta/rolling"
)

// resyncSpan is how far a search looks for bytes that go on at the distance of the
// copy before. So many equal ones count as going on: resyncMin as a rule, and
// resyncNear where the literals between will be coded side by side with what they
// replace, so that a byte that has not changed costs next to nothing.
const (
	resyncSpan      = 256
	resyncMin       = 12
	resyncNear      = 24
	recentDistances = 4
)

// indexLag is how far behind, in bytes, the index of a long literal may be.
// Repetitions nearer than that are left to the compressor.
const indexLag = 16 << 10

// A search goes through one piece of the new file.
type search struct {
	*finder
	end    int64
	done   int64                  // what is before it is settled
	last   match                  // that ended at done, for going on at its distance
	recent [recentDistances]int64 // of the last matches with the text, the last first
}

// search finds matches in the piece g of the new file and hands them to out in
// order. before is the match that ends where g starts, if there is one; its
// length does not matter.
func (f *finder) search(g Range, before *match) error {
	s := search{finder: f, end: g.End(), done: g.Off, last: match{at: -1}}
	if before != nil {
		s.last = *before
	}
	for s.done < s.end {
		m, err := s.next()
		if err != nil {
			return err
		}
		if m.len == 0 {
			break
		}
		s.emit(m)
		if err := s.indexOwn(s.done, m.at, g.End()); err != nil {
			return err
		}
		s.done, s.last = m.end(), m
		s.took(m)
	}
	return s.indexOwn(s.done, s.end, g.End())
}

// next returns the match to take next, or none. Going on at the same distance
// is cheap to say, so another match must be worth more than it.
func (s *search) next() (match, error) {
	follow, err := s.resync()
	if err != nil {
		return match{}, err
	}
	limit := s.end
	if follow.len > 0 {
		limit = min(limit, follow.at+s.resyncMin+seedLen)
	}
	other, err := s.scan(limit)
	switch {
	case err != nil || follow.len == 0:
		return other, err
	case other.len == 0 || other.end() <= follow.end() || other.len < follow.len+follow.len/2:
		return follow, nil
	}
	return other, nil
}

// scan returns the longest match of the first seed that is met from done on and
// starts before limit.
func (s *search) scan(limit int64) (match, error) {
	var (
		sum   uint64
		valid bool // sum is that of the window at off
	)
	for off := s.done; off < limit && off+seedLen <= s.end; off++ {
		b, err := s.win.at(off, s.end, seedLen+1)
		if err != nil {
			return match{}, err
		}
		if !valid {
			sum = rolling.Sum(b[:seedLen])
		}
		if off-s.indexed > indexLag {
			// A literal may repeat itself.
			if err := s.indexOwn(s.done, off-seedLen, s.end); err != nil {
				return match{}, err
			}
		}
		i, now, maybe := s.hash.Scan(b[:min(int64(len(b)), limit-off+seedLen, indexLag)], sum, s.filter)
		off, sum, valid = off+int64(i), now, true
		if maybe {
			m, err := s.best(sum, off, s.done, s.end)
			if err == nil {
				err = s.again(&m, off)
			}
			if err != nil || m.len > 0 {
				return m, err
			}
		}
		if valid = i+seedLen < len(b); valid {
			sum = s.hash.Roll(sum, b[i], b[i+seedLen])
		}
	}
	return match{}, nil
}

// took notes the distance of a match.
func (s *search) took(m match) {
	if m.own {
		return
	}
	d := m.from - m.at
	i := max(slices.Index(s.recent[:], d), 0)
	if s.recent[i] != d {
		i = len(s.recent) - 1
	}
	copy(s.recent[1:i+1], s.recent[:i])
	s.recent[0] = d
}

// again takes a match at the distance of a recent one instead if it is no shorter:
// that is cheaper to say, and long runs of one byte, of which only some places are
// indexed, are found whole where they were.
func (s *search) again(best *match, off int64) error {
	for i, d := range s.recent {
		if i > 0 && d == s.recent[i-1] || off+d < 0 || off+d >= s.text.src.Size {
			continue
		}
		m := match{at: off, from: off + d}
		if err := s.extend(&m, s.done, s.end); err != nil {
			return err
		}
		if m.len >= s.min && (m.len > best.len || m.len == best.len && best.own) {
			*best = m
		}
	}
	return nil
}

// resync returns the next match at the distance of the last one, soon after it,
// or none. Edits that keep the length, or nearly, are many short copies in a row.
func (s *search) resync() (match, error) {
	if s.last.at < 0 {
		return match{}, nil
	}
	file := s.file(s.last.own)
	from := s.last.from + s.last.len
	_, high := s.limits(s.last.own, from)
	if s.last.own {
		high = min(high, s.done)
	}
	limit := min(high-from, s.end-s.done)
	for skip, run := int64(0), int64(0); skip < min(limit, resyncSpan); {
		x, err := s.src.from(s.done + skip)
		if err != nil {
			return match{}, err
		}
		y, err := file.from(from + skip)
		if err != nil {
			return match{}, err
		}
		for i := range min(int64(len(x)), int64(len(y)), limit-skip, resyncSpan) {
			skip++
			if x[i] != y[i] {
				run = 0
				continue
			}
			if run++; run == s.resyncMin {
				more, err := common(s.src, s.done+skip, file, from+skip, limit-skip)
				return match{s.done + skip - run, from + skip - run, run + more, s.last.own}, err
			}
		}
	}
	return match{}, nil
}
