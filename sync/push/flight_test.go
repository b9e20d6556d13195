package push

import (
	"math"
	"testing"
)

// Bodies with views of archives go before others, and first that of which the least is to
// be sent.
func TestRankOfBodies(t *testing.T) {
	s := &sender{left: map[int]int64{1: 500, 2: 9, 4: 0}}
	for _, c := range []struct {
		on   []cargo
		want int64
	}{
		{[]cargo{{index: 3}}, math.MaxInt64},
		{[]cargo{{index: 3}, {index: 1}}, 500},
		{[]cargo{{index: 1}, {index: 2}, {index: 3}}, 9},
		{[]cargo{{index: 4}}, 0},
	} {
		if got := (&flight{sender: s, on: c.on}).rank(); got != c.want {
			t.Errorf("a body of %+v: rank %d, want %d", c.on, got, c.want)
		}
	}
}
