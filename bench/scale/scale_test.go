package scale

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func pushesFor(n int) []Push {
	rng := rand.New(rand.NewPCG(1, 2))
	var all []Push
	for range n {
		p := Push{Walked: float64(1 + rng.IntN(20000)), Catalog: float64(rng.IntN(1_000_000))}
		if rng.IntN(4) > 0 {
			p.Told = p.Walked
			p.Linked, p.Sent = math.Floor(p.Told*rng.Float64()/2), math.Floor(p.Told*rng.Float64()/2)
			p.Bytes, p.Sought = p.Sent*float64(rng.IntN(100_000)), math.Floor(p.Sent*rng.Float64())
			p.Alone = math.Floor(p.Sent * rng.Float64())
			p.Hashed = p.Bytes * (1 + rng.Float64())
			p.Deltas = float64(rng.IntN(2) * rng.IntN(100))
			p.Rebuilt = p.Deltas * float64(rng.IntN(1_000_000))
		}
		all = append(all, p)
	}
	return all
}

// A law is found again from what it costs.
func TestFit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var want Law
		for i, typical := range []float64{1e-2, 1e-2, 3e-6, 3e-6, 1e-6, 1e-5, 3e-5, 5e-9, 1e-5, 1e-4, 1e-9, 1e-2, 1e-4, 5e-9} {
			want[i] = typical * rapid.Float64Range(0.3, 3).Draw(t, Names()[i])
		}
		pushes := pushesFor(200)
		var costs []float64
		for _, p := range pushes {
			costs = append(costs, want.Of(p))
		}
		got, err := Fit(pushes, costs)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range pushesFor(50) {
			if a, b := got.Of(p), want.Of(p); math.Abs(a-b) > 1e-6*b {
				t.Fatalf("%+v costs %v, want %v", p, a, b)
			}
		}
	})
}

// No constant is negative, whatever the measurements say.
func TestFitKeepsSigns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pushes := pushesFor(60)
		costs := rapid.SliceOfN(rapid.Float64Range(0.01, 10), 60, 60).Draw(t, "costs")
		l, err := Fit(pushes, costs)
		if errors.Is(err, ErrSingular) {
			return
		}
		if err != nil || slices.Min(l[:]) < 0 {
			t.Fatalf("%+v %v", l, err)
		}
	})
}

// One core and exponential service: the wait is rho/(1-rho) times the service.
func TestWaitOfOneCore(t *testing.T) {
	l := Load{PerSecond: 5, Service: 0.1, Spread: 1}
	if got, want := (Server{1}).Wait(l), 0.1; math.Abs(got-want) > 1e-12 {
		t.Errorf("wait %v, want %v", got, want)
	}
	if !math.IsInf((Server{1}).Wait(Load{PerSecond: 11, Service: 0.1}), 1) {
		t.Error("an overloaded server keeps up")
	}
}

// The simulation agrees with the formula.
func TestSimulate(t *testing.T) {
	for _, cores := range []int{1, 2, 8, 32} {
		for _, rho := range []float64{0.5, 0.7, 0.85} {
			l := Load{PerSecond: rho * float64(cores) / 0.2, Service: 0.2, Spread: 1}
			s := Server{cores}
			got, want := s.Simulate(l, 300_000, 7), s.Wait(l)
			if math.Abs(got-want) > 0.15*want+0.0005 {
				t.Errorf("%d cores at %v: simulated wait %v s, formula %v s", cores, rho, got, want)
			}
		}
	}
}
