package deflate

import (
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

func TestSplitRefuses(t *testing.T) {
	valid := encode(t, newModel(zlibFamily, 6), text(1, 50_000))
	zeros := goEncode(t, 9, make([]byte, 4<<20))
	strange := strangeChoices(t)
	empties := bytes.Repeat([]byte{0, 0, 0, 0xff, 0xff}, 1000)
	tests := []struct {
		name   string
		stream []byte
		lim    Limits
		want   error
	}{
		{"nothing", nil, Limits{}, ErrCorrupt},
		{"text", []byte("once upon a time there was no deflate stream"), Limits{}, ErrCorrupt},
		{"bad type", []byte{7, 0, 0}, Limits{}, ErrCorrupt},
		{"bad stored length", []byte{1, 1, 0, 0, 0}, Limits{}, ErrCorrupt},
		{"distance before the start", []byte{0x4b, 0x04, 0x12, 0x00}, Limits{}, ErrCorrupt},
		{"cut in a stored block", []byte{1, 5, 0, 0xfa, 0xff, 'a', 'b'}, Limits{}, ErrCorrupt},
		{"no final block", empties, Limits{}, ErrCorrupt},
		{"too much", valid, Limits{Plain: 40_000}, ErrLimit},
		{"ratio", zeros, Limits{Ratio: 100}, ErrLimit},
		{"blocks", empties, Limits{Blocks: 100}, ErrLimit},
		{"long recipe", strange, Limits{Recipe: 1000, Worth: 100000}, ErrNotWorth},
		{"not worth it", strange, Limits{Worth: 1}, ErrNotWorth},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, _, err := Split(context.Background(), bytes.NewReader(test.stream), io.Discard, test.lim)
			if !errors.Is(err, test.want) {
				t.Fatalf("got %v, want %v", err, test.want)
			}
		})
	}
	for n := range len(valid) - 1 {
		if n > 100 && n%997 != 0 {
			continue
		}
		if _, _, err := Split(context.Background(), bytes.NewReader(valid[:n]), io.Discard, Limits{}); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("cut after %d bytes: %v", n, err)
		}
	}
}

// strangeChoices returns a stream whose encoder took only two matches of three.
func strangeChoices(t testing.TB) []byte {
	plain := text(3, 250_000)
	stream := encode(t, newModel(zlibFamily, 6), plain)
	var d decoder
	d.reset(bytes.NewReader(stream), DefaultLimits())
	s := &segment{}
	s.begin(nil)
	if err := d.segment(s); err != nil {
		t.Fatal(err)
	}
	var tokens []token
	pos := 0
	for i, tok := range s.tokens {
		if tok.isMatch() && i%3 == 0 {
			for _, c := range plain[pos : pos+tok.size()] {
				tokens = append(tokens, token(c))
			}
		} else {
			tokens = append(tokens, tok)
		}
		pos += tok.size()
	}
	r := rebuilder{tokens: tokens}
	r.out.put(1|uint32(fixed)<<1, 3)
	r.writeTokens(fixedLitLens[:], fixedDistLens[:], &exception{})
	r.out.flush()
	return r.out.out
}

