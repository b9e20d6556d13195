package archive

import "math"

// A sparseWriter notes in a column at which of many occasions something
// happened: as the number of occasions in between, so that a change elsewhere
// leaves the bytes alone.
type sparseWriter struct {
	id  column
	gap uint64
}

func (s *sparseWriter) skip() { s.gap++ }

func (s *sparseWriter) hit(c *columnSet) {
	c.uvarint(s.id, s.gap)
	s.gap = 0
}

// A sparseReader goes through the same occasions.
type sparseReader struct {
	id     column
	gap    uint64
	loaded bool
}

// hit reports whether it happened this time; the caller reads what follows in
// the column.
func (s *sparseReader) hit(c *columnReaders) bool {
	if !s.loaded {
		s.loaded, s.gap = true, math.MaxUint64
		if c.more(s.id) {
			s.gap = c.uvarint(s.id)
		}
	}
	if s.gap == 0 {
		s.loaded = false
		return c.err == nil
	}
	s.gap--
	return false
}

// patch notes how got differs from what the decoder will compute, want, of the
// same length.
func (s *sparseWriter) patch(c *columnSet, want, got []byte) {
	var runs []Range
	for i := 0; i < len(got); i++ {
		if want[i] == got[i] {
			continue
		}
		k := i
		for i < len(got) && want[i] != got[i] {
			i++
		}
		// A run costs two bytes: two equal bytes do not end it.
		if n := len(runs); n > 0 && int64(k)-runs[n-1].End() <= 2 {
			runs[n-1].Len = int64(i) - runs[n-1].Off
			continue
		}
		runs = append(runs, span(int64(k), int64(i-k)))
	}
	if len(runs) == 0 {
		s.skip()
		return
	}
	s.hit(c)
	c.uvarint(s.id, uint64(len(runs)))
	end := int64(0)
	for _, r := range runs {
		c.uvarint(s.id, uint64(r.Off-end))
		c.bytes(s.id, got[r.Off:r.End()])
		end = r.End()
	}
}

// patch changes b where [sparseWriter.patch] noted it.
func (s *sparseReader) patch(c *columnReaders, b []byte) {
	if !s.hit(c) {
		return
	}
	var buf []byte
	for n := c.uvarint(s.id); n > 0 && c.err == nil; n-- {
		skip := c.uvarint(s.id)
		if skip > uint64(len(b)) {
			c.fail(badRecipe("patch"))
			return
		}
		b = b[skip:]
		buf = c.bytes(s.id, buf[:0], len(b))
		b = b[copy(b, buf):]
	}
}
