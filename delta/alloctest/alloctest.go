// Package alloctest bounds what tests let decoders allocate.
package alloctest

import (
	"runtime"
	"testing"
)

// Bounded fails t if f allocates more than most bytes, freed ones included: what
// decoding takes is bounded by what came, whatever it promises (threats, row 27).
// What other goroutines allocate meanwhile counts as well.
func Bounded(t testing.TB, most uint64, f func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > most {
		t.Fatalf("%d bytes allocated, want %d at most", n, most)
	}
}
