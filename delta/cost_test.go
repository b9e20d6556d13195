package delta_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/pubsync/pubsync/delta"
)

// What is missing costs what compression leaves of it, and what is missing twice once.
func TestMissingCost(t *testing.T) {
	basis, noise := randomBytes(1, 200_000), randomBytes(2, 50_000)
	lines := bytes.Repeat([]byte("a line of text like others\n"), 2000)
	for _, c := range []struct {
		name     string
		src      []byte
		low, top int64
	}{
		{"nothing", basis, 0, 0},
		{"noise", append(bytes.Clone(basis), noise...), 45_000, 55_000},
		{"text", append(bytes.Clone(basis), lines...), 100, 5_000},
		{"noise twice", slices.Concat(noise, basis, noise), 45_000, 60_000},
	} {
		s, err := delta.Sign(source(basis), delta.FirstRequest(int64(len(c.src)), int64(len(basis))))
		if err != nil {
			t.Fatal(err)
		}
		p := delta.NewPlan(source(c.src), []int64{int64(len(basis))}, delta.PlanOptions{})
		if err := p.Match(0, s); err != nil {
			t.Fatal(err)
		}
		for reqs := p.Next(); len(reqs) > 0; reqs = p.Next() {
			s, err := delta.Sign(source(basis), reqs[0].Request)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Match(0, s); err != nil {
				t.Fatal(err)
			}
		}
		if n := p.MissingCost(); n < c.low || n > c.top {
			t.Errorf("%s: %d bytes, want %d to %d", c.name, n, c.low, c.top)
		}
	}
}
