package delta_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/pubsync/pubsync/delta"
	"pgregory.net/rapid"
)

// rounds plays both sides of a conversation and returns the bytes of hashes.
func rounds(t rapid.TB, p *delta.Plan, src []byte, bases ...[]byte) int64 {
	sent := int64(0)
	for i, b := range bases {
		sent += answer(t, p, i, b, delta.FirstRequest(int64(len(src)), int64(len(b))))
	}
	return sent/8 + further(t, p, bases...)
}

// further plays both sides of the rounds that the plan asks for.
func further(t rapid.TB, p *delta.Plan, bases ...[]byte) int64 {
	sent := int64(0)
	for reqs := p.Next(); len(reqs) > 0; reqs = p.Next() {
		for _, r := range reqs {
			sent += answer(t, p, r.Basis, bases[r.Basis], r.Request)
		}
	}
	return sent / 8
}

func answer(t rapid.TB, p *delta.Plan, i int, basis []byte, r delta.Request) int64 {
	sig, err := delta.Sign(source(basis), r)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Match(i, sig); err != nil {
		t.Fatal(err)
	}
	return int64(len(sig.Hashes) * sig.HashBits())
}

func TestPatchOfDiffIsNew(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		one, two := drawFile(t, "one"), drawFile(t, "two")
		src := drawEdit(t, one, two)
		opt := delta.PlanOptions{
			Careful:   true, // of others one in some hundred goes wrong
			RoundTrip: int64(rapid.SampledFrom([]int{1, 200, 100_000}).Draw(t, "round trip")),
			MinBlock:  rapid.SampledFrom([]int{16, 32, 512}).Draw(t, "least block"),
		}
		if rapid.Bool().Draw(t, "guesses") {
			opt.Guess = func([]delta.Op, []int64) []delta.Guess { return drawGuesses(t) }
		}
		p := delta.NewPlan(source(src), []int64{int64(len(one)), int64(len(two))}, opt)
		further(t, p, one, two)
		if got := patch(p.Ops(), src, one, two); !bytes.Equal(got, src) {
			t.Fatalf("ops make %d bytes that differ from the %d of the new file", len(got), len(src))
		}
		if err := p.Refine(); err != nil {
			t.Fatal(err)
		}
		if got := patch(p.Ops(), src, one, two); !bytes.Equal(got, src) {
			t.Fatalf("refined ops make %d bytes that differ from the %d of the new file", len(got), len(src))
		}
	})
}

// drawGuesses draws guesses that are mostly wrong.
func drawGuesses(t *rapid.T) (gs []delta.Guess) {
	for range rapid.IntRange(0, 5).Draw(t, "guesses") {
		gs = append(gs, delta.Guess{At: rapid.Int64Range(-5, 4000).Draw(t, "at"), Op: delta.Op{
			Basis: rapid.IntRange(-1, 2).Draw(t, "basis"),
			Off:   rapid.Int64Range(-5, 4000).Draw(t, "offset"), Len: rapid.Int64Range(-1, 2000).Draw(t, "length"),
		}})
	}
	return gs
}

// Where one number in fifty of a table has changed no block fits, but a few guesses
// do.
func TestGuessesFindWhatNoBlockFits(t *testing.T) {
	basis := randomBytes(1, 200_000)
	src := bytes.Clone(basis)
	var likely []delta.Guess
	for at := 100_000; at < 110_000; at += 100 {
		copy(src[at:], "!?")
		likely = append(likely, delta.Guess{At: int64(at + 2), Op: delta.Op{Off: int64(at + 2), Len: 98}})
	}
	missing := func(guess func([]delta.Op, []int64) []delta.Guess) (int64, int64) {
		p := delta.NewPlan(source(src), []int64{int64(len(basis))}, delta.PlanOptions{LiteralCost: 1, MinBlock: 256, Guess: guess})
		down := rounds(t, p, src, basis)
		if !bytes.Equal(patch(p.Ops(), src, basis), src) {
			t.Error("ops do not make the new file")
		}
		return p.MissingBytes(), down
	}
	without, _ := missing(nil)
	with, down := missing(func([]delta.Op, []int64) []delta.Guess { return slices.Clone(likely) })
	if without < 10_000 || with > 500 {
		t.Errorf("%d bytes missing without guesses, want all 10,000; %d with, want 500 at most", without, with)
	}
	if down > 2000 {
		t.Errorf("%d bytes of hashes, want 2,000 at most for 100 guesses", down)
	}
}

