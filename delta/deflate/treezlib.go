package deflate

// A zlibTree builds code lengths as zlib and gzip do (their trees.c:
// build_tree, gen_bitlen, scan_tree): a heap ordered by frequency and, for
// equal ones, by depth, then lengths cut to the limit. Ties fall the same way
// only with the same heap, so the heap is theirs.
type zlibTree struct {
	freq    [2*numLit + 1]uint32
	dad     [2*numLit + 1]int16
	length  [2*numLit + 1]uint8
	depth   [2*numLit + 1]uint8
	heap    [2*numLit + 1]int16
	n       int // entries in the heap, from heap[1]
	top     int // sorted nodes are heap[top:size]
	size    int
	maxCode int
}

// build computes the code lengths for the symbols counted in freq, none
// longer than limit, into lens, and returns the highest symbol that gets a code.
// As in zlib at least two symbols always get one.
func (t *zlibTree) build(freq []uint32, limit uint8, lens []uint8) (maxCode int) {
	t.load(freq)
	for i := t.n / 2; i >= 1; i-- {
		t.sink(i)
	}
	t.join(len(freq))
	t.assign(len(freq), limit)
	for i := range lens {
		lens[i] = 0
		if i <= t.maxCode && t.freq[i] != 0 {
			lens[i] = t.length[i]
		}
	}
	return t.maxCode
}

func (t *zlibTree) load(freq []uint32) {
	t.size = 2*len(freq) + 1
	t.n, t.top, t.maxCode = 0, t.size, -1
	for i, f := range freq {
		t.freq[i], t.depth[i] = f, 0
		t.length[i] = 0
		if f != 0 {
			t.n++
			t.heap[t.n] = int16(i)
			t.maxCode = i
		}
	}
	for t.n < 2 {
		node := 0
		if t.maxCode < 2 {
			t.maxCode++
			node = t.maxCode
		}
		t.n++
		t.heap[t.n] = int16(node)
		t.freq[node], t.depth[node] = 1, 0
	}
}

func (t *zlibTree) less(a, b int16) bool {
	return t.freq[a] < t.freq[b] || (t.freq[a] == t.freq[b] && t.depth[a] <= t.depth[b])
}

// sink restores the heap below position k.
func (t *zlibTree) sink(k int) {
	v := t.heap[k]
	for j := 2 * k; j <= t.n; j *= 2 {
		if j < t.n && t.less(t.heap[j+1], t.heap[j]) {
			j++
		}
		if t.less(v, t.heap[j]) {
			break
		}
		t.heap[k] = t.heap[j]
		k = j
	}
	t.heap[k] = v
}

// join combines the two rarest nodes until one is left, keeping all nodes at
// the back of heap in descending frequency.
func (t *zlibTree) join(node int) {
	for ; ; node++ {
		a := t.heap[1]
		t.heap[1] = t.heap[t.n]
		t.n--
		t.sink(1)
		b := t.heap[1]
		t.heap[t.top-1], t.heap[t.top-2] = a, b
		t.top -= 2
		t.freq[node] = t.freq[a] + t.freq[b]
		t.depth[node] = max(t.depth[a], t.depth[b]) + 1
		t.dad[a], t.dad[b] = int16(node), int16(node)
		t.heap[1] = int16(node)
		t.sink(1)
		if t.n < 2 {
			break
		}
	}
	t.top--
	t.heap[t.top] = t.heap[1]
}

// assign gives every node its depth in the tree as length, then moves leaves
// up and down until none exceeds the limit.
func (t *zlibTree) assign(leaves int, limit uint8) {
	var count [maxCodeLen + 1]int
	over := 0
	t.length[t.heap[t.top]] = 0
	for _, node := range t.heap[t.top+1 : t.size] {
		l := t.length[t.dad[node]] + 1
		if l > limit {
			l = limit
			over++
		}
		t.length[node] = l
		if int(node) < leaves && int(node) <= t.maxCode {
			count[l]++
		}
	}
	if over == 0 {
		return
	}
	for ; over > 0; over -= 2 {
		l := limit - 1
		for count[l] == 0 {
			l--
		}
		count[l]--
		count[l+1] += 2
		count[limit]--
	}
	h := t.size
	for l := limit; l > 0; l-- {
		for n := count[l]; n > 0; {
			h--
			if node := t.heap[h]; int(node) < leaves && int(node) <= t.maxCode {
				t.length[node] = l
				n--
			}
		}
	}
}

