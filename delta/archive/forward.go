package archive

import (
	"cmp"
	"slices"
)

// forward returns those of the copies, which ascend by New, that ascend by Old as
// well and together cover the most bytes. An old stream is read once, forwards:
// a single copy from far ahead, of a member that occurs twice, would otherwise
// put all that follows out of reach. It is the heaviest increasing subsequence,
// found with a tree of prefix maxima (Fenwick, "A new data structure for
// cumulative frequency tables", 1994) in n log n steps and 24 bytes a copy.
func forward(copies []Copy) []Copy {
	if slices.IsSortedFunc(copies, func(x, y Copy) int { return cmp.Compare(x.Old, y.Old) }) {
		return copies
	}
	byEnd := make([]int32, len(copies)) // copies in order of their ends in Old
	for i := range byEnd {
		byEnd[i] = int32(i)
	}
	end := func(i int32) int64 { return copies[i].Old + copies[i].Len }
	slices.SortFunc(byEnd, func(x, y int32) int { return cmp.Or(cmp.Compare(end(x), end(y)), cmp.Compare(x, y)) })
	rank := make([]int32, len(copies)) // by copy: its place in byEnd
	for r, i := range byEnd {
		rank[i] = int32(r)
	}
	var (
		best   = make([]int64, len(copies))   // by copy: bytes of the heaviest chain that ends with it
		before = make([]int32, len(copies))   // the copy before it in that chain, or -1
		tree   = make([]int32, len(copies)+1) // of ranks: the copy with the most, plus 1
		last   = int32(-1)
	)
	for i, c := range copies {
		reach, _ := slices.BinarySearchFunc(byEnd, c.Old+1, func(x int32, old int64) int { return cmp.Compare(end(x), old) })
		before[i], best[i] = -1, c.Len
		for k := reach; k > 0; k -= k & -k {
			if j := tree[k] - 1; j >= 0 && best[j]+c.Len > best[i] {
				before[i], best[i] = j, best[j]+c.Len
			}
		}
		for k := int(rank[i]) + 1; k <= len(copies); k += k & -k {
			if j := tree[k] - 1; j < 0 || best[j] < best[i] {
				tree[k] = int32(i) + 1
			}
		}
		if last < 0 || best[i] > best[last] {
			last = int32(i)
		}
	}
	var chain []Copy
	for i := last; i >= 0; i = before[i] {
		chain = append(chain, copies[i])
	}
	slices.Reverse(chain)
	return chain
}
