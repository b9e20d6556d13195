package deflate

import (
	"cmp"
	"slices"
)

// A goTree builds code lengths as Go's compress/flate does up to Go 1.26
// (huffman_code.go): length-limited codes by package-merge (Larmore and
// Hirschberg 1990), in which a package goes before a leaf of equal weight.
type goTree struct {
	leaves []goLeaf
	levels [maxCodeLen][]goItem
}

type goLeaf struct {
	sym  int
	freq uint32
}

// A goItem is a leaf or a package of two items of the level below.
type goItem struct {
	weight uint64
	leaf   bool
}

// build computes code lengths for the symbols counted in freq, none longer
// than limit.
func (t *goTree) build(freq []uint32, limit int, lens []uint8) {
	clear(lens)
	t.leaves = t.leaves[:0]
	for s, f := range freq {
		if f != 0 {
			t.leaves = append(t.leaves, goLeaf{s, f})
		}
	}
	if len(t.leaves) <= 2 {
		for _, l := range t.leaves {
			lens[l.sym] = 1
		}
		return
	}
	slices.SortFunc(t.leaves, func(a, b goLeaf) int {
		return cmp.Or(cmp.Compare(a.freq, b.freq), a.sym-b.sym)
	})
	limit = min(limit, len(t.leaves)-1)
	for level := range limit {
		t.merge(level)
	}
	// The code is in the first 2n-2 items of the last level. The number of
	// leaves among them is the number of symbols with a code at all; the
	// packages, unpacked, tell how many have one longer than one bit; and so on.
	longer := len(t.leaves)
	take := 2*len(t.leaves) - 2
	rest := t.leaves
	for level := limit - 1; level >= 0; level-- {
		take = 2 * t.packages(level, take)
		below := 0
		if level > 0 {
			below = take - t.packages(level-1, take)
		}
		for _, l := range rest[below:longer] {
			lens[l.sym] = uint8(limit - level)
		}
		longer = below
	}
}

// merge fills a level: the leaves merged with the packages of the level below,
// in order of weight.
func (t *goTree) merge(level int) {
	items := t.levels[level][:0]
	var below []goItem
	if level > 0 {
		below = t.levels[level-1]
	}
	leaves := t.leaves
	for {
		switch {
		case len(leaves) > 0 && (len(below) < 2 || uint64(leaves[0].freq) < below[0].weight+below[1].weight):
			items = append(items, goItem{uint64(leaves[0].freq), true})
			leaves = leaves[1:]
		case len(below) >= 2:
			items = append(items, goItem{below[0].weight + below[1].weight, false})
			below = below[2:]
		default:
			t.levels[level] = items
			return
		}
	}
}

// packages counts the packages among the first n items of a level.
func (t *goTree) packages(level, n int) (count int) {
	for _, it := range t.levels[level][:n] {
		if !it.leaf {
			count++
		}
	}
	return count
}

// A goCoder decides how a block is coded, as compress/flate does.
type goCoder struct {
	tree goTree
	lit  [numLit]uint8
	dist [numDist]uint8
	freq [numCodeLen]uint32
}

// header fills h with the header compress/flate writes for a block with these
// counts, of which at least one distance must be counted (generateCodegen).
func (g *goCoder) header(c *counts, h *header) {
	g.tree.build(c.lit[:], maxCodeLen, g.lit[:])
	g.tree.build(c.dist[:], maxCodeLen, g.dist[:])
	h.lits, h.dists = usedPrefix(c.lit[:]), usedPrefix(c.dist[:])
	var lens [numLit + numDist]uint8
	n := copy(lens[:], g.lit[:h.lits])
	n += copy(lens[n:], g.dist[:h.dists])
	g.freq = [numCodeLen]uint32{}
	h.runs = h.runs[:0]
	g.runs(lens[:n], h)
	g.tree.build(g.freq[:], 7, h.clens[:])
	h.clenCount = numCodeLen
	for h.clenCount > 4 && g.freq[codeLenOrder[h.clenCount-1]] == 0 {
		h.clenCount--
	}
}

func usedPrefix(freq []uint32) int {
	n := len(freq)
	for n > 0 && freq[n-1] == 0 {
		n--
	}
	return n
}

// runs appends the run-length form of lens, in which runs may cross from the
// first code into the second.
func (g *goCoder) runs(lens []uint8, h *header) {
	emit := func(sym uint8, extra int) {
		h.runs = append(h.runs, clenRun{sym, uint8(extra)})
		g.freq[sym]++
	}
	for i := 0; i < len(lens); {
		cur, n := lens[i], 1
		for i+n < len(lens) && lens[i+n] == cur {
			n++
		}
		i += n
		if cur != 0 {
			emit(cur, 0)
			n--
			for n >= 3 {
				k := min(n, 6)
				emit(16, k-3)
				n -= k
			}
		} else {
			for n >= 11 {
				k := min(n, 138)
				emit(18, k-11)
				n -= k
			}
			if n >= 3 {
				emit(17, n-3)
				n = 0
			}
		}
		for range n {
			emit(cur, 0)
		}
	}
}

// withDistance returns c with a distance counted if there is none, as
// compress/flate does lest the distance code be empty (indexTokens).
func withDistance(c *counts) counts {
	d := *c
	for _, n := range d.dist {
		if n != 0 {
			return d
		}
	}
	d.dist[0] = 1
	return d
}

// decide fills h and chooses the type of a block of the given number of plain
// bytes (writeBlock).
func (g *goCoder) decide(c *counts, plain int, mayStore bool, h *header) blockType {
	d := withDistance(c)
	g.header(&d, h)
	mayStore = mayStore && plain <= maxStored
	extra := 0
	if mayStore {
		extra = extraBits(c)
	}
	dynBits := 3 + h.bits() + weigh(&d, g.lit[:], g.dist[:]) + extra
	fixBits := 3 + weigh(&d, fixedLitLens[:numLit], fixedDistLens[:]) + extra
	switch {
	case mayStore && (plain+5)*8 < min(fixBits, dynBits):
		return stored
	case dynBits < fixBits:
		return dynamic
	}
	return fixed
}

// decideFast is decide for level 1 and Huffman-only coding
// (writeBlockDynamic, writeBlockHuff): stored unless a sixteenth is gained.
func (g *goCoder) decideFast(c *counts, plain int, h *header) blockType {
	d := withDistance(c)
	g.header(&d, h)
	bits := 3 + h.bits() + weigh(&d, g.lit[:], g.dist[:])
	if plain <= maxStored && (plain+5)*8 < bits+bits>>4 {
		return stored
	}
	return dynamic
}

const maxStored = 65535