func TestRoundsNarrowAnEditDown(t *testing.T) {
	basis := randomBytes(1, 4<<20)
	src := bytes.Clone(basis)
	for _, at := range []int{100_000, 1_500_000, 3_999_999} {
		src[at] ^= 1
	}
	src = append(src[:2_000_000:2_000_000], append([]byte("inserted"), src[2_000_000:]...)...)
	p := delta.NewPlan(source(src), []int64{int64(len(basis))}, delta.PlanOptions{})
	down := rounds(t, p, src, basis)
	if missing := p.MissingBytes(); missing > 4*128 {
		t.Errorf("%d bytes missing after all rounds, want 4 blocks of 128 at most", missing)
	}
	if down > 4<<10 {
		t.Errorf("%d bytes of hashes for 4 edits in 4 MiB, want 4 KiB at most", down)
	}
	if !bytes.Equal(patch(p.Ops(), src, basis), src) {
		t.Error("ops do not make the new file")
	}
}

// Fine hashes are for copies that go on. Two in a row are enough for one that
// does not, wherever in the basis it is from.
func TestFineRoundsFindWhatMovedWithShortHashes(t *testing.T) {
	basis := randomBytes(1, 1<<20)
	src := bytes.Clone(basis)
	for at := 10_000; at < 500_000; at += 40_000 {
		copy(src[at:at+900], basis[at+500_000:])
		copy(src[at+500_000:][:900], basis[at:])
	}
	p := delta.NewPlan(source(src), []int64{int64(len(basis))}, delta.PlanOptions{LiteralCost: 1})
	first := delta.FirstRequest(int64(len(src)), int64(len(basis)))
	sig, err := delta.Sign(source(basis), first)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Match(0, sig); err != nil {
		t.Fatal(err)
	}
	for rs := p.Next(); len(rs) > 0; rs = p.Next() {
		r := rs[0]
		if r.HashBits() > 22 {
			t.Errorf("%d bits a block of %d bytes, want 22 at most", r.HashBits(), r.BlockSize)
		}
		if sig, err = delta.Sign(source(basis), r.Request); err != nil {
			t.Fatal(err)
		}
		if err := p.Match(0, sig); err != nil {
			t.Fatal(err)
		}
	}
	if m := p.MissingBytes(); m > 26*900/2 {
		t.Errorf("%d bytes missing, want most of the 26 times 900 that moved found", m)
	}
	if !bytes.Equal(patch(p.Ops(), src, basis), src) {
		t.Error("ops do not make the new file")
	}
}

// A careful plan takes hashes that no two blocks share by chance, nor by design: they
// are longer, and partly strong. What short ones found wrongly, it does not.
func TestCarefulPlansAskForLongHashes(t *testing.T) {
	basis := randomBytes(5, 1<<20)
	src := bytes.Clone(basis)
	copy(src[300_000:], "an edit")
	bits := map[bool]int{}
	for _, careful := range []bool{false, true} {
		p := delta.NewPlan(source(src), []int64{int64(len(basis))}, delta.PlanOptions{Careful: careful})
		if !careful {
			answer(t, p, 0, basis, delta.FirstRequest(int64(len(src)), int64(len(basis))))
		} else if first := p.Next(); len(first) == 1 && first[0].StrongBits > 0 {
			answer(t, p, 0, basis, first[0].Request)
		}
		rs := p.Next()
		if len(rs) != 1 {
			t.Fatalf("%d requests of a second round, want 1", len(rs))
		}
		if strong := rs[0].StrongBits > 0; strong != careful {
			t.Errorf("careful: %v, strong bits: %v", careful, strong)
		}
		bits[careful] = rs[0].HashBits()
	}
	if bits[true] < bits[false]+6 {
		t.Errorf("%d bits of a careful plan, %d else: want 6 more", bits[true], bits[false])
	}
}

func TestIdenticalFilesAreOneCopy(t *testing.T) {
	for _, n := range []int{1, 1023, 1024, 1025, 100_001, 1 << 20} {
		b := randomBytes(3, n)
		p := delta.NewPlan(source(b), []int64{int64(n)}, delta.PlanOptions{})
		rounds(t, p, b, b)
		if ops := p.Ops(); len(ops) != 1 || ops[0] != (delta.Op{Basis: 0, Off: 0, Len: int64(n)}) {
			t.Errorf("%d bytes: ops %v, want one copy", n, ops)
		}
	}
}