func TestSplitPassesErrorsOn(t *testing.T) {
	stream := goEncode(t, 6, text(1, 2_000_000))
	broken := errors.New("broken")
	_, _, err := Split(context.Background(), io.MultiReader(bytes.NewReader(stream[:len(stream)/2]), iotest.ErrReader(broken)), io.Discard, Limits{})
	if !errors.Is(err, broken) || errors.Is(err, ErrCorrupt) {
		t.Errorf("reading: %v", err)
	}
	_, _, err = Split(context.Background(), bytes.NewReader(stream), failingWriter{broken}, Limits{})
	if !errors.Is(err, broken) {
		t.Errorf("writing: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, _, err = Split(ctx, bytes.NewReader(stream), io.Discard, Limits{})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

// Cancelling in the midst must end all goroutines and leave the Splitter fit
// for another stream.
func TestSplitterSurvivesErrors(t *testing.T) {
	stream := goEncode(t, 6, text(1, 1_800_000))
	s := NewSplitter(Limits{Workers: 3})
	want, _, err := s.Split(context.Background(), bytes.NewReader(stream), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		ctx, cancel := context.WithCancel(context.Background())
		w := &cancelAfter{n: n, cancel: cancel}
		if _, _, err := s.Split(ctx, bytes.NewReader(stream), w); !errors.Is(err, context.Canceled) {
			t.Fatalf("after %d writes: %v", n, err)
		}
		if _, _, err := s.Split(context.Background(), bytes.NewReader(stream[:len(stream)*n/3]), io.Discard); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("cut: %v", err)
		}
	}
	got, _, err := s.Split(context.Background(), bytes.NewReader(stream), io.Discard)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("after errors: %v, recipe of %d bytes, want %d", err, len(got), len(want))
	}
}

type cancelAfter struct {
	n      int
	cancel func()
}

func (w *cancelAfter) Write(p []byte) (int, error) {
	if w.n == 0 {
		w.cancel()
	}
	w.n--
	return len(p), nil
}

// The result must not depend on how the input comes or how many work on it.
func TestSplitIsDeterministic(t *testing.T) {
	plain := append(noise(1, 600_000), text(2, 900_000)...)
	plain = append(plain, mixture(3, 400_000)...)
	for _, level := range []int{1, 2, 4} {
		stream := goEncode(t, level, plain)
		var want []byte
		for workers := 1; workers <= 3; workers += 2 {
			got, _, err := Split(context.Background(), iotest.HalfReader(bytes.NewReader(stream)), io.Discard, Limits{Workers: workers})
			if err != nil {
				t.Fatal(err)
			}
			if want == nil {
				want = got
			}
			if !bytes.Equal(got, want) {
				t.Fatalf("level %d: recipe with %d workers differs", level, workers)
			}
			var out bytes.Buffer
			if err := Join(context.Background(), &out, iotest.HalfReader(bytes.NewReader(plain)), got, Limits{Workers: workers}, nil); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(out.Bytes(), stream) {
				t.Fatalf("level %d: stream joined by %d workers differs", level, workers)
			}
		}
	}
}

// Whatever the stream, a segment stays within its bounds.
func TestMemoryIsBounded(t *testing.T) {
	streams := map[string][]byte{
		"zeros":    goEncode(t, 9, make([]byte, 8<<20)),
		"literals": bytes.Repeat([]byte{0x4b, 0x4c, 0x4a}, 1<<20), // one endless fixed block
		"empties":  bytes.Repeat([]byte{0, 0, 0, 0xff, 0xff}, 1<<16),
	}
	for name, stream := range streams {
		t.Run(name, func(t *testing.T) {
			s := NewSplitter(Limits{})
			s.Split(context.Background(), bytes.NewReader(stream), io.Discard)
			for range cap(s.pool) {
				seg := <-s.pool
				if n := cap(seg.buf) + 4*cap(seg.tokens); n > 8<<20 {
					t.Errorf("segment holds %d bytes", n)
				}
				if n := cap(seg.blocks); n > 2*maxBlocks {
					t.Errorf("segment holds %d blocks", n)
				}
			}
		})
	}
}

// Small streams of many blocks, which no model fits, cost a choice each only for so
// long.
func TestChoosingIsBounded(t *testing.T) {
	var w bytes.Buffer
	z, err := flate.NewWriter(&w, 6)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 30 {
		z.Write([]byte{byte(i * i), byte(i)})
		z.Flush()
	}
	z.Close()
	s := NewSplitter(Limits{Worth: 100_000})
	const streams = 1000
	for range streams {
		if _, _, err := s.Split(context.Background(), bytes.NewReader(w.Bytes()), io.Discard); err != nil {
			t.Fatal(err)
		}
	}
	if s.passed != int64(streams*w.Len()) {
		t.Fatalf("%d bytes passed of %d", s.passed, streams*w.Len())
	}
	if most := freeWork + workPerByte*s.passed; s.trial.work > most+most/8 || s.trial.work < most/2 {
		t.Errorf("choosing models took %d steps, want at most %d", s.trial.work, most)
	}
}

func TestSampled(t *testing.T) {
	for _, m := range []Model{newModel(goFamily, 6), newModel(zlibFamily, 2), newModel(knuthFamily, 9)} {
		stream := encode(t, m, text(1, 1_500_000))
		_, want := roundTrip(t, stream)
		for _, opts := range [][]Option{{Sampled(SampleSize)}, {Sampled(0), WithModel(m)}} {
			if _, got := roundTrip(t, stream, opts...); !bytes.Equal(got, want) {
				t.Errorf("%v: recipe differs when sampled", m)
			}
		}
	}
	// Errors in the sampled part make Split look at all.
	roundTrip(t, fixture(t, "7zip-5"), Sampled(1000))
}

// What a sample does not cover is not predicted: that is what makes it quick.
func TestSampledPredictsOnlyTheSample(t *testing.T) {
	m := newModel(zlibFamily, 9)
	stream := encode(t, m, text(1, benchSize))
	s := NewSplitter(Limits{Workers: 1})
	if _, _, err := s.Split(context.Background(), bytes.NewReader(stream), io.Discard, WithModel(m), Sampled(SampleSize)); err != nil {
		t.Fatal(err)
	}
	// Each of its 5 segments costs a window and the sample.
	if n := s.analysts[0].chain.entered; n > 5*(windowSize+2*SampleSize) {
		t.Errorf("%d positions entered", n)
	}
}
