package stat

import (
	"math"
	"slices"
)

// RankSum is the z-score of the Mann-Whitney U test: 0 if neither sample tends
// to be the larger, positive if a does.
func RankSum(a, b []float64) float64 {
	type observed struct {
		v     float64
		first bool
	}
	var all []observed
	for _, v := range a {
		all = append(all, observed{v, true})
	}
	for _, v := range b {
		all = append(all, observed{v, false})
	}
	slices.SortFunc(all, func(x, y observed) int {
		switch {
		case x.v < y.v:
			return -1
		case x.v > y.v:
			return 1
		}
		return 0
	})
	sum := 0.0
	for i := 0; i < len(all); {
		j := i
		for j < len(all) && all[j].v == all[i].v {
			j++
		}
		rank := float64(i+j+1) / 2 // ties share the middle of their ranks
		for ; i < j; i++ {
			if all[i].first {
				sum += rank
			}
		}
	}
	n, m := float64(len(a)), float64(len(b))
	u := sum - n*(n+1)/2
	return (u - n*m/2) / math.Sqrt(n*m*(n+m+1)/12)
}
