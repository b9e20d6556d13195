package delta

import (
	"sort"

	"github.com/pubsync/pubsync/delta/rolling"
)

// Constants of the exact search.
const (
	seedLen   = 24      // bytes that must be equal for a match to be noticed
	maxIndex  = 7 << 18 // strings in the index
	maxSeeds  = 5 << 18 // of them, those of the text
	sameSeeds = 8       // positions of equal hash kept
)

// An extent is a piece of the text that a finder searches, and where it lies in
// a basis. Copies never cross the border of an extent.
type extent struct {
	text int64
	Op
}

func (e *extent) end() int64 { return e.text + e.Len }

// A finder finds exact matches of a new file in another, the text, and in what
// came earlier in the new file. It indexes the hashes of short strings, seeds,
// at every stride-th byte of the text, and extends those it meets in both
// directions (the scheme of Bentley and McIlroy, "Data compression using long
// common strings", 1999). Of the new file itself it indexes what is about its
// literals, as densely as finds every match of the least length: the rest is in
// the text as well.
type finder struct {
	text     *pages
	extents  []extent // ascending
	stride   int64
	seeds    int64 // numbers of seeds of the text; those of the new file come after
	ownSeeds int64 // seeds of the new file indexed
	maxOwn   int64 // at most
	ownStep  int64 // one seed of the new file every so many bytes
	indexed  int64 // up to where in the new file
	slots    []uint64
	shift    uint
	filter   *rolling.Filter
	hash     *rolling.Hash

	src       *pages
	own       *pages  // src again: a page must stay while one of the other side is read
	win       *window // of the scan
	ind       *window // of indexing the new file
	out       func(placed)
	min       int64 // shortest match
	minOwn    int64 // shortest with what came earlier in the new file
	resyncMin int64 // equal bytes that count as going on at the same distance
}

// finderOptions say how much a finder may keep.
type finderOptions struct {
	cache  int64 // bytes of each file
	own    int64 // bytes of the new file that may be indexed
	min    int64 // shortest match, at least seedLen
	minOwn int64 // shortest with what came earlier in the new file, if longer
	resync int64 // equal bytes that count as going on at the same distance
}

// numberBits is the part of a slot that holds the number of the seed plus 1;
// above it are bits of its hash.
const numberBits = 36

