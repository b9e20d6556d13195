package push

import (
	"encoding/binary"
	"sort"

	"github.com/pubsync/pubsync/sync/wire"
)

// window is a run of files that are hashed, asked about and sent together.
type window struct {
	indices []int // ascending
	bytes   int64
	most    int64 // bytes that it may have, unless those of one file
	only    bool  // there is no other
	direct  bool  // its files go by signatures that came unasked
	keeps   bool  // the content of small files
	room    int64 // bytes left for that
	shelf   *shelf
	over    func() // to be called when it is through
	handOn  func() // lets the next window take its turn, and its room; nil if it has none to give
}

// Bounds of a window. Of bytes it may have up to maxStretch times as many.
const (
	windowFiles = 4096
	windowBytes = 64 << 20
	maxStretch  = 4
)

// A cutter cuts the files that need a digest into windows, kind by kind.
type cutter struct {
	p     *pusher
	begun bool
	now   kind       // the kind that is cut
	next  int        // the first entry not looked at for it
	left  [kinds]int // files that are to be cut
	most  int64      // bytes of a window
}

// A kind of files makes windows of its own, where there are files of several. Those come
// first that take the most round trips: while they do, others are hashed and asked about.
type kind int

const (
	matchable kind = iota // they go by signatures that came unasked
	unlike                // they differ from what stands there, or nothing is known
	likely                // as long as what stands there, which is most likely what they are
	kinds
)

// manyAlike is how many files alike are of a kind of their own.
const manyAlike = 1024

// kindOf is the kind of the file at index i.
func (c *cutter) kindOf(i int) kind {
	switch {
	case c.p.direct[i]:
		return matchable
	case c.left[likely] > 0 && c.p.alike[i]:
		return likely
	}
	return unlike
}

// cutter returns one for all files that need a digest. Where a round trip takes long
// all windows are to be under way at once, if they need not be too large for that: one
// that has to wait for another to end makes the push take twice as many.
func (p *pusher) cutter() *cutter {
	c := &cutter{p: p, most: windowBytes}
	all := int64(0)
	for i, needed := range p.needs {
		if !needed {
			continue
		}
		all += p.tree.Entries[i].Size
		switch {
		case p.direct[i]:
			c.left[matchable]++
		case p.alike[i]:
			c.left[likely]++
		default:
			c.left[unlike]++
		}
	}
	if c.left[likely] < manyAlike {
		c.left[unlike], c.left[likely] = c.left[unlike]+c.left[likely], 0
	}
	if n := int64(p.parallel()); n > fewWindows {
		const slack = windowBytes / 8 // a window is not full to the last byte
		c.most = min(max(windowBytes, all/n+slack), maxStretch*windowBytes)
	}
	return c
}

// cut returns the next window; ok is false if there is none.
func (c *cutter) cut() (w window, ok bool) {
	for c.now < kinds && c.left[c.now] == 0 {
		c.now, c.next = c.now+1, 0
	}
	if c.now == kinds {
		return w, false
	}
	p, first := c.p, !c.begun
	c.begun = true
	w.direct, w.most, w.room = c.now == matchable, c.most, p.bodyLimit(p.parallel())-int64(beforeFiles(0))
	w.keeps = p.keeps() && !w.direct
	for ; c.left[c.now] > 0 && c.next < len(p.needs); c.next++ {
		if !p.needs[c.next] || c.kindOf(c.next) != c.now {
			continue
		}
		if !w.take(c.next, c.cost(c.next)) {
			return w, true
		}
		c.left[c.now]--
	}
	w.only = first && c.left == [kinds]int{}
	return w, len(w.indices) > 0
}

// cost is how many bytes of a window the file at index i takes: none if it is most likely
// held and its digest is known, so that there is nothing to do but to ask.
func (c *cutter) cost(i int) int64 {
	e := &c.p.tree.Entries[i]
	if c.now == likely && !e.Digest.IsZero() {
		return 0
	}
	return e.Size
}

// countWindows returns how many windows there will be, as it looks now.
func (p *pusher) countWindows() (n int) {
	c := p.cutter()
	for _, ok := c.cut(); ok; _, ok = c.cut() {
		n++
	}
	return n
}