// A zlibCoder decides how a block is coded, as zlib does.
type zlibCoder struct {
	tree zlibTree
	lit  [numLit]uint8
	dist [numDist]uint8
	freq [numCodeLen]uint32
}

// header fills h with the header zlib writes for a block with these counts,
// the end-of-block symbol included.
func (z *zlibCoder) header(c *counts, h *header) {
	maxLit := z.tree.build(c.lit[:], maxCodeLen, z.lit[:])
	maxDist := z.tree.build(c.dist[:], maxCodeLen, z.dist[:])
	h.lits, h.dists = maxLit+1, maxDist+1
	z.freq = [numCodeLen]uint32{}
	h.runs = h.runs[:0]
	z.runs(z.lit[:h.lits], h)
	z.runs(z.dist[:h.dists], h)
	z.tree.build(z.freq[:], 7, h.clens[:])
	h.clenCount = numCodeLen
	for h.clenCount > 4 && h.clens[codeLenOrder[h.clenCount-1]] == 0 {
		h.clenCount--
	}
}

// runs appends the run-length form of lens (scan_tree). The two codes are
// scanned apart: no run crosses from one into the other.
func (z *zlibCoder) runs(lens []uint8, h *header) {
	emit := func(sym, extra uint8) {
		h.runs = append(h.runs, clenRun{sym, extra})
		z.freq[sym]++
	}
	prev := -1
	for i := 0; i < len(lens); {
		cur := lens[i]
		longest, shortest := 7, 4
		switch {
		case cur == 0:
			longest, shortest = 138, 3
		case int(cur) == prev:
			longest, shortest = 6, 3
		}
		n := 1
		for n < longest && i+n < len(lens) && lens[i+n] == cur {
			n++
		}
		i += n
		switch {
		case n < shortest:
			for range n {
				emit(cur, 0)
			}
		case cur != 0:
			if int(cur) != prev {
				emit(cur, 0)
				n--
			}
			emit(16, uint8(n-3))
		case n <= 10:
			emit(17, uint8(n-3))
		default:
			emit(18, uint8(n-11))
		}
		prev = int(cur)
	}
}

// decide fills h and chooses the type of a block of the given number of plain
// bytes (_tr_flush_block). mayStore is false when the bytes are no longer in
// the encoder's window.
func (z *zlibCoder) decide(c *counts, plain int, mayStore bool, h *header) blockType {
	z.header(c, h)
	extra := extraBits(c)
	dynBits := h.bits() + extra + weigh(c, z.lit[:], z.dist[:])
	fixBits := extra + weigh(c, fixedLitLens[:numLit], fixedDistLens[:])
	dynBytes, fixBytes := (dynBits+3+7)>>3, (fixBits+3+7)>>3
	switch {
	case plain+4 <= min(dynBytes, fixBytes) && mayStore:
		return stored
	case fixBytes <= dynBytes:
		return fixed
	}
	return dynamic
}

// extraBits returns the number of extra bits of all counted symbols.
func extraBits(c *counts) (n int) {
	for i, x := range lengthExtra {
		n += int(x) * int(c.lit[257+i])
	}
	for i, x := range distExtra {
		n += int(x) * int(c.dist[i])
	}
	return n
}

// weigh returns the number of code bits of all counted symbols.
func weigh(c *counts, lit, dist []uint8) (n int) {
	for i, l := range lit {
		n += int(l) * int(c.lit[i])
	}
	for i, l := range dist {
		n += int(l) * int(c.dist[i])
	}
	return n
}
