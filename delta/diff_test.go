package delta_test

import (
	"bytes"
	"testing"

	"github.com/pubsync/pubsync/delta"
	"pgregory.net/rapid"
)

func TestPatchOfExactDiffIsNew(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		one, two := drawFile(t, "one"), drawFile(t, "two")
		src := drawEdit(t, one, two)
		ops, err := delta.Diff(source(src), []delta.Source{source(one), source(two)}, delta.DiffOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got := patch(ops, src, one, two); !bytes.Equal(got, src) {
			t.Fatalf("ops make %d bytes that differ from the %d of the new file", len(got), len(src))
		}
	})
}

func literals(ops []delta.Op) (n int64) {
	for _, op := range ops {
		if op.Basis == delta.Literal {
			n += op.Len
		}
	}
	return n
}

func TestDiffFindsShortCommonStrings(t *testing.T) {
	basis := randomBytes(1, 1<<20)
	var src []byte
	for i := range 1000 {
		src = append(src, basis[i*1000:][:60]...)
		src = append(src, randomBytes(uint64(i+2), 5)...)
	}
	ops, err := delta.Diff(source(src), []delta.Source{source(basis)}, delta.DiffOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if n := literals(ops); n > 5100 {
		t.Errorf("%d literal bytes, want about 5000", n)
	}
}

func TestDiffSaysARepeatedEditOnce(t *testing.T) {
	basis := randomBytes(1, 256<<10)
	edited := bytes.Clone(basis)
	for i := 0; i < len(edited); i += 4096 {
		copy(edited[i:], randomBytes(uint64(i), 40))
	}
	var src []byte
	for range 4 {
		src = append(src, edited...)
	}
	ops, err := delta.Diff(source(src), []delta.Source{source(basis)}, delta.DiffOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if n := literals(ops); n > 64*40+100 {
		t.Errorf("%d literal bytes, want those of one of four equal files, 2560", n)
	}
	if len(ops) > 160 {
		t.Errorf("%d ops, want about 130", len(ops))
	}
}

func TestDiffWithCacheSmallerThanFiles(t *testing.T) {
	basis := randomBytes(1, 4<<20)
	src := append(bytes.Clone(basis[3<<20:]), basis[:3<<20]...)
	ops, err := delta.Diff(source(src), []delta.Source{source(basis)}, delta.DiffOptions{Cache: 128 << 10})
	if err != nil {
		t.Fatal(err)
	}
	if len(ops) > 3 || !bytes.Equal(patch(ops, src, basis), src) {
		t.Errorf("%d ops, want 2 that make the new file", len(ops))
	}
}

// Both sides of a comparison within the new file may be in pages that share a
// slot of the cache.
func TestRepetitionsWithASmallCache(t *testing.T) {
	piece := randomBytes(1, 300<<10)
	src := append(bytes.Clone(piece), randomBytes(2, 84<<10)...)
	for i := range 20 {
		src = append(src, piece[i*7000:][:100_000]...)
		src = append(src, byte(i))
	}
	ops, err := delta.Diff(source(src), nil, delta.DiffOptions{Cache: 1})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(patch(ops, src), src) {
		t.Error("ops do not make the new file")
	}
	if n := literals(ops); n > 400<<10 {
		t.Errorf("%d literal bytes, want those of the first piece and the bytes between", n)
	}
}

// Long runs of one byte, of which only the first are in the index, are found where
// they were, also behind other matches.
func TestDiffOfLongRuns(t *testing.T) {
	basis := make([]byte, 1<<10, 10<<20)
	for i := range byte(3) {
		basis = append(basis, randomBytes(uint64(i), 200_000)...)
		basis = append(basis, make([]byte, 2<<20)...)
	}
	src := bytes.Clone(basis)
	for i := 100_000; i < len(src); i += 300_000 {
		src[i] ^= 0x55
	}
	ops, err := delta.Diff(source(src), []delta.Source{source(basis)}, delta.DiffOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(patch(ops, src, basis), src) {
		t.Error("ops do not make the new file")
	}
	if want := 2*(len(src)/300_000+1) + 1; len(ops) > want {
		t.Errorf("%d ops, want %d", len(ops), want)
	}
}

// What an inode table has: numbers that all change alike, so that the new file's own
// beginning is nearer to each line than the old line is. The old one is cheaper.
func TestDiffPrefersTheOldPlace(t *testing.T) {
	var basis, src []byte
	for i := range 500 {
		line := append(randomBytes(uint64(i), 20), make([]byte, 108)...)
		basis = append(basis, line...)
		copy(line[20:], "new time")
		copy(line[60:], "new time")
		src = append(src, line...)
	}
	ops, err := delta.Diff(source(src), []delta.Source{source(basis)}, delta.DiffOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range ops {
		if op.Basis == delta.Self {
			t.Fatalf("%d bytes are copied from %d of the new file", op.Len, op.Off)
		}
	}
}
