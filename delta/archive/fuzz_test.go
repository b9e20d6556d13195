package archive

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pubsync/pubsync/delta/alloctest"

	"github.com/google/go-cmp/cmp"
)

// fuzzLimits keep a run of a fuzz target short.
func fuzzLimits() Limits {
	l := DefaultLimits()
	l.PlainSize, l.ColumnBytes, l.Members = 1<<20, 64<<10, 1<<10
	return l
}

// seeds are small archives of every kind: the fuzzer is slow with large ones.
func seeds(f *testing.F) (all [][]byte) {
	for _, b := range fixtures(f) {
		all = append(all, b[:min(len(b), 5<<10)])
	}
	when := func(i int) time.Time { return time.Unix(1.7e9+int64(i), 5e8) }
	for _, format := range []tar.Format{tar.FormatUSTAR, tar.FormatPAX, tar.FormatGNU} {
		all = append(all, goTar(f, strings.Repeat("long/", 20), 2, format, when))
	}
	all = append(all, goZip(f, "m@v1/", 3, when))
	return all
}

// Any file is either plain bytes or comes back, and its plain stream too.
func FuzzExpand(f *testing.F) {
	for _, b := range seeds(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := expand(t.Context(), bytes.NewReader(b), int64(len(b)), &memSpool{}, fuzzLimits(), verbatim{})
		if errors.Is(err, ErrNotArchive) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		checkView(t, v)
		var out bytes.Buffer
		j, err := newRebuilder(t.Context(), v.Plain, v.PlainSize, v.Recipe, fuzzLimits(), verbatim{})
		if err == nil {
			err = j.run(&out)
		}
		if err != nil || !bytes.Equal(out.Bytes(), b) {
			t.Fatal("rebuilt archive differs:", err)
		}
		var s memSpool
		n, err := Replay(t.Context(), bytes.NewReader(b), int64(len(b)), v.Recipe, &s, fuzzLimits())
		if err != nil || !bytes.Equal(s.b[:n], plainOf(v)) {
			t.Fatal("replayed plain stream differs:", err)
		}
	})
}

// Any plain stream and recipe end in bytes or in an error of theirs, guided by
// themselves or not.
func FuzzRebuild(f *testing.F) {
	for _, b := range seeds(f) {
		if v := roundTrip(f, b, verbatim{}); v != nil {
			f.Add(plainOf(v), v.Recipe)
		}
	}
	f.Fuzz(func(t *testing.T, plain, recipe []byte) {
		for _, guided := range []bool{false, true} {
			j, err := newRebuilder(t.Context(), bytes.NewReader(plain), int64(len(plain)), recipe, fuzzLimits(), verbatim{})
			if err == nil && guided {
				err = j.follow(&Guide{
					Basis: bytes.NewReader(plain), BasisSize: int64(len(plain)),
					BasisPlain: bytes.NewReader(plain), BasisPlainSize: int64(len(plain)), BasisRecipe: recipe,
					Copies: []Copy{{0, 0, int64(len(plain) / 3)}, {int64(len(plain) / 2), 1, int64(len(plain))}},
				}, recipe)
			}
			if err == nil {
				alloctest.Bounded(t, 16<<20+256*uint64(len(recipe)+len(plain)), func() { err = j.run(&shortWriter{left: 1 << 20}) })
			}
			if err != nil && !errors.Is(err, ErrBadRecipe) && !errors.Is(err, errFull) {
				t.Fatal(err)
			}
		}
	})
}

// Whatever a guide says two archives have in common, only wrong bytes or an error of
// the recipe may come of it.
func FuzzGuided(f *testing.F) {
	var before []byte
	for _, b := range seeds(f) {
		f.Add(before, b, int64(0), int64(0), int64(len(b)))
		f.Add(b, b, int64(512), int64(512), int64(len(b)/2))
		before = b
	}
	f.Fuzz(func(t *testing.T, old, b []byte, from, to, n int64) {
		var views [2]*View
		for i, b := range [][]byte{old, b} {
			v, err := Analyse(t.Context(), bytes.NewReader(b), int64(len(b)), &memSpool{}, fuzzLimits())
			if errors.Is(err, ErrNotArchive) {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			views[i] = v
		}
		g := &Guide{
			Basis: bytes.NewReader(old), BasisSize: int64(len(old)),
			BasisPlain: views[0].Plain, BasisPlainSize: views[0].PlainSize, BasisRecipe: views[0].Recipe,
			Copies: []Copy{{from, to, n}, {from + n, to + n, n}},
		}
		v := views[1]
		err := Rebuild(t.Context(), v.Plain, v.PlainSize, v.Recipe, &shortWriter{left: 2 * len(b)}, fuzzLimits(), g)
		if err != nil && !errors.Is(err, ErrBadRecipe) && !errors.Is(err, errFull) {
			t.Fatal(err)
		}
	})
}

// Any bytes are an index that is coded again as they are, or none. (Varints
// may be longer than they need be.)
func FuzzIndex(f *testing.F) {
	for _, b := range seeds(f) {
		v := roundTrip(f, b, verbatim{})
		if v == nil {
			continue
		}
		x, err := NewIndex(f.Context(), v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(x.Marshal())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var (
			x   *Index
			err error
		)
		alloctest.Bounded(t, 1<<20+256*uint64(len(b)), func() { x, err = UnmarshalIndex(b, DefaultLimits()) })
		if err != nil {
			if !errors.Is(err, ErrBadIndex) {
				t.Fatal(err)
			}
			return
		}
		back, err := UnmarshalIndex(x.Marshal(), DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(x, back); d != "" {
			t.Fatal(d)
		}
	})
}

// The recipe's numbers are bounded before they are used.
func TestRecipeBounds(t *testing.T) {
	for f := range Ar + 1 {
		head := appendHead(f, nil, columnSet{})
		for _, n := range []uint64{1, 1 << 20, 1 << 40, 1<<64 - 1} {
			r := bytes.Clone(head)
			for range 12 {
				r = binary.AppendUvarint(r, n)
			}
			if a := testing.AllocsPerRun(2, func() { rebuildAnything(t, "", nil, r) }); a > 100 {
				t.Errorf("format %d, %d: %v allocations", f, n, a)
			}
		}
	}
}

// What Analyse finds, from any file, makes that file again, though nothing was
// deflated to see; and a sample finds the same plain stream.
func FuzzAnalyse(f *testing.F) {
	for _, b := range seeds(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := Analyse(t.Context(), bytes.NewReader(b), int64(len(b)), &memSpool{}, fuzzLimits())
		if errors.Is(err, ErrNotArchive) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		checkView(t, v)
		var out bytes.Buffer
		if err := Rebuild(t.Context(), v.Plain, v.PlainSize, v.Recipe, &out, fuzzLimits(), nil); err != nil || !bytes.Equal(out.Bytes(), b) {
			t.Fatal("rebuilt archive differs:", err)
		}
		var s memSpool
		sample, err := Sample(t.Context(), bytes.NewReader(b), int64(len(b)), &s, fuzzLimits())
		if err != nil || !bytes.Equal(s.b[:sample.PlainSize], plainOf(v)) {
			t.Fatal("the sampled plain stream differs:", err)
		}
	})
}
