package delta_test

import (
	"bytes"
	"testing"

	"github.com/pubsync/pubsync/delta"
)

// The basis has short runs of a pattern, the new file very long ones: every
// window of them has the weak hash of a block that alone proves nothing. That
// must neither cost comparisons for every byte nor use up what may be hashed
// in vain, so that what comes after is not found.
func TestRunsThatLeadNowhere(t *testing.T) {
	const long = 1 << 20
	for name, pattern := range map[string][]byte{
		"zeros": {0},
		"text":  []byte("line of text, and so on\n"),
		"table": append(bytes.Repeat([]byte{1, 2, 3, 4}, 30), 9),
	} {
		t.Run(name, func(t *testing.T) {
			var basis, src []byte
			for i := range 24 {
				old, end := randomBytes(uint64(i), 20000), randomBytes(uint64(i+1000), 2500)
				basis = append(basis, old...)
				basis = append(basis, bytes.Repeat(pattern, 600/len(pattern))...)
				basis = append(basis, end...)
				src = append(src, old[:18000]...)
				if i%8 == 1 {
					src = append(src, bytes.Repeat(pattern, long/len(pattern))...)
				}
				src = append(src, byte(i))
				src = append(src, end...)
			}
			p := delta.NewPlan(source(src), []int64{int64(len(basis))}, delta.PlanOptions{LiteralCost: 1})
			rounds(t, p, src, basis)
			if got, most := p.Stats().Comparisons, int64(1<<20); got > most {
				t.Errorf("%d comparisons, want at most %d", got, most)
			}
			if got, most := p.MissingBytes(), int64(3*long+24*400); got > most {
				t.Errorf("%d bytes missing, want at most %d", got, most)
			}
		})
	}
}

// Runs that are a few large blocks long end within what a scan has in memory. Each
// look-up there compares whole blocks: it must not use up what may be hashed in vain,
// so that what comes after is not found.
func TestRunsOfLargeBlocksThatLeadNowhere(t *testing.T) {
	const block = 64 << 10
	var basis, src []byte
	for i := range 8 {
		basis = append(append(basis, randomBytes(uint64(i), 2*block)...), make([]byte, 3*block)...)
		src = append(append(src, randomBytes(uint64(i+100), 2*block)...), make([]byte, 4*block+i)...)
	}
	last := randomBytes(200, 4*block)
	basis, src = append(basis, last...), append(append(src, last...), 1) // not where both end
	p := delta.NewPlan(source(src), []int64{int64(len(basis))}, delta.PlanOptions{})
	answer(t, p, 0, basis, delta.Request{BlockSize: block, WeakBits: 30, Ranges: []delta.Range{{Len: int64(len(basis))}}})
	if got, most := p.MissingBytes(), int64(len(src)-len(last)+block); got > most {
		t.Errorf("%d bytes are missing, want at most %d", got, most)
	}
}
