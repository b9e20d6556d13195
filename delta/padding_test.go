package delta_test

import (
	"bytes"
	"testing"

	"github.com/pubsync/pubsync/delta"
)

// Runs of zeros, of other lengths in both files, look alike at every byte; finding
// out where they end must not take hashing them from each byte on.
func TestPaddingIsCheap(t *testing.T) {
	var basis, src []byte
	for i := range 60 {
		name := randomBytes(uint64(i), 3000)
		basis = append(append(basis, name...), make([]byte, 5000+700*(i%9))...)
		name = bytes.Clone(name)
		name[i]++
		src = append(append(src, name...), make([]byte, 5000+900*(i%7))...)
	}
	p := delta.NewPlan(source(src), []int64{int64(len(basis))}, delta.PlanOptions{LiteralCost: 1, RoundTrip: 1})
	rounds(t, p, src, basis)
	if got := p.Stats(); got.Strong > int64(len(src))/8 || p.MissingBytes() > 60*900 {
		t.Errorf("%d strong hashes and %d comparisons for %d bytes, %d bytes missing", got.Strong, got.Comparisons, len(src), p.MissingBytes())
	}
}
