package rolling

import (
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// slowSum is the definition in the package comment, term by term.
func slowSum(b []byte) uint64 {
	var h uint64
	for i, c := range b {
		p := uint64(1)
		for range len(b) - i {
			p *= K
		}
		h += uint64(c) * p
	}
	return h
}

func TestSumIsItsDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.Byte(), 0, 70).Draw(t, "b")
		if got, want := Sum(b), slowSum(b); got != want {
			t.Fatalf("Sum = %x, by definition %x", got, want)
		}
	})
}

func TestSumNeverChanges(t *testing.T) {
	const want = 0xfe160c81f494833e // frozen: signatures of version 1 hold these
	if got := Sum([]byte("pubsync rolling hash, version 1")); got != want {
		t.Fatalf("Sum = %#x, frozen as %#x", got, uint64(want))
	}
}

func TestRollingReachesEveryWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.Byte(), 2, 200).Draw(t, "b")
		n := rapid.IntRange(1, len(b)).Draw(t, "n")
		h := New(n)
		sum := Sum(b[:n])
		for i := 0; i+n < len(b); i++ {
			sum = h.Roll(sum, b[i], b[i+n])
			if want := Sum(b[i+1 : i+1+n]); sum != want {
				t.Fatalf("window %d: rolled %x, summed %x", i+1, sum, want)
			}
		}
	})
}

func TestScanFindsTheFirstWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.ByteRange(0, 3), 1, 300).Draw(t, "b")
		n := rapid.IntRange(1, len(b)).Draw(t, "n")
		f := NewFilter(4, 64)
		for range rapid.IntRange(0, 4).Draw(t, "hashes") {
			at := rapid.IntRange(0, len(b)-n).Draw(t, "at")
			f.Add(Sum(b[at : at+n]))
		}
		i, sum, ok := New(n).Scan(b, Sum(b[:n]), f)
		if sum != Sum(b[i:i+n]) {
			t.Fatalf("sum at %d is not that of its window", i)
		}
		for j := 0; j+n <= len(b); j++ {
			in := f.MayContain(Sum(b[j : j+n]))
			if in && (j < i || !ok) {
				t.Fatalf("window %d passes, Scan said %d %v", j, i, ok)
			}
			if in {
				return
			}
		}
		if ok {
			t.Fatalf("no window passes, Scan said %d", i)
		}
	})
}

func TestFilterLetsFewPast(t *testing.T) {
	const n = 5000
	f := NewFilter(n, 64)
	r := rand.New(rand.NewPCG(1, 2))
	for range n {
		f.Add(r.Uint64())
	}
	past := 0
	for range 100_000 {
		if f.MayContain(r.Uint64()) {
			past++
		}
	}
	if past > 100_000/100 {
		t.Errorf("%d of 100000 unknown hashes pass, want at most one in 100", past)
	}
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

func BenchmarkSum(b *testing.B) {
	data := randomBytes(4096)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		Sum(data)
	}
}

// BenchmarkScan goes over data that holds nothing looked for, with a filter
// for as many blocks as the first round of a file of 1 GiB has.
func BenchmarkScan(b *testing.B) {
	const n, blocks = 4096, 1 << 14
	f := NewFilter(blocks, 64)
	r := rand.New(rand.NewPCG(1, 2))
	for range blocks {
		f.Add(r.Uint64())
	}
	h := New(n)
	data := randomBytes(1 << 20)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		for rest, sum := data, Sum(data[:n]); len(rest) > n; {
			i, s, _ := h.Scan(rest, sum, f)
			if i+n >= len(rest) {
				break
			}
			sum = h.Roll(s, rest[i], rest[i+n])
			rest = rest[i+1:]
		}
	}
}
