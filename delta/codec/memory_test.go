package codec_test

import (
	"encoding/binary"
	"runtime"
	"testing"

	"github.com/pubsync/pubsync/delta"
	"github.com/pubsync/pubsync/delta/codec"
)

// A meter is a file that is nowhere, in units that each have their own content, and
// looks at how much memory is in use while it is read.
type meter struct {
	unit  int64                    // bytes
	order func(number int64) int64 // which content comes at a place
	every int                      // reads between two looks
	reads int
	idle  uint64 // bytes in use before
	peak  uint64
}

func newMeter(unit int64, every int, order func(int64) int64) *meter {
	m := &meter{unit: unit, order: order, every: every}
	m.idle = inUse()
	return m
}

func inUse() uint64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

// ReadAt makes the bytes up: a counter in each unit, multiplied.
func (m *meter) ReadAt(b []byte, off int64) (int, error) {
	if m.reads++; m.reads%m.every == 0 {
		m.peak = max(m.peak, inUse())
	}
	var word [8]byte
	for n := 0; n < len(b); {
		at := off + int64(n)
		unit := m.order(at / m.unit)
		in := at % m.unit
		binary.LittleEndian.PutUint64(word[:], (uint64(unit)<<20+uint64(in/8)+1)*0x9E3779B97F4A7C15>>3)
		n += copy(b[n:min(int64(len(b)), int64(n)+m.unit-in)], word[in%8:])
	}
	return len(b), nil
}

func (m *meter) check(t *testing.T, what string, most uint64) {
	t.Helper()
	if m.peak == 0 {
		t.Errorf("%s: memory was never looked at", what)
	}
	if used := m.peak - min(m.peak, m.idle); used > most {
		t.Errorf("%s: %d bytes in use, want at most %d", what, used, most)
	}
}

func same(n int64) int64 { return n }

// As much as there may be: signatures of as many blocks as one holds, matched so
// that nothing joins, until there are as many copies as a plan keeps. It is the same
// whatever the size of a file, since block sizes grow with it.
func TestMemoryOfTheLargestPlan(t *testing.T) {
	const unit, size, most = 64, 64 * delta.MaxBlocks, 64 << 20
	held := newMeter(unit, 100, same)
	sign := func(rs ...delta.Range) *delta.Signature {
		sig, err := delta.Sign(delta.Source{ReaderAt: held, Size: size}, delta.Request{BlockSize: unit, WeakBits: 36, StrongBits: 28, Ranges: rs})
		if err != nil {
			t.Fatal(err)
		}
		return sig
	}
	half, whole := sign(delta.Range{Len: size/2 - 5000*unit}), sign(delta.Range{Len: size})
	held.check(t, "signing", most)

	src := newMeter(unit, 25, func(n int64) int64 { return delta.MaxBlocks - 1 - n })
	src.idle -= 8 * delta.MaxBlocks // of the signatures, one is in use
	p := delta.NewPlan(delta.Source{ReaderAt: src, Size: size}, []int64{size}, delta.PlanOptions{LiteralCost: 0.5})
	for _, sig := range []*delta.Signature{half, whole} {
		if err := p.Match(0, sig); err != nil {
			t.Fatal(err)
		}
		src.check(t, "matching", most)
		src.every = 2 // the second soon has all the copies it may
	}
	if got := len(p.Ops()); got < delta.MaxCopies {
		t.Fatalf("only %d ops: this is not the largest plan", got)
	}
}

// Two files of many times what is held of them, with other bytes in every megabyte: the
// exact search, coding and patching stay within their caches.
func TestMemoryOfAnExactDiff(t *testing.T) {
	const unit, size, most = 64 << 10, 40 << 20, 64 << 20
	held := newMeter(unit, 100, same)
	src := newMeter(unit, 100, func(n int64) int64 { return n + n%16/15<<30 })
	ops, err := delta.Diff(delta.Source{ReaderAt: src, Size: size}, []delta.Source{{ReaderAt: held, Size: size}}, delta.DiffOptions{})
	if err != nil {
		t.Fatal(err)
	}
	src.check(t, "comparing", most)
	held.check(t, "comparing", most)

	bases := []delta.Source{{ReaderAt: held, Size: size}}
	c := codec.NewCoder()
	e := c.NewEncoder(delta.Source{ReaderAt: src, Size: size}, ops, codec.EncodeOptions{Bases: bases, Level: codec.Fast})
	held.every, held.peak, src.peak = 40, 0, 0
	for covered := int64(0); covered < size; {
		part, n, err := e.Next(nil)
		if err != nil {
			t.Fatal(err)
		}
		var out countWriter
		if _, err := c.Apply(part, bases, &out, n); err != nil || int64(out) != n {
			t.Fatalf("%d of %d bytes: %v", out, n, err)
		}
		covered += n
	}
	src.check(t, "coding", most)
	held.check(t, "coding and patching", most)
}
