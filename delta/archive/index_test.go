package archive

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestIndex(t *testing.T) {
	for name, b := range fixtures(t) {
		v := roundTrip(t, b, verbatim{})
		x, err := NewIndex(t.Context(), v)
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range x.Segments {
			if sum := sha256.Sum256(plainOf(v)[s.Off:s.End()]); !bytes.Equal(sum[:8], x.Hashes[i][:]) {
				t.Fatalf("%s: hash of segment %d", name, i)
			}
		}
		sizes, at, ok := x.SizeColumn()
		if has := columnOf(v, colSize) != nil; ok != (has && name != "python.zip") {
			t.Errorf("%s: size column from the index: %v", name, ok)
		} else if ok && !bytes.Equal(plainOf(v)[at.Off:at.End()], sizes) {
			t.Errorf("%s: wrong size column", name)
		}
		coded := x.Marshal()
		if max := 15*len(x.Segments) + len(x.Recipe) + 20; len(coded) > max {
			t.Errorf("%s: index of %d bytes, want at most %d", name, len(coded), max)
		}
		back, err := UnmarshalIndex(coded, DefaultLimits())
		if err != nil {
			t.Fatal(name, err)
		}
		if d := cmp.Diff(x, back); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		for n := range coded {
			if _, err := UnmarshalIndex(coded[:n], DefaultLimits()); !errors.Is(err, ErrBadIndex) {
				t.Fatalf("%s: cut at %d: %v", name, n, err)
			}
		}
	}
}

// Absurd counts are refused before anything is allocated for them.
func TestIndexBounds(t *testing.T) {
	b := []byte{indexVersion, byte(Zip), 10, 0}
	b = append(b, 0xff, 0xff, 0x0f) // segments
	b = append(b, make([]byte, 100)...)
	lim := DefaultLimits()
	if n := testing.AllocsPerRun(10, func() { UnmarshalIndex(b, lim) }); n > 10 {
		t.Errorf("%v allocations", n)
	}
}

func TestSniff(t *testing.T) {
	for name, b := range fixtures(t) {
		want := formatOf(name)
		if want == TarGzip {
			want = Gzip
		}
		tail := b[max(0, len(b)-SniffTail):]
		if got := Sniff(b[:min(len(b), SniffHead)], tail); got != want {
			t.Errorf("%s: %d", name, got)
		}
		if want != Zip {
			if got := Sniff(b[:min(len(b), SniffHead)], nil); got != want {
				t.Errorf("%s without its tail: %d", name, got)
			}
		}
	}
	for _, s := range []string{"", "\x1f\x8b", "\x1f\x8b\x07\x00\x00\x00\x00\x00\x00\x00", "PK", "#!/bin/sh\n", "!<arc"} {
		if f := Sniff([]byte(s), []byte(s)); f != Bytes {
			t.Errorf("%q: %d", s, f)
		}
	}
}

// Every wrong byte of a recipe is found or harmless: no panic, no endless run.
func TestBrokenRecipes(t *testing.T) {
	for name, b := range fixtures(t) {
		v := roundTrip(t, b, verbatim{})
		for i := range v.Recipe[:min(len(v.Recipe), 200)] {
			r := slices.Clone(v.Recipe)
			r[i] ^= []byte{1, 0x80, 0xff}[i%3]
			rebuildAnything(t, name, plainOf(v), r)
			if i%4 == 0 {
				rebuildAnything(t, name, plainOf(v), v.Recipe[:i])
			}
		}
		rebuildAnything(t, name, plainOf(v)[:v.PlainSize/2], v.Recipe)
	}
}

// rebuildAnything rebuilds whatever it is given, up to a size.
func rebuildAnything(t testing.TB, name string, plain, recipe []byte) {
	t.Helper()
	j, err := newRebuilder(t.Context(), bytes.NewReader(plain), int64(len(plain)), recipe, DefaultLimits(), verbatim{})
	if err == nil {
		err = j.run(&shortWriter{left: 1 << 20})
	}
	if err != nil && !errors.Is(err, ErrBadRecipe) && !errors.Is(err, errFull) {
		t.Fatalf("%s: %v", name, err)
	}
}

var errFull = errors.New("full")

type shortWriter struct{ left int }

func (w *shortWriter) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}
