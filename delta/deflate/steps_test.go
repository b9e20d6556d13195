package deflate

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
)

// tiresome returns n bytes whose every search meets thousands of candidates that
// are alike for hundreds of bytes.
func tiresome(n int) []byte {
	r := rand.New(rand.NewPCG(11, 4))
	b := bytes.Repeat([]byte("a"), n)
	for i := 0; i < n; i += 60 + r.IntN(180) {
		b[i] = byte('b' + r.IntN(3))
	}
	return b
}

// literals returns the recipe that makes a literal of each of n bytes, though the
// model knows matches.
func literals(m Model, n int) []byte {
	rec := record{last: true, model: m, count: -1}
	for i := range n {
		rec.sparse = append(rec.sparse, byte(min(i, 1)), 0)
	}
	return rec.append(appendModel([]byte{recipeVersion}, m), 0, m)
}

// What a recipe from a stranger makes Join search for is bounded by the plain bytes.
func TestJoinCountsSteps(t *testing.T) {
	plain := tiresome(60_000)
	for _, m := range []Model{newModel(zlibFamily, 9), newModel(goFamily, 9)} {
		j := NewJoiner(Limits{Workers: 1})
		err := j.Join(context.Background(), io.Discard, bytes.NewReader(plain), literals(m, len(plain)), nil)
		if !errors.Is(err, ErrLimit) {
			t.Errorf("%v: %v, want ErrLimit", m, err)
		}
		steps := int64(0)
		for range cap(j.rebuilders) {
			steps += (<-j.rebuilders).steps
		}
		// One more search takes no more than this.
		if most := mayStep(int64(len(plain))) + 1<<19; steps > most {
			t.Errorf("%v: %d steps, want at most %d", m, steps, most)
		}
	}
}

// Streams are counted together: an archive of many small ones is no way around.
func TestJoinCountsStepsOfAllStreams(t *testing.T) {
	m := newModel(zlibFamily, 9)
	plain := tiresome(windowSize / 4)
	recipe := literals(m, len(plain))
	j := NewJoiner(Limits{Workers: 1})
	for n := range 12 {
		err := j.Join(context.Background(), io.Discard, bytes.NewReader(plain), recipe, nil)
		if errors.Is(err, ErrLimit) && n > 0 {
			return
		}
		if err != nil {
			t.Fatalf("stream %d: %v", n, err)
		}
	}
	t.Errorf("%d steps for %d bytes", j.lim.Budget.steps, j.plain)
}

// Tries of one archive are counted together too.
func TestJoinersShareABudget(t *testing.T) {
	m := newModel(zlibFamily, 9)
	plain := tiresome(windowSize / 4)
	recipe := literals(m, len(plain))
	lim := Limits{Workers: 1, Budget: &Budget{}}
	for try := range 4 {
		err := Join(context.Background(), io.Discard, bytes.NewReader(plain), recipe, lim, nil)
		if errors.Is(err, ErrLimit) && try > 0 {
			return
		}
		if err != nil {
			t.Fatalf("try %d: %v", try, err)
		}
	}
	t.Errorf("%d steps for %d bytes", lim.Budget.steps, len(plain))
}

// The same for a stream from a stranger.
func TestSplitCountsSteps(t *testing.T) {
	plain := tiresome(60_000)
	m := newModel(goFamily, goHuffman) // literals only
	stream := encode(t, m, plain)
	for _, model := range []Model{newModel(zlibFamily, 9), newModel(goFamily, 9)} {
		s := NewSplitter(Limits{Workers: 1, Worth: 1000})
		_, _, err := s.Split(context.Background(), bytes.NewReader(stream), io.Discard, WithModel(model))
		if !errors.Is(err, ErrLimit) {
			t.Errorf("%v: %v, want ErrLimit", model, err)
		}
	}
}
