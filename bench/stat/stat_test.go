package stat

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestQuantile(t *testing.T) {
	v := []float64{9, 1, 5, 3}
	for q, want := range map[float64]float64{0: 1, 0.5: 4, 1: 9, 0.25: 2.5} {
		if got := Quantile(v, q); got != want {
			t.Errorf("Quantile(%v) = %v, want %v", q, got, want)
		}
	}
	if v[0] != 9 {
		t.Error("the values were reordered")
	}
	if !math.IsNaN(Median(nil)) {
		t.Error("the median of nothing is a number")
	}
}

func TestGeometricMean(t *testing.T) {
	if got := GeometricMean([]float64{1, 10, 100}); math.Abs(got-10) > 1e-9 {
		t.Errorf("got %v, want 10", got)
	}
	if !math.IsNaN(GeometricMean([]float64{1, 0})) {
		t.Error("a zero has a geometric mean")
	}
}

// A slow round slows both: paired resampling keeps the ratio exact.
func TestRatioIsPaired(t *testing.T) {
	a, b := []float64{1, 2, 30, 4, 5}, []float64{2, 4, 60, 8, 10}
	if got := Ratio(a, b); got != (Interval{0.5, 0.5, 0.5}) {
		t.Errorf("got %+v, want 0.5 without spread", got)
	}
}

func TestRatioHoldsItsValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(0.5, 2), 3, 12)
		got := Ratio(values.Draw(t, "a"), values.Draw(t, "b"))
		if !(got.Low <= got.Value*1.0000001 && got.Value <= got.High*1.0000001) {
			t.Fatalf("%+v", got)
		}
	})
}

func TestRatioOfOneRound(t *testing.T) {
	if got := Ratio([]float64{1}, []float64{2}); got.Value != 0.5 || !math.IsNaN(got.Low) {
		t.Errorf("got %+v", got)
	}
}
