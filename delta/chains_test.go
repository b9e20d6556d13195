package delta_test

import (
	"bytes"
	"io"
	"math/bits"
	"testing"

	"github.com/pubsync/pubsync/delta"
	"github.com/pubsync/pubsync/delta/rolling"
)

// decoys is a file of blocks that all have the same weak hash (threat 25,
// CVE-2026-70453) and differ: each is a row of strings that the polynomial cannot
// tell apart, the Thue-Morse sequence or its complement by the bits of the
// block's number.
type decoys struct{ strings [2][]byte }

const (
	decoyString = 1024
	decoyBits   = 13
	decoyBlock  = decoyBits * decoyString
)

func newDecoys() *decoys {
	d := &decoys{}
	for i := range decoyString {
		odd := byte(bits.OnesCount(uint(i)) & 1)
		d.strings[0] = append(d.strings[0], odd)
		d.strings[1] = append(d.strings[1], odd^1)
	}
	return d
}

func (d *decoys) ReadAt(b []byte, off int64) (int, error) {
	for n := 0; n < len(b); {
		block, in := (off+int64(n))/decoyBlock, (off+int64(n))%decoyBlock
		flip := block >> (in / decoyString) & 1
		n += copy(b[n:], d.strings[flip][in%decoyString:])
	}
	return len(b), nil
}

func TestChainsAreBounded(t *testing.T) {
	const held, asked = 8000, 150
	d := newDecoys()
	basis := delta.Source{ReaderAt: d, Size: held * decoyBlock}
	src := delta.Source{ReaderAt: io.NewSectionReader(d, held*decoyBlock, asked*decoyBlock), Size: asked * decoyBlock}
	two := make([]byte, 2*decoyBlock)
	d.ReadAt(two, 0)
	if rolling.Sum(two[:decoyBlock]) != rolling.Sum(two[decoyBlock:]) || bytes.Equal(two[:decoyBlock], two[decoyBlock:]) {
		t.Fatal("the decoys are not different blocks of equal weak hash: the test tests nothing")
	}
	sig, err := delta.Sign(basis, delta.Request{BlockSize: decoyBlock, WeakBits: 40, StrongBits: 24, Ranges: []delta.Range{{Off: 0, Len: basis.Size}}})
	if err != nil {
		t.Fatal(err)
	}
	p := delta.NewPlan(src, []int64{basis.Size}, delta.PlanOptions{})
	if err := p.Match(0, sig); err != nil {
		t.Fatal(err)
	}
	got := p.Stats()
	if got.Strong < asked {
		t.Errorf("%d windows reached the strong hash: the decoys were not even looked at", got.Strong)
	}
	if got.Comparisons > got.Strong*(delta.MaxChain+1) {
		t.Errorf("%d comparisons for %d windows like the decoys, want %d each at most", got.Comparisons, got.Strong, delta.MaxChain)
	}
}

// A weak hash that many windows of the new file have must not cost a strong hash at
// each of them. Here 1 in 256 has it, 3,800 in all.
func TestStrongHashesInVainAreBounded(t *testing.T) {
	const size = 64 << 10
	basis, file := randomBytes(1, size), randomBytes(2, 1<<20)
	sig, err := delta.Sign(source(basis), delta.Request{BlockSize: size, WeakBits: 8, StrongBits: 24, Ranges: []delta.Range{{Off: 0, Len: size}}})
	if err != nil {
		t.Fatal(err)
	}
	p := delta.NewPlan(source(file), []int64{size}, delta.PlanOptions{})
	if err := p.Match(0, sig); err != nil {
		t.Fatal(err)
	}
	if n := p.Stats().Strong; n < 100 || n > 1000 {
		t.Errorf("%d strong hashes of 64 KiB over a file of 1 MiB", n)
	}
}