// newFinder indexes the extents of the text for the search of src.
func newFinder(text Source, extents []extent, src Source, opt finderOptions) (*finder, error) {
	size := int64(0)
	for i := range extents {
		size += extents[i].Len
	}
	f := &finder{
		text:      newPages(text, opt.cache),
		extents:   extents,
		stride:    max((size+maxSeeds-1)/maxSeeds, opt.min-seedLen+1),
		hash:      rolling.New(seedLen),
		src:       newPages(src, opt.cache/4),
		own:       newPages(src, opt.cache*3/4),
		win:       newWindow(src, seedLen),
		ind:       newWindow(src, seedLen),
		min:       opt.min,
		minOwn:    opt.minOwn,
		resyncMin: opt.resync,
	}
	f.seeds = text.Size/f.stride + 1
	f.ownStep = opt.min - seedLen + 1
	f.maxOwn = min(opt.own/f.ownStep+1, maxIndex-size/f.stride-1)
	room := size/f.stride + 1 + f.maxOwn
	width := max(log2(room+room/8), 4)
	f.slots = make([]uint64, 1<<width)
	f.shift = uint(64 - width)
	f.filter = rolling.NewFilter(int(room), 64)
	win := newWindow(text, seedLen)
	for i := range extents {
		if err := f.index(&extents[i], win); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// index adds the seeds of one extent at the multiples of stride.
func (f *finder) index(e *extent, win *window) error {
	var sums [seedBatch]uint64
	for off := (e.text + f.stride - 1) / f.stride * f.stride; off+seedLen <= e.end(); {
		b, err := win.at(off, e.end(), seedLen)
		if err != nil {
			return err
		}
		for len(b) >= seedLen {
			n, first := 0, off/f.stride
			for n < seedBatch && len(b) >= seedLen {
				sums[n] = rolling.Sum(b[:seedLen])
				n++
				off += f.stride
				b = b[min(f.stride, int64(len(b))):]
			}
			f.insertAll(sums[:n], first, 1)
		}
	}
	return nil
}

// seedBatch is how many seeds are inserted together.
const seedBatch = 32

// insertAll puts seeds into the table whose numbers go up from the first by so many.
func (f *finder) insertAll(sums []uint64, first, by int64) {
	f.touch(sums)
	for i, sum := range sums {
		f.insert(sum, first+by*int64(i))
	}
}

// touch reads where hashes will be inserted, so that memory far away is waited for once
// for all of them. What it returns says nothing.
func (f *finder) touch(sums []uint64) (all uint64) {
	for _, sum := range sums {
		all ^= f.slots[sum>>f.shift]
	}
	return all
}

// indexOwn adds the seeds of the new file that touch [from, to), which must lie
// before everything that is still to be searched.
func (f *finder) indexOwn(from, to, end int64) error {
	from, to = max(from-seedLen+1, f.indexed), min(to, end-seedLen+1)
	f.indexed = max(f.indexed, to)
	if f.ownStep > 1 {
		return f.indexSome((from+f.ownStep-1)/f.ownStep*f.ownStep, to, end)
	}
	for off := from; off < to && f.ownSeeds < f.maxOwn; {
		b, err := f.ind.at(off, end, seedLen)
		if err != nil {
			return err
		}
		sum := rolling.Sum(b[:seedLen])
		n := min(int64(len(b)-seedLen+1), to-off, f.maxOwn-f.ownSeeds)
		for i := range n {
			f.insert(sum, f.seeds+off+i)
			if i+1 < n {
				sum = f.hash.Roll(sum, b[i], b[i+seedLen])
			}
		}
		f.ownSeeds += n
		off += n
	}
	return nil
}

// indexSome adds the seeds at every ownStep-th byte.
func (f *finder) indexSome(off, to, end int64) error {
	var sums [seedBatch]uint64
	for off < to && f.ownSeeds < f.maxOwn {
		b, err := f.ind.at(off, end, seedLen)
		if err != nil {
			return err
		}
		n, first := 0, f.seeds+off
		for ; n < seedBatch && len(b) >= seedLen && off < to && f.ownSeeds < f.maxOwn; f.ownSeeds++ {
			sums[n] = rolling.Sum(b[:seedLen])
			n++
			off += f.ownStep
			b = b[min(f.ownStep, int64(len(b))):]
		}
		f.insertAll(sums[:n], first, f.ownStep)
	}
	return nil
}

// insert puts seed number n into the table unless there are enough like it.
func (f *finder) insert(sum uint64, n int64) {
	f.filter.Add(sum)
	check := check(sum)
	mask := uint64(len(f.slots) - 1)
	same := 0
	for i := sum >> f.shift; ; i = (i + 1) & mask {
		if f.slots[i] == 0 {
			f.slots[i] = check | uint64(n+1)
			return
		}
		if f.slots[i]>>numberBits<<numberBits == check {
			if same++; same == sameSeeds {
				return
			}
		}
	}
}

// check returns the bits of a hash that a slot keeps, in their place. The top
// bits choose the slot, so these are from the middle.
func check(sum uint64) uint64 { return sum << 24 >> numberBits << numberBits }

// A match says that the new file's [at, at+len) is that of from on: the text's,
// or the new file's own if own is set.
type match struct {
	at, from, len int64
	own           bool
}

func (m *match) end() int64 { return m.at + m.len }

// limits returns how far a match at offset from may reach in both directions.
func (f *finder) limits(own bool, from int64) (low, high int64) {
	if own {
		return 0, f.src.src.Size
	}
	i := sort.Search(len(f.extents), func(i int) bool { return f.extents[i].end() >= from })
	if i == len(f.extents) || f.extents[i].text > from {
		return from, from
	}
	if f.extents[i].end() == from && i+1 < len(f.extents) && f.extents[i+1].text == from {
		i++
	}
	return f.extents[i].text, f.extents[i].end()
}

// file returns the cache that a match is from.
func (f *finder) file(own bool) *pages {
	if own {
		return f.own
	}
	return f.text
}

// best returns the longest match of the seeds that may be equal to the one at
// off, within [from, to), or none.
func (f *finder) best(sum uint64, off, from, to int64) (match, error) {
	var best match
	c := check(sum)
	mask := uint64(len(f.slots) - 1)
	tries := 0
	for i := sum >> f.shift; f.slots[i] != 0 && tries < MaxChain; i = (i + 1) & mask {
		tries++
		if f.slots[i]>>numberBits<<numberBits != c {
			continue
		}
		n := int64(f.slots[i]&(1<<numberBits-1)) - 1
		m := match{at: off, from: n * f.stride}
		if n >= f.seeds {
			m = match{at: off, from: n - f.seeds, own: true}
		}
		if err := f.extend(&m, from, to); err != nil {
			return best, err
		}
		if m.len < f.min || m.own && m.len < f.minOwn {
			continue
		}
		if m.len > best.len || m.len == best.len && best.own && !m.own {
			best = m
		}
	}
	return best, nil
}

// extend makes m as long as the files agree, within [from, to) of the new file;
// its length stays 0 if that is shorter than a seed.
func (f *finder) extend(m *match, from, to int64) error {
	low, high := f.limits(m.own, m.from)
	if m.own {
		high = min(high, m.at)
	}
	n, err := common(f.src, m.at, f.file(m.own), m.from, min(to-m.at, high-m.from))
	if err != nil || n < seedLen {
		return err
	}
	room := min(m.at-from, m.from-low)
	if m.own {
		// What is copied must have been made before the copy starts.
		room = min(room, m.at-m.from-n)
	}
	back, err := commonBack(f.src, m.at, f.file(m.own), m.from, room)
	m.at, m.from, m.len = m.at-back, m.from-back, n+back
	return err
}

// emit hands a match to out, as a copy.
func (f *finder) emit(m match) {
	if m.own {
		f.out(placed{m.at, Op{Self, m.from, m.len}})
		return
	}
	i := sort.Search(len(f.extents), func(i int) bool { return f.extents[i].end() > m.from })
	e := &f.extents[i]
	f.out(placed{m.at, Op{e.Basis, e.Off + m.from - e.text, m.len}})
}
