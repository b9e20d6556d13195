package deflate

import (
	"bytes"
	"compress/flate"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
)

// tester is what the helpers need of testing.T, rapid.T and testing.F.
type tester interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// text returns n bytes like a build's log, the same for the same seed.
func text(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	words := []string{"install", "remove", "update", "check", "fetch", "build", "link", "copy", "verify"}
	var b bytes.Buffer
	for b.Len() < n {
		fmt.Fprintf(&b, "%06d %s pkg-%d.%d size=%d\n", r.IntN(1000), words[r.IntN(len(words))], r.IntN(300), r.IntN(10), r.IntN(5000))
	}
	return b.Bytes()[:n]
}

// noise returns n incompressible bytes.
func noise(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// mixture returns about n bytes of text, noise and zeros, with repeats.
func mixture(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 3))
	var b []byte
	for len(b) < n {
		k := 1 + r.IntN(n/4+1)
		switch r.IntN(5) {
		case 0:
			b = append(b, noise(r.Uint64(), k)...)
		case 1:
			b = append(b, make([]byte, k)...)
		case 2:
			if len(b) > 0 {
				from := r.IntN(len(b))
				b = append(b, b[from:min(from+k, len(b))]...)
			}
		default:
			b = append(b, text(r.Uint64(), k)...)
		}
	}
	return b[:n]
}

// encode compresses plain as model does, by joining it with a recipe that
// corrects nothing. plain must fit one segment.
func encode(t tester, m Model, plain []byte) []byte {
	t.Helper()
	rec := record{last: true, plain: -1, model: m, count: -1}
	recipe := rec.append(appendModel([]byte{recipeVersion}, m), 0, m)
	return join(t, plain, recipe)
}

// goEncode compresses with the standard library.
func goEncode(t tester, level int, plain []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, level)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(plain)
	w.Close()
	return b.Bytes()
}

func join(t tester, plain, recipe []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := Join(context.Background(), &out, bytes.NewReader(plain), recipe, Limits{}, nil); err != nil {
		t.Fatalf("join: %v", err)
	}
	return out.Bytes()
}

// roundTrip splits stream, compares the plain bytes with those of the standard
// library's decoder, joins, compares, and returns the recipe.
func roundTrip(t tester, stream []byte, opts ...Option) (plain, recipe []byte) {
	t.Helper()
	var b bytes.Buffer
	behind := append(bytes.Clone(stream), "something else behind the stream"...)
	recipe, consumed, err := Split(context.Background(), bytes.NewReader(behind), &b, Limits{Worth: 10000}, opts...)
	if err != nil {
		t.Fatalf("split: %v", err)
	}
	if consumed != int64(len(stream)) {
		t.Fatalf("consumed %d bytes of %d", consumed, len(stream))
	}
	want, err := io.ReadAll(flate.NewReader(bytes.NewReader(stream)))
	if err != nil {
		t.Fatalf("standard library: %v", err)
	}
	if !bytes.Equal(b.Bytes(), want) {
		t.Fatal("plain bytes are wrong")
	}
	if got := join(t, b.Bytes(), recipe); !bytes.Equal(got, stream) {
		t.Fatalf("rebuilt stream differs: %d bytes for %d", len(got), len(stream))
	}
	return b.Bytes(), recipe
}

func describe(t tester, recipe []byte) Info {
	t.Helper()
	info, err := Describe(recipe)
	if err != nil {
		t.Fatal(err)
	}
	return info
}