// A short last block is found where it continues a copy, and at the end of a
// file that grew in front, whose full blocks it may be alone of.
func TestShortLastBlocks(t *testing.T) {
	basis := randomBytes(4, 3<<10+77)
	src := append(randomBytes(5, 333), basis...)
	req := delta.Request{BlockSize: 1 << 10, WeakBits: 20, StrongBits: 30, Ranges: []delta.Range{{Off: 0, Len: int64(len(basis))}}}
	p := delta.NewPlan(source(src), []int64{int64(len(basis))}, delta.PlanOptions{})
	answer(t, p, 0, basis, req)
	if p.MissingBytes() != 333 {
		t.Errorf("grown in front: %d bytes missing, want 333", p.MissingBytes())
	}
	src = append(bytes.Clone(basis), randomBytes(5, 333)...)
	p = delta.NewPlan(source(src), []int64{int64(len(basis))}, delta.PlanOptions{})
	answer(t, p, 0, basis, req)
	if p.MissingBytes() != 333 {
		t.Errorf("grown at the end: %d bytes missing, want 333", p.MissingBytes())
	}
}

func TestEqualBlocksContinueTheCopyBefore(t *testing.T) {
	basis := append(make([]byte, 64<<10), randomBytes(6, 8<<10)...)
	basis = append(basis, make([]byte, 64<<10)...)
	p := delta.NewPlan(source(basis), []int64{int64(len(basis))}, delta.PlanOptions{})
	answer(t, p, 0, basis, delta.Request{BlockSize: 1 << 10, WeakBits: 20, StrongBits: 30, Ranges: []delta.Range{{Off: 0, Len: int64(len(basis))}}})
	if ops := p.Ops(); len(ops) != 1 {
		t.Errorf("%d ops for a file with equal blocks that did not change, want 1", len(ops))
	}
}

func TestWholeRangesAreMatchedBySegment(t *testing.T) {
	basis := randomBytes(7, 10_000)
	ranges := []delta.Range{{Off: 0, Len: 3000}, {Off: 3000, Len: 10}, {Off: 5000, Len: 5000}}
	src := append(bytes.Clone(basis[5000:]), basis[:3000]...)
	src = append(src, randomBytes(8, 3000)...)
	segments := []delta.Range{{Off: 0, Len: 5000}, {Off: 5000, Len: 3000}, {Off: 8000, Len: 3000}}
	p := delta.NewPlan(source(src), []int64{int64(len(basis))}, delta.PlanOptions{Segments: segments})
	answer(t, p, 0, basis, delta.RangesRequest(ranges))
	want := []delta.Op{{Basis: 0, Off: 5000, Len: 5000}, {Basis: 0, Off: 0, Len: 3000}, {Basis: delta.Literal, Off: 8000, Len: 3000}}
	got := p.Ops()
	if len(got) != len(want) {
		t.Fatalf("ops %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("op %d is %v, want %v", i, got[i], want[i])
		}
	}
}

func TestPlaceRefusesOverlap(t *testing.T) {
	src := randomBytes(9, 1000)
	p := delta.NewPlan(source(src), []int64{1000}, delta.PlanOptions{})
	for _, c := range []struct {
		at, off, n int64
		want       error
	}{
		{100, 100, 100, nil}, {300, 300, 100, nil}, {200, 200, 100, nil},
		{199, 0, 1, delta.ErrOverlap}, {0, 0, 101, delta.ErrOverlap}, {399, 0, 2, delta.ErrOverlap},
		{0, 0, 100, nil}, {400, 0, 600, nil},
		{400, 500, 501, delta.ErrBadRequest}, {-1, 0, 1, delta.ErrBadRequest},
	} {
		if err := p.Place(c.at, delta.Op{Basis: 0, Off: c.off, Len: c.n}); !errors.Is(err, c.want) {
			t.Errorf("Place(%d, off %d, len %d) = %v, want %v", c.at, c.off, c.n, err, c.want)
		}
	}
	if p.MissingBytes() != 0 {
		t.Errorf("%d bytes missing, want none", p.MissingBytes())
	}
}

// Where all hashes are those of other blocks, the plan must still be one that the
// receiver's digest shows to be wrong, not one that breaks.
func TestWrongMatchesKeepTheSize(t *testing.T) {
	basis, src := randomBytes(10, 64<<10), randomBytes(11, 64<<10)
	p := delta.NewPlan(source(src), []int64{int64(len(basis))}, delta.PlanOptions{})
	answer(t, p, 0, src, delta.Request{BlockSize: 16, WeakBits: 8, StrongBits: 8, Ranges: []delta.Range{{Off: 0, Len: int64(len(basis))}}})
	got := patch(p.Ops(), src, basis)
	if len(got) != len(src) || bytes.Equal(got, src) {
		t.Errorf("made %d bytes (equal: %v), want %d that differ", len(got), bytes.Equal(got, src), len(src))
	}
}

