package delta

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
)

// edited returns a basis, and a new file in which a byte comes in and one goes every
// so often.
func edited(n int) (basis, src []byte) {
	basis = make([]byte, n)
	rand.NewChaCha8([32]byte{7}).Read(basis)
	for rest := basis; len(rest) > 0; {
		k := min(len(rest), 300_000)
		src = append(append(src, rest[:k-1]...), 1, 2)
		rest = rest[k:]
	}
	return basis, src
}

// planned returns a plan with copies that leave gaps of so many bytes, and a signature
// to match with them.
func planned(t *testing.T, basis, src []byte, gap int64) (*Plan, *Signature) {
	t.Helper()
	at := Source{bytes.NewReader(src), int64(len(src))}
	p := NewPlan(at, []int64{int64(len(basis))}, PlanOptions{})
	for off := int64(0); off+1000 < at.Size; off += gap {
		if err := p.Place(off, Op{Off: off, Len: 1000}); err != nil {
			t.Fatal(err)
		}
	}
	sig, err := Sign(Source{bytes.NewReader(basis), int64(len(basis))}, Request{
		BlockSize: 4096, WeakBits: 32, StrongBits: 32, Ranges: []Range{{0, int64(len(basis))}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p, sig
}

// What is found is the same as when all gaps are matched one after another.
func TestStretchesFindWhatOneMatcherFinds(t *testing.T) {
	basis, src := edited(5 * stretchBytes)
	p, sig := planned(t, basis, src, stretchBytes/3)
	whole, _ := planned(t, basis, src, stretchBytes/3)
	if n := len(p.stretches()); n < 3 {
		t.Fatalf("%d stretches", n)
	}
	if err := p.Match(0, sig); err != nil {
		t.Fatal(err)
	}
	one := []stretch{{to: len(whole.copies) + 1}}
	newMatcher(whole, 0, newIndex(sig, false), whole.runs(&whole.bases[0], sig), 1).match(&one[0])
	if one[0].err != nil {
		t.Fatal(one[0].err)
	}
	whole.takeFound(one)
	if !slices.Equal(p.copies, whole.copies) {
		t.Errorf("%d copies in stretches, %d in one", len(p.copies), len(whole.copies))
	}
	if p.Stats() != one[0].stats {
		t.Errorf("the work of stretches is %+v, of all in one %+v", p.Stats(), one[0].stats)
	}
	if missing := p.MissingBytes(); missing > int64(len(src)/10) {
		t.Errorf("%d bytes of %d are missing", missing, len(src))
	}
}

// Every gap is in one stretch, whatever the copies are.
func TestStretchesCoverTheGaps(t *testing.T) {
	basis, src := edited(3 * stretchBytes)
	for _, gap := range []int64{stretchBytes + 1, stretchBytes - 1, 2000, int64(len(src)) * 2} {
		p, _ := planned(t, basis, src, gap)
		var all, cut []Range
		note := func(to *[]Range) func(Range, *placed, *placed) error {
			return func(g Range, before, after *placed) error {
				if before != nil && before.end() != g.Off || after != nil && after.at != g.End() {
					t.Errorf("a gap of %v lies between %v and %v", g, before, after)
				}
				*to = append(*to, g)
				return nil
			}
		}
		p.gaps(note(&all))
		for _, s := range p.stretches() {
			p.gapsOf(s.from, s.to, note(&cut))
		}
		if !slices.Equal(all, cut) {
			t.Errorf("gaps of %d: %d of them, in stretches %d", gap, len(all), len(cut))
		}
	}
}

func TestAStretchThatCannotBeReadFailsTheMatch(t *testing.T) {
	basis, src := edited(3 * stretchBytes)
	p, sig := planned(t, basis, src, stretchBytes/3)
	p.src.ReaderAt = bytes.NewReader(src[:len(src)/2])
	before := slices.Clone(p.copies)
	if err := p.Match(0, sig); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
	if !slices.Equal(p.copies, before) {
		t.Error("the copies changed all the same")
	}
}

// Neighbours of blocks are what a search by offset says.
func TestBlocksKnowTheirRanges(t *testing.T) {
	basis := make([]byte, 1<<20)
	var ranges []Range
	for off := int64(0); off+9000 < int64(len(basis)); off += 9000 {
		ranges = append(ranges, Range{off, 1 + off%8900}, Range{off + 8999, 1})
	}
	sig, err := Sign(Source{bytes.NewReader(basis), int64(len(basis))}, Request{BlockSize: 64, WeakBits: 16, StrongBits: 16, Ranges: ranges})
	if err != nil {
		t.Fatal(err)
	}
	x := newIndex(sig, false)
	for i := range int32(len(sig.Hashes)) {
		r := x.blockRange(i)
		if r.Len <= 0 || x.starting(r.Off) != i {
			t.Fatalf("block %d is %v, where block %d starts", i, r, x.starting(r.Off))
		}
		if got, want := x.after(i), x.starting(r.End()); got != want {
			t.Fatalf("block %d comes after block %d, at %d there is %d", got, i, r.End(), want)
		}
	}
}
