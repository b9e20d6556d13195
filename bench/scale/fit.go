package scale

import (
	"errors"
	"math"
)

// Push is how much one push has to do.
type Push struct {
	Listed float64 // files in the tree
	Sent   float64 // files whose content is sent
	Bytes  float64 // of those
}

// Law is a cost that is linear in what a push has to do. Its unit is that of the costs
// it was fitted to.
type Law struct {
	Fixed, PerListed, PerSent, PerByte float64
}

// Of is the cost of a push.
func (l Law) Of(p Push) float64 {
	return l.Fixed + l.PerListed*p.Listed + l.PerSent*p.Sent + l.PerByte*p.Bytes
}

// ErrSingular says that the measurements do not tell the constants apart.
var ErrSingular = errors.New("scale: the measurements do not vary enough to fit a law")

// Fit finds the law with the least squared relative error over the measurements, with no
// constant below zero: one that would be is left out and the others fitted again.
// Measurements that cost nothing are not used.
func Fit(pushes []Push, costs []float64) (Law, error) {
	use := [4]bool{true, true, true, true}
	for {
		c, err := fit(pushes, costs, use)
		if err != nil {
			return Law{}, err
		}
		worst := -1
		for i, v := range c {
			if v < 0 && (worst < 0 || v < c[worst]) {
				worst = i
			}
		}
		if worst < 0 {
			return Law{c[0], c[1], c[2], c[3]}, nil
		}
		use[worst] = false
	}
}

// fit solves the normal equations of the columns in use.
func fit(pushes []Push, costs []float64, use [4]bool) ([4]float64, error) {
	var a [4][5]float64
	for i, p := range pushes {
		if costs[i] <= 0 {
			continue
		}
		row := [5]float64{1, p.Listed, p.Sent, p.Bytes, costs[i]}
		for j := range row {
			row[j] /= costs[i]
			if j < 4 && !use[j] {
				row[j] = 0
			}
		}
		for j := range 4 {
			for k := range 5 {
				a[j][k] += row[j] * row[k]
			}
		}
	}
	return solve(a, use)
}

// solve is elimination with pivots, over the columns in use. Columns are scaled first,
// as bytes are a million times files.
func solve(a [4][5]float64, use [4]bool) ([4]float64, error) {
	var scale, x [4]float64
	for j := range 4 {
		scale[j] = math.Sqrt(a[j][j])
		if !use[j] || scale[j] == 0 {
			use[j], scale[j], a[j] = false, 1, [5]float64{}
			a[j][j] = 1
			for i := range 4 {
				if i != j {
					a[i][j] = 0
				}
			}
		}
	}
	for i := range 4 {
		for j := range 4 {
			a[i][j] /= scale[i] * scale[j]
		}
		a[i][4] /= scale[i]
	}
	for c := range 4 {
		p := c
		for r := c + 1; r < 4; r++ {
			if math.Abs(a[r][c]) > math.Abs(a[p][c]) {
				p = r
			}
		}
		a[c], a[p] = a[p], a[c]
		if math.Abs(a[c][c]) < 1e-12 {
			return x, ErrSingular
		}
		for r := range 4 {
			if r == c {
				continue
			}
			f := a[r][c] / a[c][c]
			for k := c; k < 5; k++ {
				a[r][k] -= f * a[c][k]
			}
		}
	}
	for i := range 4 {
		x[i] = a[i][4] / a[i][i] / scale[i]
	}
	return x, nil
}
