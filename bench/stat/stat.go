package stat

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Median is the middle of the values, the mean of the two middle ones where their
// number is even, and NaN of none.
func Median(values []float64) float64 { return Quantile(values, 0.5) }

// Quantile is the q-quantile of the values, 0 <= q <= 1, interpolated linearly between
// neighbours (type 7 of Hyndman and Fan), and NaN of no values.
func Quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	at := q * float64(len(sorted)-1)
	below := int(at)
	if below+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[below] + (at-float64(below))*(sorted[below+1]-sorted[below])
}

// GeometricMean is the n-th root of the product of the values, and NaN of none or
// of one that is not positive.
func GeometricMean(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	var sum float64
	for _, v := range values {
		if v <= 0 {
			return math.NaN()
		}
		sum += math.Log(v)
	}
	return math.Exp(sum / float64(len(values)))
}

// Interval is an estimate with the bounds of its 95 % confidence interval.
type Interval struct {
	Value, Low, High float64
}

// resamples is enough for two digits of a 95 % interval.
const resamples = 4000

// Ratio is the ratio of the median of a to the median of b, with a percentile
// bootstrap interval (Efron and Tibshirani, ch. 13). Where both have as many values
// they are taken as rounds, a[i] beside b[i], and resampled in pairs, so that what made
// a whole round slow does not widen the interval.
func Ratio(a, b []float64) Interval {
	est := Interval{Value: Median(a) / Median(b)}
	if len(a) < 2 || len(b) < 2 {
		est.Low, est.High = math.NaN(), math.NaN()
		return est
	}
	// Seeded, so that the same figures give the same report.
	rng := rand.New(rand.NewPCG(uint64(len(a)), uint64(len(b))))
	ratios := make([]float64, resamples)
	ra, rb := make([]float64, len(a)), make([]float64, len(b))
	for i := range ratios {
		for j := range ra {
			k := rng.IntN(len(a))
			ra[j] = a[k]
			if len(a) == len(b) {
				rb[j] = b[k]
			}
		}
		if len(a) != len(b) {
			for j := range rb {
				rb[j] = b[rng.IntN(len(b))]
			}
		}
		ratios[i] = Median(ra) / Median(rb)
	}
	est.Low, est.High = Quantile(ratios, 0.025), Quantile(ratios, 0.975)
	return est
}
