package delta

// Pages of a cache of a file's content.
const (
	pageBits = 13
	pageSize = 1 << pageBits
)

// A pages reads a source at random through a direct-mapped cache of pages.
type pages struct {
	src   Source
	slots []page
}

type page struct {
	number int64 // plus 1, 0 if the slot is empty
	buf    []byte
}

// newPages returns a cache of at most limit bytes.
func newPages(src Source, limit int64) *pages {
	n := min(limit, src.Size+pageSize-1) / pageSize
	return &pages{src: src, slots: make([]page, max(n, 1))}
}

// page returns the bytes of a page; all but the last have pageSize of them.
func (p *pages) page(number int64) ([]byte, error) {
	s := &p.slots[number%int64(len(p.slots))]
	if s.number == number+1 {
		return s.buf, nil
	}
	off := number << pageBits
	n := int(min(pageSize, p.src.Size-off))
	if cap(s.buf) < n {
		s.buf = make([]byte, n)
	}
	s.buf, s.number = s.buf[:n], 0
	if err := p.src.readFull(s.buf, off); err != nil {
		return nil, err
	}
	s.number = number + 1
	return s.buf, nil
}

// from returns bytes that start at off: at least one, up to the end of a page.
func (p *pages) from(off int64) ([]byte, error) {
	b, err := p.page(off >> pageBits)
	if err != nil {
		return nil, err
	}
	return b[off&(pageSize-1):], nil
}

// until returns bytes that end at off: at least one, back to the start of a
// page.
func (p *pages) until(off int64) ([]byte, error) {
	b, err := p.page((off - 1) >> pageBits)
	if err != nil {
		return nil, err
	}
	return b[:(off-1)&(pageSize-1)+1], nil
}

// common returns how many bytes are equal from a of p and b of q on, at most
// max.
func common(p *pages, a int64, q *pages, b, max int64) (int64, error) {
	n := int64(0)
	for n < max {
		x, err := p.from(a + n)
		if err != nil {
			return n, err
		}
		y, err := q.from(b + n)
		if err != nil {
			return n, err
		}
		l := min(int64(len(x)), int64(len(y)), max-n)
		k := equalPrefix(x[:l], y[:l])
		n += int64(k)
		if int64(k) < l {
			break
		}
	}
	return n, nil
}

// commonBack returns how many bytes are equal up to a of p and b of q, at most
// max.
func commonBack(p *pages, a int64, q *pages, b, max int64) (int64, error) {
	n := int64(0)
	for n < max {
		x, err := p.until(a - n)
		if err != nil {
			return n, err
		}
		y, err := q.until(b - n)
		if err != nil {
			return n, err
		}
		l := int(min(int64(len(x)), int64(len(y)), max-n))
		k := equalSuffix(x[len(x)-l:], y[len(y)-l:])
		n += int64(k)
		if k < l {
			break
		}
	}
	return n, nil
}
