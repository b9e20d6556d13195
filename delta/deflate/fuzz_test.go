package deflate

import (
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

var fuzzLimits = Limits{Plain: 1 << 20, Blocks: 1000, Worth: 100000, Workers: 1}

// addStreams seeds f with the streams in testdata.
func addStreams(f *testing.F, add func(stream []byte)) {
	files, err := filepath.Glob("testdata/*.deflate")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		add(b)
	}
}

// FuzzSplit feeds Split anything. What it accepts must decode like the standard
// library says and be rebuilt.
func FuzzSplit(f *testing.F) {
	addStreams(f, func(stream []byte) { f.Add(stream) })
	f.Add([]byte{0, 0, 0, 0xff, 0xff, 3, 0})
	f.Add([]byte{0x4b, 0x4c, 0x4a, 0x06, 0x00})
	f.Fuzz(func(t *testing.T, stream []byte) {
		var plain bytes.Buffer
		recipe, n, err := Split(context.Background(), bytes.NewReader(stream), &plain, fuzzLimits)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrLimit) && !errors.Is(err, ErrNotWorth) {
				t.Fatal(err)
			}
			return
		}
		if _, err := Describe(recipe); err != nil {
			t.Fatal(err)
		}
		// The standard library is stricter about incomplete codes.
		want, err := io.ReadAll(flate.NewReader(bytes.NewReader(stream)))
		if err == nil && !bytes.Equal(want, plain.Bytes()) {
			t.Fatal("plain bytes are wrong")
		}
		var out bytes.Buffer
		if err := Join(context.Background(), &out, &plain, recipe, fuzzLimits, nil); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(out.Bytes(), stream[:n]) {
			t.Fatal("rebuilt stream differs")
		}
	})
}

// FuzzJoin feeds Join any recipe with any plain bytes.
func FuzzJoin(f *testing.F) {
	addStreams(f, func(stream []byte) {
		var plain bytes.Buffer
		recipe, _, err := Split(context.Background(), bytes.NewReader(stream), &plain, Limits{})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(recipe, plain.Bytes()[:min(plain.Len(), 20_000)])
	})
	f.Add([]byte{1, 0x16, 0}, []byte("plain"))
	f.Fuzz(func(t *testing.T, recipe, plain []byte) {
		var out limitedBuffer
		err := Join(context.Background(), &out, bytes.NewReader(plain), recipe, fuzzLimits, nil)
		if err != nil && !errors.Is(err, ErrRecipe) && !errors.Is(err, ErrLimit) && !errors.Is(err, errTooLong) {
			t.Fatal(err)
		}
	})
}

var errTooLong = errors.New("too long")

// A limitedBuffer takes as much as a recipe could make of little: 10 bits for
// each block, 15 and 28 for each token.
type limitedBuffer struct{ n int }

func (b *limitedBuffer) Write(p []byte) (int, error) {
	if b.n += len(p); b.n > 64<<20 {
		return 0, errTooLong
	}
	return len(p), nil
}

// FuzzGuide feeds Join any guide: nothing but a wrong result may come of it.
func FuzzGuide(f *testing.F) {
	plain := text(1, 40_000)
	stream := encode(f, newModel(zlibFamily, 6), plain)
	_, recipe := roundTrip(f, stream)
	f.Add(stream, recipe, int64(0), int64(0), int64(40_000))
	f.Add(stream[:5000], recipe, int64(40), int64(-1), int64(20_000))
	f.Fuzz(func(t *testing.T, old, oldRecipe []byte, a, b, n int64) {
		guide := &Guide{Old: bytes.NewReader(old), Recipe: oldRecipe, Copies: func(yield func(Copy) bool) {
			_ = yield(Copy{a, b, n}) && yield(Copy{a + n, b + n, n})
		}}
		err := Join(context.Background(), io.Discard, bytes.NewReader(plain), recipe, fuzzLimits, guide)
		if err != nil && !errors.Is(err, ErrRecipe) {
			t.Fatal(err)
		}
	})
}
