package delta_test

import (
	"fmt"
	"testing"

	"github.com/pubsync/pubsync/delta"
)

const benchSize = 32 << 20

func BenchmarkSign(b *testing.B) {
	basis := randomBytes(1, benchSize)
	for _, block := range []int{256, 4096, 65536} {
		b.Run(fmt.Sprint(block), func(b *testing.B) {
			req := delta.Request{BlockSize: block, WeakBits: 29, StrongBits: 24, Ranges: []delta.Range{{Len: benchSize}}}
			b.SetBytes(benchSize)
			for b.Loop() {
				if _, err := delta.Sign(source(basis), req); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkMatch goes over data that is all in the basis, and over data of which
// nothing is.
func BenchmarkMatch(b *testing.B) {
	basis, other := randomBytes(1, benchSize), randomBytes(2, benchSize)
	sig, err := delta.Sign(source(basis), delta.FirstRequest(benchSize, benchSize))
	if err != nil {
		b.Fatal(err)
	}
	for name, src := range map[string][]byte{"matching": basis, "nothing": other} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(benchSize)
			for b.Loop() {
				if err := delta.NewPlan(source(src), []int64{benchSize}, delta.PlanOptions{}).Match(0, sig); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkDiff compares files that differ in one place in 64 KiB.
func BenchmarkDiff(b *testing.B) {
	basis := randomBytes(1, benchSize)
	src := append([]byte(nil), basis...)
	for i := 0; i < len(src); i += 64 << 10 {
		src[i] ^= 1
	}
	b.SetBytes(benchSize)
	for b.Loop() {
		if _, err := delta.Diff(source(src), []delta.Source{source(basis)}, delta.DiffOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}
