package delta

import (
	"math/bits"
	"sort"

	"github.com/pubsync/pubsync/delta/rolling"
)

// noBlock ends a chain and stands for "no block".
const noBlock = -1

// An index finds the blocks of a signature by their weak hash. It holds full
// blocks only, each distinct hash once, and no more than MaxChain in a chain:
// what does not fit is not found, so blocks made to collide cannot make lookups
// slow.
type index struct {
	*Signature
	first  []int32 // per range, its first block
	nearby []int32 // per nearBlocks blocks, the range that the first of them is in
	heads  []int32
	next   []int32
	shift  uint // of the weak bits, to the bucket
	filter *rolling.Filter
	repeat bool // equal hashes are all kept
}

func newIndex(sig *Signature, repeat bool) *index {
	n := len(sig.Hashes)
	width := min(max(bits.Len(uint(n)), 4), sig.WeakBits)
	x := &index{
		Signature: sig,
		repeat:    repeat,
		first:     make([]int32, 0, len(sig.Ranges)),
		heads:     make([]int32, 1<<width),
		next:      make([]int32, n),
		shift:     uint(sig.WeakBits - width),
		filter:    rolling.NewFilter(n, sig.WeakBits),
	}
	for i := range x.heads {
		x.heads[i] = noBlock
	}
	block := int32(0)
	for _, g := range sig.Ranges {
		x.first = append(x.first, block)
		full := int32(g.Len / int64(sig.BlockSize))
		for i := range full {
			x.insert(block + i)
		}
		block += int32(blocksIn(g.Len, sig.BlockSize))
	}
	x.nearby = make([]int32, (n+nearBlocks-1)/nearBlocks)
	k := int32(0)
	for i := range x.nearby {
		k = x.rangeFrom(k, int32(i*nearBlocks))
		x.nearby[i] = k
	}
	return x
}

// nearBlocks is how far apart the blocks are whose ranges an index knows.
const nearBlocks = 16

// insert appends block i to its chain unless an equal hash is there or the
// chain is full.
func (x *index) insert(i int32) {
	x.next[i] = noBlock
	weak := x.Hashes[i] >> x.StrongBits
	link := &x.heads[weak>>x.shift]
	for range MaxChain {
		if *link == noBlock {
			*link = i
			x.filter.Add(weak << (64 - x.WeakBits))
			return
		}
		if x.Hashes[*link] == x.Hashes[i] && !x.repeat {
			return
		}
		link = &x.next[*link]
	}
}

// rangeOf returns the index of the range that block i is in.
func (x *index) rangeOf(i int32) int32 { return x.rangeFrom(x.nearby[i/nearBlocks], i) }

// rangeFrom is rangeOf for a block that is in range k or after it.
func (x *index) rangeFrom(k, i int32) int32 {
	for int(k)+1 < len(x.first) && x.first[k+1] <= i {
		k++
	}
	return k
}

// after returns the block that follows block i in the basis without a break.
func (x *index) after(i int32) int32 {
	k := int(x.rangeOf(i)) + 1
	switch {
	case k < len(x.first) && i+1 < x.first[k], k == len(x.first) && int(i)+1 < len(x.Hashes):
		return i + 1
	case k < len(x.first) && x.Ranges[k].Off == x.Ranges[k-1].End():
		return x.first[k]
	}
	return noBlock
}

// blockRange returns where block i is in the basis.
func (x *index) blockRange(i int32) Range {
	k := x.rangeOf(i)
	g := x.Ranges[k]
	skip := int64(i-x.first[k]) * int64(x.BlockSize)
	return Range{g.Off + skip, min(int64(x.BlockSize), g.Len-skip)}
}

// A span is a row of blocks: from one to before another.
type span struct{ from, to int32 }

// blocksOf returns the blocks that lie within g, which is part of one range.
func (x *index) blocksOf(g Range) span {
	k := sort.Search(len(x.Ranges), func(k int) bool { return x.Ranges[k].End() > g.Off })
	if g.Len == 0 || k == len(x.Ranges) || g.Off < x.Ranges[k].Off {
		return span{}
	}
	r, size := x.Ranges[k], int64(x.BlockSize)
	to := (g.End() - r.Off) / size
	if g.End() >= r.End() {
		to = blocksIn(r.Len, x.BlockSize) // the last may be short
	}
	return span{x.first[k] + int32(blocksIn(g.Off-r.Off, x.BlockSize)), x.first[k] + int32(to)}
}

// starting returns the block that starts at offset off of the basis.
func (x *index) starting(off int64) int32 {
	k := sort.Search(len(x.Ranges), func(k int) bool { return x.Ranges[k].End() > off })
	if k == len(x.Ranges) || off < x.Ranges[k].Off {
		return noBlock
	}
	skip := off - x.Ranges[k].Off
	if skip%int64(x.BlockSize) != 0 {
		return noBlock
	}
	return x.first[k] + int32(skip/int64(x.BlockSize))
}

// ending returns the block that ends at offset off of the basis.
func (x *index) ending(off int64) int32 {
	k := sort.Search(len(x.Ranges), func(k int) bool { return x.Ranges[k].End() >= off })
	if k == len(x.Ranges) || off <= x.Ranges[k].Off {
		return noBlock
	}
	g := x.Ranges[k]
	skip := off - g.Off
	if off != g.End() && skip%int64(x.BlockSize) != 0 {
		return noBlock
	}
	return x.first[k] + int32(blocksIn(skip, x.BlockSize)) - 1
}
