package deflate

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/iotest"
)

func TestJoinRefuses(t *testing.T) {
	plain := text(1, 50_000)
	stream := encode(t, newModel(zlibFamily, 6), plain)
	_, recipe := roundTrip(t, stream)
	m := byte(newModel(zlibFamily, 6))
	tests := []struct {
		name   string
		recipe []byte
		lim    Limits
		want   error
	}{
		{"nothing", nil, Limits{}, ErrRecipe},
		{"version 2", []byte{2, m, recLast}, Limits{}, ErrRecipe},
		{"unknown family", []byte{1, 0x76, 7, recLast}, Limits{}, ErrRecipe},
		{"level 0", []byte{1, 0x10, recLast}, Limits{}, ErrRecipe},
		{"cut short", recipe[:len(recipe)-1], Limits{}, ErrRecipe},
		{"too long", append(bytes.Clone(recipe), 0), Limits{}, ErrRecipe},
		{"unknown flag", []byte{1, m, recLast | 0x80}, Limits{}, ErrRecipe},
		{"larger segment than the plain bytes", []byte{1, m, 0, 0, recLast}, Limits{}, ErrRecipe},
		{"huge segment", []byte{1, m, 0, 0xff, 0xff, 0xff, 0xff, 0x7f, recLast}, Limits{}, ErrRecipe},
		{"mismatch out of place", []byte{1, m, recLast | recSparse, 5, 0xff, 0xff, 0x7f, 1, 1}, Limits{}, ErrRecipe},
		{"exception out of place", []byte{1, m, recLast | recBlocks, 2, 100, excFinal}, Limits{}, ErrRecipe},
		{"no final block", []byte{1, m, recLast | recBlocks, 2, 0, excFinal}, Limits{}, nil},
		{"plain limit", recipe, Limits{Plain: 1000}, ErrLimit},
		{"recipe limit", recipe, Limits{Recipe: 2}, ErrRecipe},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := Join(context.Background(), io.Discard, bytes.NewReader(plain), test.recipe, test.lim, nil)
			if !errors.Is(err, test.want) {
				t.Fatalf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestJoinPassesErrorsOn(t *testing.T) {
	plain := text(1, 900_000)
	_, recipe := roundTrip(t, goEncode(t, 6, plain))
	broken := errors.New("broken")
	half := io.MultiReader(bytes.NewReader(plain[:len(plain)/2]), iotest.ErrReader(broken))
	j := NewJoiner(Limits{Workers: 2})
	if err := j.Join(context.Background(), io.Discard, half, recipe, nil); !errors.Is(err, broken) {
		t.Errorf("reading: %v", err)
	}
	if err := j.Join(context.Background(), failingWriter{broken}, bytes.NewReader(plain), recipe, nil); !errors.Is(err, broken) {
		t.Errorf("writing: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := j.Join(ctx, io.Discard, bytes.NewReader(plain), recipe, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if err := j.Join(context.Background(), io.Discard, bytes.NewReader(plain[:len(plain)/2]), recipe, nil); !errors.Is(err, ErrRecipe) {
		t.Errorf("other plain bytes: %v", err)
	}
	var out bytes.Buffer
	if err := j.Join(context.Background(), &out, bytes.NewReader(plain), recipe, nil); err != nil {
		t.Errorf("after errors: %v", err)
	}
}

// longEncode is encode for plain of any size. Where the segments end is found
// by trial.
func longEncode(t testing.TB, m Model, plain []byte) []byte {
	t.Helper()
	rec := record{model: m, count: -1}
	recipe := appendModel([]byte{recipeVersion}, m)
	j := &rebuilder{}
	var prev *segment
	at := 0
	for i := 0; ; i++ {
		s := &segment{}
		s.begin(prev)
		rest := plain[at:]
		s.buf = append(s.buf, rest[:min(len(rest), maxPlain)]...)
		n := blocksEnd(t, j, s, m, segmentTarget(i))
		s.end = s.start + n
		if rec.last = n == len(rest); rec.last {
			rec.plain = -1
		} else {
			rec.plain = n
		}
		recipe = rec.append(recipe, i, m)
		if rec.last {
			return join(t, plain, recipe)
		}
		at += n
		s.buf = s.buf[:s.end]
		prev = s
	}
}

// blocksEnd returns how many bytes of s the model puts into blocks until they
// are at least atLeast.
func blocksEnd(t testing.TB, r *rebuilder, s *segment, m Model, atLeast int) int {
	t.Helper()
	r.engine = &engine{}
	r.use(m)
	r.allow(mayStep(int64(len(s.buf))))
	s.end = len(s.buf)
	r.pred.begin(s, false)
	r.wrongAt, r.coded, r.run, r.guide.hints = -1, false, nil, nil
	end := s.plainEnd()
	pos := s.start
	for i := 0; pos < s.end && pos-s.start < atLeast; i++ {
		r.out.reset()
		r.pieces = r.pieces[:0]
		r.excs.reset(nil)
		stop, _, err := r.block(s, i, pos, end)
		if err != nil {
			t.Fatal(err)
		}
		pos = stop
	}
	return pos - s.start
}

func TestGuide(t *testing.T) {
	old := text(1, 900_000)
	// The new bytes: a line in front, then an edit every 60 KiB or so that
	// changes, drops or adds some.
	plain := []byte("a new first line\n")
	var copies []Copy
	for at, k := 0, 0; at < len(old); k++ {
		n := min(60_000+k, len(old)-at)
		copies = append(copies, Copy{int64(len(plain)), int64(at), int64(n)})
		plain = append(plain, old[at:at+n]...)
		at += n
		plain = append(plain, "changed"[:1+k%7]...)
		at += k % 5
	}
	for _, m := range []Model{newModel(zlibFamily, 6), newModel(gzipFamily, 9), newModel(goFamily, 5), newModel(knuthFamily, 4)} {
		t.Run(m.String(), func(t *testing.T) {
			oldStream, newStream := longEncode(t, m, old), longEncode(t, m, plain)
			_, oldRecipe := roundTrip(t, oldStream, WithModel(m))
			_, recipe := roundTrip(t, newStream, WithModel(m))
			if info := describe(t, recipe); !info.Exact {
				t.Fatalf("recipe corrects %d bytes", info.Corrections)
			}
			j := NewJoiner(Limits{Workers: 2})
			guide := &Guide{Old: bytes.NewReader(oldStream), Recipe: oldRecipe, Copies: slices.Values(copies)}
			var out bytes.Buffer
			if err := j.Join(context.Background(), &out, bytes.NewReader(plain), recipe, guide); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(out.Bytes(), newStream) {
				t.Fatal("stream joined with a guide differs")
			}
			taken := 0
			for range cap(j.rebuilders) {
				taken += (<-j.rebuilders).taken
			}
			if taken < len(plain)/3 {
				t.Errorf("%d of %d bytes from the guide", taken, len(plain))
			}
		})
	}
}

// Where Go's buffer moves, far matches are out of reach for a while; with the
// bytes shifted that is elsewhere.
func TestGuideWhereGoMoves(t *testing.T) {
	m := newModel(goFamily, 6)
	old := bytes.Repeat(text(5, windowSize-150), 12)
	plain := append([]byte("a new first line\n"), old...)
	oldStream, newStream := encode(t, m, old), encode(t, m, plain)
	_, oldRecipe := roundTrip(t, oldStream, WithModel(m))
	_, recipe := roundTrip(t, newStream, WithModel(m))
	guide := &Guide{Old: bytes.NewReader(oldStream), Recipe: oldRecipe,
		Copies: slices.Values([]Copy{{int64(len(plain) - len(old)), 0, int64(len(old))}})}
	j := NewJoiner(Limits{Workers: 1})
	var out bytes.Buffer
	if err := j.Join(context.Background(), &out, bytes.NewReader(plain), recipe, guide); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), newStream) {
		t.Fatal("stream joined with a guide differs")
	}
}

// A guide that lies or breaks must cost no more than a wrong result.
func TestFalseGuide(t *testing.T) {
	m := newModel(zlibFamily, 6)
	plain := text(1, 200_000)
	stream := encode(t, m, plain)
	_, recipe := roundTrip(t, stream)
	all := []Copy{{0, 0, 200_000}}
	guides := map[string]*Guide{
		"no stream":     {Recipe: recipe, Copies: slices.Values(all)},
		"no recipe":     {Old: bytes.NewReader(stream), Copies: slices.Values(all)},
		"no copies":     {Old: bytes.NewReader(stream), Recipe: recipe},
		"cut stream":    {Old: bytes.NewReader(stream[:5000]), Recipe: recipe, Copies: slices.Values(all)},
		"broken stream": {Old: iotest.ErrReader(errors.New("broken")), Recipe: recipe, Copies: slices.Values(all)},
		"other model":   {Old: bytes.NewReader(stream), Recipe: []byte{1, 0x19, recLast}, Copies: slices.Values(all)},
	}
	for name, guide := range guides {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			err := Join(context.Background(), &out, bytes.NewReader(plain), recipe, Limits{}, guide)
			if err != nil || !bytes.Equal(out.Bytes(), stream) {
				t.Errorf("%v, %d bytes of %d", err, out.Len(), len(stream))
			}
		})
	}
	lies := [][]Copy{all, {{-5, 3, 10}, {7, -1, 1 << 62}, {50, 1 << 62, 100_000}, {60, 0, -1}, {1 << 62, 0, 1 << 62}}}
	other := encode(t, m, text(2, 200_000))
	for _, copies := range lies {
		guide := &Guide{Old: bytes.NewReader(other), Recipe: recipe, Copies: slices.Values(copies)}
		err := Join(context.Background(), io.Discard, bytes.NewReader(plain), recipe, Limits{}, guide)
		if err != nil && !errors.Is(err, ErrRecipe) {
			t.Errorf("a lie: %v", err)
		}
	}
}
