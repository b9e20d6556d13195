package delta

// failedSlots is how many lookups in vain a scan remembers.
const failedSlots = 64

// lastOfRun returns how many windows of n bytes are looked up at the end of a run:
// those of its last blocks, and of blocks of more than 512 bytes fewer, by the square
// of their size, as each look-up compares as much. A copy that begins behind the run is
// led back into it by the next round.
func lastOfRun(n int) int {
	const all = 1 << 34
	return int(min(longestRun*int64(n), all/(int64(n)*int64(n))))
}

// A failures remembers lookups whose weak hash was in the signature and which
// led to nothing all the same: a block that alone proves nothing, or two that only
// share the weak hash. Data that repeats itself (a run of zeros, lines of text, a
// table) would have one for every byte.
type failures [failedSlots]failure

type failure struct {
	sum uint64
	off int64 // where it was met last
}

// skip returns how many bytes to go on from offset off, where the lookup of the
// sum of the first n bytes of b has failed, at least one.
//
// If the window was the same p bytes earlier, p <= n, and b goes on repeating
// itself every p bytes, then all windows until it ceases to are among the p
// before, and failed. Those of the last blocks of the run are looked up all
// the same, unless that is where the buffer ends: what they prove depends on
// what comes after.
func (f *failures) skip(b []byte, n int, sum uint64, off int64) int {
	s := &f[sum>>58]
	p := off - s.off
	before := s.sum == sum && p > 0 && p <= int64(n) && int(p) < len(b)
	*s = failure{sum, off}
	if !before {
		return 1
	}
	run := equalPrefix(b[:len(b)-int(p)], b[p:]) + int(p)
	if run < len(b) {
		run -= lastOfRun(n)
	}
	return max(run-n, 1)
}
