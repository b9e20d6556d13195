package archive

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// heaviest tries all subsequences.
func heaviest(copies []Copy, from int64) int64 {
	if len(copies) == 0 {
		return 0
	}
	most := heaviest(copies[1:], from)
	if c := copies[0]; c.Old >= from {
		most = max(most, c.Len+heaviest(copies[1:], c.Old+c.Len))
	}
	return most
}

func TestForwardCoversTheMost(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 300 {
		var copies []Copy
		at := int64(0)
		for range rng.IntN(11) {
			n := 1 + rng.Int64N(9)
			copies = append(copies, Copy{New: at, Old: rng.Int64N(40), Len: n})
			at += n + rng.Int64N(3)
		}
		got, covered := forward(slices.Clone(copies)), int64(0)
		sorted := true
		for i, c := range got {
			sorted = sorted && (i == 0 || c.Old >= got[i-1].Old)
			covered += c.Len
		}
		if !sorted {
			t.Fatalf("%v goes backwards in %v", got, copies)
		}
		// Copies may overlap in Old where all of them ascend anyway.
		if want := heaviest(copies, 0); covered < want {
			t.Fatalf("%v covers %d bytes of %v, want %d", got, covered, copies, want)
		}
	}
}
