package stat

import (
	"math"
	"testing"
)

func TestRankSum(t *testing.T) {
	// The example of Mann and Whitney's test with U = 2 of 5 and 5 values:
	// mean 12.5, deviation sqrt(25*11/12).
	a, b := []float64{1, 2, 3, 4, 7}, []float64{5, 6, 8, 9, 10}
	want := (2 - 12.5) / math.Sqrt(25*11.0/12)
	if got := RankSum(a, b); math.Abs(got-want) > 1e-9 {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := RankSum(b, a); math.Abs(got+want) > 1e-9 {
		t.Errorf("the other way round %v, want %v", got, -want)
	}
	if got := RankSum([]float64{1, 1, 2}, []float64{1, 1, 2}); got != 0 {
		t.Errorf("equal samples: %v", got)
	}
}
