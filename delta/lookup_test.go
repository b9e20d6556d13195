package delta

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// Padding after every member, as in a tar, must not stand in for the evidence of a
// second block: each padded place would be tested against each with the short hash
// of one. Here one of them has the hash of another by chance.
func TestPaddingProvesNothing(t *testing.T) {
	const block, members = 256, 100
	r := rand.New(rand.NewPCG(1, 2))
	file := func() Source {
		b := make([]byte, 2*block*members)
		for i := range members {
			for k := range block {
				b[2*block*i+k] = byte(r.Uint32())
			}
		}
		return Source{bytes.NewReader(b), int64(len(b))}
	}
	basis, src := file(), file()
	req := Request{BlockSize: block, WeakBits: 20, StrongBits: 8, Ranges: []Range{{0, basis.Size}}}
	sig, err := Sign(basis, req)
	if err != nil {
		t.Fatal(err)
	}
	other, err := Sign(src, req)
	if err != nil {
		t.Fatal(err)
	}
	matched := func() int64 {
		t.Helper()
		p := NewPlan(src, []int64{basis.Size}, PlanOptions{})
		b := &p.bases[0]
		b.asked, b.need = &req, evidence{near: 2 * req.HashBits(), far: 2 * req.HashBits()}
		if err := p.Match(0, sig); err != nil {
			t.Fatal(err)
		}
		return src.Size - p.MissingBytes()
	}
	sig.Hashes[20] = other.Hashes[60]
	if n := matched(); n > block { // the padding at the end of both
		t.Errorf("%d bytes were taken for a member's of the basis, and are not", n)
	}
	sig.Hashes[22] = other.Hashes[62]
	if n := matched(); n < 4*block {
		t.Errorf("%d bytes: two members in a row are evidence", n)
	}
}

// blocksOf names the blocks that lie within a piece of one range, a short last one too.
func TestBlocksOf(t *testing.T) {
	sig := &Signature{Request: Request{BlockSize: 10, WeakBits: 20, StrongBits: 8, Ranges: []Range{{5, 34}, {50, 20}, {100, 7}}}}
	sig.Hashes = make([]uint64, sig.Blocks())
	x := newIndex(sig, false)
	for _, r := range sig.Ranges {
		for off := r.Off; off < r.End(); off++ {
			for end := off; end <= r.End(); end++ {
				got := x.blocksOf(Range{off, end - off})
				for i := range int32(len(sig.Hashes)) {
					b := x.blockRange(i)
					if in := b.Off >= off && b.End() <= end; in != (i >= got.from && i < got.to) {
						t.Fatalf("block %d, %v, is in [%d, %d): %v; got %v", i, b, off, end, in, got)
					}
				}
			}
		}
	}
}
