package deflate

import (
	"math/rand/v2"
	"testing"
)

// ruled returns n bytes of lines that are indented, ruled and padded, so that runs of
// one byte are of all lengths, next to text.
func ruled(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 9))
	words := prose(seed, 20_000)
	var b []byte
	for len(b) < n {
		for range r.IntN(1 << r.IntN(10)) {
			b = append(b, " =\x00-"[min(r.IntN(4), r.IntN(6), r.IntN(9))])
		}
		c, k := " \x00=a"[r.IntN(4)], r.IntN(2<<r.IntN(9))
		for range k {
			b = append(b, c)
		}
		at := r.IntN(len(words) - 60)
		b = append(append(b, words[at:at+r.IntN(60)]...), '\n')
	}
	return b[:n]
}

// FuzzDeepSearch looks whether the walks of the side chains find what the walk of the
// encoder's own chain does.
func FuzzDeepSearch(f *testing.F) {
	models := []Model{newModel(zlibFamily, 9), newModel(zlibFamily, 8), newModel(zlibFamily, 7), newModel(gzipFamily, 9),
		newModel(goFamily, 7), newModel(goFamily, 9), newModel(knuthFamily, 9)}
	for i := range uint8(4 * len(models)) {
		f.Add(uint64(i), i)
	}
	f.Fuzz(func(t *testing.T, seed uint64, model uint8) {
		m := models[int(model)%len(models)]
		b := [](func(uint64, int) []byte){ruled, prose, text, mixture}[seed%4](seed, 120_000)
		copy(b[1000:], b[:12])
		copy(b[4096:], b[:300]) // where position 0 is no candidate for zlib
		copy(b[20_000:], b[:280])
		var deep, plain chainPredictor
		for _, c := range []*chainPredictor{&deep, &plain} {
			c.configure(m.chainConfig())
			if c == &plain {
				c.deep = nil
			}
			c.begin(&segment{buf: b, end: len(b)}, false)
		}
		for p := 0; p < len(b); {
			got, want := deep.predict(p), plain.predict(p)
			if got != want {
				t.Fatalf("%v at %d: (%d, %d), want (%d, %d)", m, p, got.size(), got.dist(), want.size(), want.dist())
			}
			deep.advance(p, got)
			plain.advance(p, want)
			p += got.size()
		}
	})
}