// keeps says whether the content of small files is kept from when it is hashed: where
// a question costs next to nothing, so that windows may be as small as what they keep,
// where most files need a digest, and as long as most of what was asked about was not
// there already.
func (p *pusher) keeps() bool {
	return !p.opts.DryRun && p.fresh && p.rate.near() && p.had.Load() <= p.lacked.Load()
}

// furnish gives a window its shelf, with places for its small files, if it keeps
// content.
func (p *pusher) furnish(w *window) {
	if !w.keeps {
		return
	}
	size := int(p.bodyLimit(p.parallel()))
	small := 0
	for _, i := range w.indices {
		if p.tree.Entries[i].Size <= smallFile {
			small++
		}
	}
	w.shelf = &shelf{start: min(beforeFiles(small), size)}
	select {
	case w.shelf.frames = <-p.shelves:
	default:
	}
	if cap(w.shelf.frames) < size {
		w.shelf.frames = make([]byte, 0, size)
	}
	w.shelf.frames = w.shelf.frames[:w.shelf.start]
	for _, i := range w.indices {
		w.shelf.reserve(i, p.tree.Entries[i].Size)
	}
}

// putBack gives the room of a shelf to the next window.
func (p *pusher) putBack(s *shelf) {
	if s == nil {
		return
	}
	select {
	case p.shelves <- s.clear():
	default:
	}
}

// take adds the entry at i, or reports that the window is full.
func (w *window) take(i int, size int64) bool {
	if n := len(w.indices); n == windowFiles || n > 0 && w.bytes+size > w.most {
		return false
	}
	if w.keeps && size <= smallFile {
		if need := size + maxFileHead + int64(beforeFiles(1)-beforeFiles(0)); need <= w.room {
			w.room -= need
		} else if len(w.indices) > 0 {
			return false
		}
	}
	w.indices = append(w.indices, i)
	w.bytes += size
	return true
}

// maxFileHead bounds the bytes of a file frame before its content.
const maxFileHead = 16

// beforeFiles bounds the bytes of a body before so many files: its number, and their
// digests.
func beforeFiles(n int) int { return maxNumber + wire.MaxAlong(n) }

// maxNumber bounds the bytes of a number frame.
const maxNumber = 2 + binary.MaxVarintLen64

// A shelf keeps the content of a window's small files from when they are hashed
// until they are sent, so that each is read once: as the frames that carry it, one
// after another, which is what a body is made of. Distinct places may be filled
// concurrently.
type shelf struct {
	start  int // where the frames begin; before that is room for what goes before them
	frames []byte
	places []place // of the window's files, in their order
}

// A place is that of one file; all zero if it is not kept.
type place struct {
	index         int
	at, from, end int // of the frame, its content, and where it ends
	filled        bool
}

// reserve makes a place for a file. One that is not small, or for which there is no
// room, gets one that holds nothing.
func (s *shelf) reserve(index int, size int64) {
	at := len(s.frames)
	if size > smallFile || at+maxFileHead+int(size) > cap(s.frames) {
		s.places = append(s.places, place{index: index})
		return
	}
	head := wire.AppendFileHead(s.frames, index, int(size))
	from, end := len(head), len(head)+int(size)
	s.frames = head[:end]
	s.places = append(s.places, place{index: index, at: at, from: from, end: end})
}

// content is where that of the window's k-th file goes; nil if it is not kept.
func (s *shelf) content(k int) []byte {
	if s == nil || s.places[k].end == 0 {
		return nil
	}
	p := &s.places[k]
	return s.frames[p.from:p.end:p.end]
}

// frame returns the frame of a file; nil if it is not kept.
func (s *shelf) frame(index int) []byte {
	if s == nil {
		return nil
	}
	k := sort.Search(len(s.places), func(k int) bool { return s.places[k].index >= index })
	if k == len(s.places) || s.places[k].index != index || !s.places[k].filled {
		return nil
	}
	p := &s.places[k]
	return s.frames[p.at:p.end]
}

// keep records that the content of the window's k-th file is in its place, whole
// and as it was listed.
func (s *shelf) keep(k int) { s.places[k].filled = true }

// drop forgets the content of a file, which has changed.
func (s *shelf) drop(index int) {
	if s == nil {
		return
	}
	for k := range s.places {
		if s.places[k].index == index {
			s.places[k].filled = false
		}
	}
}

// clear takes everything off the shelf and returns its room.
func (s *shelf) clear() []byte {
	s.places = nil
	return s.frames[:0]
}
