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

// A cutter cuts the files that need a digest into windows.
type cutter struct {
	p    *pusher
	next int   // the first entry not looked at
	most int64 // bytes of a window
}

// cutter returns one for all files that need a digest. Where a round trip takes long
// all windows are to be under way at once, if they need not be too large for that: one
// that has to wait for another to end makes the push take twice as many.
func (p *pusher) cutter() *cutter {
	c := &cutter{p: p, most: windowBytes}
	n := int64(p.parallel())
	if n <= fewWindows {
		return c
	}
	all := int64(0)
	for i, needed := range p.needs {
		if needed {
			all += p.tree.Entries[i].Size
		}
	}
	const slack = windowBytes / 8 // a window is not full to the last byte
	c.most = min(max(windowBytes, all/n+slack), maxStretch*windowBytes)
	return c
}

// cut returns the next window; ok is false if there is none.
func (c *cutter) cut() (w window, ok bool) {
	p := c.p
	w.only, w.keeps, w.room, w.most = c.next == 0, p.keeps(), p.bodyLimit(p.parallel())-int64(beforeFiles(0)), c.most
	for ; c.next < len(p.needs); c.next++ {
		if !p.needs[c.next] {
			continue
		}
		if !w.take(c.next, p.tree.Entries[c.next].Size) {
			w.only = false
			return w, true
		}
	}
	return w, len(w.indices) > 0
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