func TestRequestsAreChecked(t *testing.T) {
	good := delta.Request{BlockSize: 1024, WeakBits: 20, StrongBits: 20, Ranges: []delta.Range{{Off: 0, Len: 5000}}}
	for name, change := range map[string]func(*delta.Request){
		"negative block":    func(r *delta.Request) { r.BlockSize = -1 },
		"huge block":        func(r *delta.Request) { r.BlockSize = delta.MaxBlockSize + 1 },
		"no weak bits":      func(r *delta.Request) { r.WeakBits = 0 },
		"few strong bits":   func(r *delta.Request) { r.StrongBits = 7 },
		"no bits, ranges":   func(r *delta.Request) { r.BlockSize, r.WeakBits, r.StrongBits = 0, 0, 0 },
		"too many bits":     func(r *delta.Request) { r.StrongBits = 45 },
		"empty range":       func(r *delta.Request) { r.Ranges = []delta.Range{{Off: 0, Len: 0}} },
		"beyond the basis":  func(r *delta.Request) { r.Ranges[0].Len = 5001 },
		"huge length":       func(r *delta.Request) { r.Ranges = []delta.Range{{Off: 1, Len: 1<<63 - 1}} },
		"overlapping":       func(r *delta.Request) { r.Ranges = []delta.Range{{Off: 0, Len: 10}, {Off: 9, Len: 10}} },
		"out of order":      func(r *delta.Request) { r.Ranges = []delta.Range{{Off: 20, Len: 10}, {Off: 0, Len: 10}} },
		"weak bits, ranges": func(r *delta.Request) { r.BlockSize = 0 },
	} {
		r := good
		r.Ranges = append([]delta.Range{}, good.Ranges...)
		change(&r)
		if _, err := delta.Sign(source(make([]byte, 5000)), r); !errors.Is(err, delta.ErrBadRequest) {
			t.Errorf("%s: error %v, want ErrBadRequest", name, err)
		}
	}
	many := good
	many.BlockSize = 1
	many.Ranges = []delta.Range{{Off: 0, Len: delta.MaxBlocks + 1}}
	if err := many.Check(1 << 40); !errors.Is(err, delta.ErrBadRequest) {
		t.Errorf("too many blocks: error %v, want ErrBadRequest", err)
	}
}

func TestRequestsFitAnySize(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Int64Range(0, 1<<44).Draw(t, "basis")
		r := delta.FirstRequest(rapid.Int64Range(0, 1<<44).Draw(t, "new"), size)
		if err := r.Check(size); err != nil {
			if size > delta.MaxBlocks*delta.MaxBlockSize {
				return
			}
			t.Fatal(err)
		}
	})
}

func TestATruncatedFileIsAnError(t *testing.T) {
	short := delta.Source{ReaderAt: bytes.NewReader(make([]byte, 100)), Size: 5000}
	if _, err := delta.Sign(short, delta.FirstRequest(5000, 5000)); err == nil {
		t.Error("signed a basis that ends early")
	}
	sig, err := delta.Sign(source(make([]byte, 5000)), delta.FirstRequest(5000, 5000))
	if err != nil {
		t.Fatal(err)
	}
	if err := delta.NewPlan(short, []int64{5000}, delta.PlanOptions{}).Match(0, sig); err == nil {
		t.Error("matched a new file that ends early")
	}
	if _, err := delta.Diff(short, []delta.Source{source(nil)}, delta.DiffOptions{}); err == nil {
		t.Error("compared a new file that ends early")
	}
}

// Rounds go on with those of several bases that a coarse one found something of.
func TestIdleBasesAreGivenUp(t *testing.T) {
	one, two, three := randomBytes(1, 1<<20), randomBytes(2, 1<<20), randomBytes(3, 1<<20)
	src := append(bytes.Clone(one), three...)
	for at := 5000; at < len(src); at += 100_000 {
		src[at] ^= 1
	}
	p := delta.NewPlan(source(src), []int64{1 << 20, 1 << 20, 1 << 20}, delta.PlanOptions{})
	bases := [][]byte{one, two, three}
	for i, b := range bases {
		answer(t, p, i, b, delta.FirstRequest(int64(len(src)), int64(len(b))))
	}
	asked := map[int]int{}
	for reqs := p.Next(); len(reqs) > 0; reqs = p.Next() {
		for _, r := range reqs {
			asked[r.Basis]++
			answer(t, p, r.Basis, bases[r.Basis], r.Request)
		}
	}
	if asked[0] == 0 || asked[1] > 0 || asked[2] == 0 {
		t.Errorf("requests by basis: %v, want some of 0 and 2 and none of 1", asked)
	}
	if n := p.MissingBytes(); n > 21*200 {
		t.Errorf("%d bytes missing", n)
	}
}
