package deflate

import (
	"bytes"
	"context"
	"math/rand/v2"
	"slices"
	"testing"
)

// lazyModels are models whose streams guides serve, of each match search.
var lazyModels = []Model{newModel(zlibFamily, 9), newModel(zlibFamily, 6), newModel(zlibFamily, 4), newModel(gzipFamily, 9),
	newModel(gzipFamily, 6), newModel(goFamily, 6), newModel(goFamily, 9), newModel(knuthFamily, 9), newModel(crcFamily, 6),
	newModel(zlibFamily, 6).withChunk(128)}

// edit changes some bytes of old here and there, where it was equal to others or
// becomes so, and returns the copies of the rest. Every spread-th edit moves what
// comes behind it.
func edit(seed uint64, old []byte, every, spread int) (plain []byte, copies []Copy) {
	r := rand.New(rand.NewPCG(seed, 7))
	for at, k := 0, 1; at < len(old); k++ {
		n := min(1+r.IntN(2*every), len(old)-at)
		copies = append(copies, Copy{int64(len(plain)), int64(at), int64(n)})
		plain = append(plain, old[at:at+n]...)
		at += n
		n = min(1+r.IntN(20), len(old)-at)
		from := r.IntN(max(at-windowSize, 0) + 1) // bytes from elsewhere
		if r.IntN(3) > 0 {
			from = max(at-r.IntN(windowSize), 0)
		}
		plain = append(plain, old[from:][:n]...)
		at += n
		if spread > 0 && k%spread == 0 {
			at += min(r.IntN(5), len(old)-at)
		}
	}
	return plain, copies
}

// prose returns n bytes of words of a large vocabulary.
func prose(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 8))
	words := make([]string, 4000)
	for i := range words {
		w := make([]byte, 2+r.IntN(9))
		for k := range w {
			w[k] = "etaoinshrdlucmfw"[min(r.IntN(16), r.IntN(16))]
		}
		words[i] = string(w)
	}
	var b []byte
	for len(b) < n {
		b = append(append(b, words[min(r.IntN(4000), r.IntN(4000))]...), " .\n,"[max(r.IntN(10)-6, 0)])
	}
	return b[:n]
}

// guided joins plain with old, by the model before, as a guide, and returns how many bytes were not
// searched for.
func guided(t testing.TB, before, m Model, old, plain []byte, copies []Copy) (taken int) {
	t.Helper()
	oldStream := longEncode(t, before, old)
	_, oldRecipe := roundTrip(t, oldStream, WithModel(before))
	want := longEncode(t, m, plain)
	_, recipe := roundTrip(t, want, WithModel(m))
	j := NewJoiner(Limits{Workers: 2})
	var out bytes.Buffer
	guide := &Guide{Old: bytes.NewReader(oldStream), Recipe: oldRecipe, Copies: slices.Values(copies)}
	if err := j.Join(context.Background(), &out, bytes.NewReader(plain), recipe, guide); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), want) {
		t.Fatal("the stream joined with a guide differs")
	}
	for range cap(j.rebuilders) {
		taken += (<-j.rebuilders).taken
	}
	return taken
}

// Edits that leave the length as it is cost searches only where they are met, and
// gzip's stream serves as zlib's.
func TestGuideOverEdits(t *testing.T) {
	old := prose(3, 300_000)
	plain, copies := edit(3, old, 8<<10, 0)
	zlib9, gzip9 := newModel(zlibFamily, 9), newModel(gzipFamily, 9)
	if taken := guided(t, gzip9, zlib9, old, plain, copies); taken < len(plain)*9/10 {
		t.Errorf("%d of %d bytes from the guide", taken, len(plain))
	}
}

// What lies between copies may be long, as the headers of many empty files are, if most
// of it is what it was.
func TestGuideOverLongGaps(t *testing.T) {
	old := prose(4, 300_000)
	plain := bytes.Clone(old)
	var copies []Copy
	for at := 0; at < len(old); at += 30_000 {
		copies = append(copies, Copy{int64(at), int64(at), 20_000})
		for i := at + 20_000; i < at+30_000; i += 512 {
			copy(plain[i:], "12345")
		}
	}
	m := newModel(zlibFamily, 9)
	if taken := guided(t, m, m, old, plain, copies); taken < len(plain)*8/10 {
		t.Errorf("%d of %d bytes from the guide", taken, len(plain))
	}
}

// An edit within the last bytes of a segment of the old stream is left to the next
// segment, and what comes before it is taken over all the same.
func TestGuideOverAnEditAtTheEndOfASegment(t *testing.T) {
	old := prose(5, 600_000)
	m := newModel(zlibFamily, 9)
	var d decoder
	d.reset(bytes.NewReader(longEncode(t, m, old)), DefaultLimits())
	d.target = guideTarget
	s := &segment{}
	s.begin(nil)
	if err := d.segment(s); err != nil {
		t.Fatal(err)
	}
	plain, at := bytes.Clone(old), int64(s.size()-2)
	plain[at] ^= 1
	copies := []Copy{{0, 0, at}, {at + 1, at + 1, int64(len(old)) - at - 1}}
	if taken := guided(t, m, m, old, plain, copies); taken < len(plain)*95/100 {
		t.Errorf("%d of %d bytes from the guide", taken, len(plain))
	}
}

// A stream compressed in chunks is followed where they are cut elsewhere, but for what is
// near the end of one.
func TestGuideAcrossChunks(t *testing.T) {
	old := prose(6, 600_000)
	plain := slices.Concat(prose(7, 10_000), old)
	m := newModel(zlibFamily, 6).withChunk(128)
	if taken := guided(t, m, m, old, plain, []Copy{{10_000, 0, int64(len(old))}}); taken < len(plain)*9/10 {
		t.Errorf("%d of %d bytes from the guide", taken, len(plain))
	}
}

// FuzzGuideOverEdits joins with guides to old streams that have been edited.
func FuzzGuideOverEdits(f *testing.F) {
	for i := range lazyModels {
		f.Add(uint64(i), uint8(i), uint16(1000), uint8(i%2*12))
	}
	f.Fuzz(func(t *testing.T, seed uint64, model uint8, every uint16, spread uint8) {
		m := lazyModels[int(model)%len(lazyModels)]
		old := mixture(seed, 100_000)
		switch seed % 4 {
		case 1:
			old = text(seed, 100_000)
		case 2, 3:
			old = prose(seed, 100_000)
		}
		plain, copies := edit(seed, old, int(every)+1, int(spread))
		guided(t, m, m, old, plain, copies)
	})
}
