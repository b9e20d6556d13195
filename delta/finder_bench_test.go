package delta

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// BenchmarkFinderIndex indexes as much text as Refine looks in at most.
func BenchmarkFinderIndex(b *testing.B) {
	text := make([]byte, maxRefineText)
	r := rand.NewChaCha8([32]byte{1})
	r.Read(text)
	src := Source{bytes.NewReader(text), int64(len(text))}
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := newFinder(src, []extent{{0, Op{Len: src.Size}}}, src, finderOptions{cache: repeatCache, own: 1 << 20, min: minRepeat, resync: resyncMin}); err != nil {
			b.Fatal(err)
		}
	}
}
