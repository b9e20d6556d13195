package scale

import (
	"errors"
	"math"
)

// Push is how much one push has to do.
type Push struct {
	Walked  float64 // files in the tree, looked at by the client
	Told    float64 // files in the list that the server went through; none if nothing changed
	Catalog float64 // entries that the catalog held before
	Linked  float64 // files whose content was held already
	Sent    float64 // files sent whole
	Bytes   float64 // of those
	Sought  float64 // of those, files that a basis was looked for
	Alone   float64 // of those, files too large for a pack: over 1 MiB
	Hashed  float64 // bytes that the client hashed
	Deltas  float64 // files sent as a difference to an old one
	Rebuilt float64 // bytes of those files, which both sides go through
}

// Terms is how many constants a law has.
const Terms = 14

// Names says what each constant is for.
func Names() [Terms]string {
	return [Terms]string{"push", "push with changes", "file walked", "file listed", "file listed, and doubling of the catalog",
		"file linked", "file sent", "byte sent", "file that a basis is sought for", "file of over 1 MiB",
		"byte hashed", "push with differences", "file sent as a difference",
		"byte of such a file"}
}

// terms is how often each constant counts. An index lookup in the catalog goes down a
// tree, whose depth grows with the logarithm of what it holds.
func (p Push) terms() [Terms]float64 {
	return [Terms]float64{1, some(p.Told), p.Walked, p.Told, p.Told * math.Log2(1+p.Catalog/catalogUnit), p.Linked, p.Sent, p.Bytes, p.Sought,
		p.Alone, p.Hashed, some(p.Deltas), p.Deltas, p.Rebuilt}
}

// some is 1 if there are any.
func some(n float64) float64 { return min(n, 1) }

// catalogUnit is how many entries make little difference: all of the index is near at
// hand.
const catalogUnit = 10_000

// Law is a cost as a sum of terms, a constant for each. Its unit is that of the costs
// it was fitted to.
type Law [Terms]float64

// Of is the cost of a push.
func (l Law) Of(p Push) float64 {
	var sum float64
	for i, n := range p.terms() {
		sum += l[i] * n
	}
	return sum
}

// ErrSingular says that the measurements do not tell the constants apart.
var ErrSingular = errors.New("scale: the measurements do not vary enough to fit a law")

// Fit finds the law with the least squared relative error over the measurements, with no
// constant below zero: one that would be is left out and the others fitted again.
// Errors are relative to what the law says, by weights from the fit before: relative to
// what was measured, a law that says too little would seem better than one that says as
// much too much. Measurements that cost nothing are not used. A term that no measurement
// has is 0.
func Fit(pushes []Push, costs []float64) (Law, error) {
	scales := costs
	var l Law
	for range refits {
		var err error
		if l, err = fitPositive(pushes, costs, scales); err != nil {
			return l, err
		}
		scales = make([]float64, len(costs))
		for i, p := range pushes {
			scales[i] = max(l.Of(p), costs[i]/10)
		}
	}
	return l, nil
}

// refits is when the weights change no more, nearly.
const refits = 4

func fitPositive(pushes []Push, costs, scales []float64) (Law, error) {
	var use [Terms]bool
	for i := range use {
		use[i] = true
	}
	for {
		l, err := fit(pushes, costs, scales, use)
		if err != nil {
			return Law{}, err
		}
		worst := -1
		for i, v := range l {
			if v < 0 && (worst < 0 || v < l[worst]) {
				worst = i
			}
		}
		if worst < 0 {
			return l, nil
		}
		use[worst] = false
	}
}

// fit solves the normal equations of the columns in use, each measurement divided by its
// scale.
func fit(pushes []Push, costs, scales []float64, use [Terms]bool) (Law, error) {
	var a [Terms][Terms + 1]float64
	for i, p := range pushes {
		if costs[i] <= 0 {
			continue
		}
		row := p.terms()
		for j := range row {
			row[j] /= scales[i]
			if !use[j] {
				row[j] = 0
			}
		}
		for j := range Terms {
			for k := range Terms {
				a[j][k] += row[j] * row[k]
			}
			a[j][Terms] += row[j] * costs[i] / scales[i]
		}
	}
	return solve(a)
}

// solve is elimination with pivots; an empty column gives 0. Columns are scaled first,
// as bytes are a million times files.
func solve(a [Terms][Terms + 1]float64) (x Law, err error) {
	var scale [Terms]float64
	for j := range Terms {
		if scale[j] = math.Sqrt(a[j][j]); scale[j] == 0 {
			scale[j], a[j][j] = 1, 1
		}
	}
	for i := range Terms {
		for j := range Terms {
			a[i][j] /= scale[i] * scale[j]
		}
		a[i][Terms] /= scale[i]
	}
	for c := range Terms {
		p := c
		for r := c + 1; r < Terms; r++ {
			if math.Abs(a[r][c]) > math.Abs(a[p][c]) {
				p = r
			}
		}
		a[c], a[p] = a[p], a[c]
		if math.Abs(a[c][c]) < 1e-9 {
			return x, ErrSingular
		}
		for r := range Terms {
			if r == c {
				continue
			}
			f := a[r][c] / a[c][c]
			for k := c; k <= Terms; k++ {
				a[r][k] -= f * a[c][k]
			}
		}
	}
	for i := range Terms {
		x[i] = a[i][Terms] / a[i][i] / scale[i]
	}
	return x, nil
}
