package archive

import (
	"encoding/binary"
	"math"
)

// tarSplitter takes a tar stream written to it apart. What follows the last
// header that it understands is one raw segment.
type tarSplitter struct {
	e     *expander
	t     *tarEncoder
	mode  tarMode
	block [blockSize]byte
	fill  int   // of block
	left  int64 // of the content
	pad   int   // of the padding after it
	stash []special
	runs  []tarRun
	raw   int64
	zeros int64 // in all runs
}

type tarMode int

const (
	tarHeader  tarMode = iota // collecting a block
	tarSpecial                // inside a special header's content
	tarContent                // inside a member's content
	tarPadding                // after either
	tarRaw                    // past anything known
)

// A tarRun is a number of members and the zero bytes after them.
type tarRun struct {
	groups, zeros int64
}

func newTarSplitter(e *expander) *tarSplitter {
	return &tarSplitter{e: e, t: &e.tar, runs: []tarRun{{}}}
}

// Write implements [io.Writer].
func (s *tarSplitter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		k, err := s.step(p)
		if err != nil {
			return n - len(p), err
		}
		p = p[k:]
	}
	return n, nil
}

// step takes some bytes off the front of p and returns how many.
func (s *tarSplitter) step(p []byte) (int, error) {
	switch s.mode {
	case tarSpecial:
		st := &s.stash[len(s.stash)-1]
		k := int(min(s.left, int64(len(p))))
		st.content = append(st.content, p[:k]...)
		return k, s.took(k)
	case tarContent:
		k := int(min(s.left, int64(len(p))))
		if err := s.e.write(p[:k]); err != nil {
			return 0, err
		}
		return k, s.took(k)
	case tarRaw:
		s.raw += int64(len(p))
		return len(p), s.e.write(p)
	}
	want := blockSize
	if s.mode == tarPadding {
		want = s.pad
	}
	k := copy(s.block[s.fill:want], p)
	if s.fill += k; s.fill < want {
		return k, nil
	}
	s.fill = 0
	if s.mode == tarPadding {
		s.padded(s.block[:want])
		return k, nil
	}
	return k, s.header()
}

// took counts k bytes of content.
func (s *tarSplitter) took(k int) error {
	if s.left -= int64(k); s.left > 0 {
		return nil
	}
	if s.mode == tarContent {
		s.e.endSegment()
	}
	s.afterContent()
	return nil
}

func (s *tarSplitter) afterContent() {
	if s.pad > 0 {
		s.mode = tarPadding
		return
	}
	s.mode = tarHeader
}

// padded takes the padding, whole or as much as there is.
func (s *tarSplitter) padded(pad []byte) {
	s.mode = tarHeader
	if n := len(s.stash); n > 0 {
		s.stash[n-1].pad = append([]byte(nil), pad...)
		return
	}
	s.t.padding(pad)
}

// header handles a full block where a header belongs.
func (s *tarSplitter) header() error {
	b := &s.block
	size, _ := parseField(b[124:136], styleDigitsNul, numberStyles)
	switch {
	case isZero(b[:]):
		if err := s.flush(); err != nil {
			return err
		}
		if s.zeros += blockSize; s.zeros > maxZeros {
			return s.startRaw(b[:])
		}
		s.runs[len(s.runs)-1].zeros += blockSize
		return nil
	case !isHeader(b) || size > math.MaxInt64/2:
		if err := s.flush(); err != nil {
			return err
		}
		return s.startRaw(b[:])
	case isSpecial(b[156]) && size > 0 && size <= maxSpecialSize:
		return s.hold(int64(size))
	}
	n, ok, overflow := s.t.group(s.stash, b)
	if overflow {
		return ErrNotArchive
	}
	if !ok {
		held := *b
		if err := s.flush(); err != nil {
			return err
		}
		*b = held
		if n, _, overflow = s.t.group(nil, b); overflow {
			return ErrNotArchive
		}
	}
	s.stash = s.stash[:0]
	if err := s.count(); err != nil {
		return err
	}
	s.content(b[156], int64(n))
	return nil
}

// hold begins a special header, kept until its member comes. One of each type
// can wait.
func (s *tarSplitter) hold(size int64) error {
	for i := range s.stash {
		if s.stash[i].typ() == s.block[156] {
			if err := s.flush(); err != nil {
				return err
			}
			break
		}
	}
	s.stash = append(s.stash, special{block: s.block})
	s.left, s.pad, s.mode = size, padTo(size), tarSpecial
	return nil
}

// padTo returns how many bytes follow size bytes up to the next block.
func padTo(size int64) int { return int(-size & (blockSize - 1)) }

// count counts a member that was coded.
func (s *tarSplitter) count() error {
	if last := &s.runs[len(s.runs)-1]; last.zeros == 0 {
		last.groups++
	} else {
		s.runs = append(s.runs, tarRun{groups: 1})
	}
	return s.e.check()
}

// content begins the content of the member just coded.
func (s *tarSplitter) content(typ byte, size int64) {
	s.left, s.pad, s.mode = 0, 0, tarHeader
	if size == 0 || !hasContent(typ) {
		return
	}
	s.e.beginSegment(s.e.names.n - 1)
	s.left, s.pad, s.mode = size, padTo(size), tarContent
}

// flush makes members of the special headers held back, whose member did not
// come or does not fit them.
func (s *tarSplitter) flush() error {
	held := s.stash
	s.stash = nil
	for i := range held {
		st := &held[i]
		if _, _, overflow := s.t.group(nil, &st.block); overflow {
			return ErrNotArchive
		}
		if err := s.count(); err != nil {
			return err
		}
		s.e.beginSegment(s.e.names.n - 1)
		if err := s.e.write(st.content); err != nil {
			return err
		}
		s.e.endSegment()
		s.t.padding(st.pad)
	}
	return nil
}

func (s *tarSplitter) startRaw(b []byte) error {
	s.mode, s.raw = tarRaw, int64(len(b))
	s.e.beginSegment(noName)
	return s.e.write(b)
}

// close ends the stream and appends what rebuilds it to the recipe: the runs,
// the raw bytes after them, the bytes that the last member lacks.
func (s *tarSplitter) close() error {
	cut := int64(0)
	switch s.mode {
	case tarHeader:
		if err := s.partial(); err != nil {
			return err
		}
	case tarRaw:
		s.e.endSegment()
	case tarPadding:
		cut = int64(s.pad - s.fill)
		s.padded(s.block[:s.fill])
	case tarContent:
		cut = s.left + int64(s.pad)
		s.e.endSegment()
	case tarSpecial:
		cut = s.left + int64(s.pad)
	}
	if err := s.flush(); err != nil {
		return err
	}
	rec := binary.AppendUvarint(s.e.recipe, uint64(len(s.runs)))
	for _, r := range s.runs {
		rec = binary.AppendUvarint(rec, uint64(r.groups))
		rec = binary.AppendUvarint(rec, uint64(r.zeros))
	}
	rec = binary.AppendUvarint(rec, uint64(s.raw))
	s.e.recipe = binary.AppendUvarint(rec, uint64(cut))
	return nil
}

// partial handles less than a block at the end.
func (s *tarSplitter) partial() error {
	b := s.block[:s.fill]
	if err := s.flush(); err != nil || len(b) == 0 {
		return err
	}
	if isZero(b) && s.zeros+int64(len(b)) <= maxZeros {
		s.runs[len(s.runs)-1].zeros += int64(len(b))
		return nil
	}
	if err := s.startRaw(b); err != nil {
		return err
	}
	s.e.endSegment()
	return nil
}
