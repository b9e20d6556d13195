package scale

import (
	"container/heap"
	"math"
	"math/rand/v2"
)

// Server is what publishers push to.
type Server struct {
	Cores int
}

// Load is publishers that push independently of each other.
type Load struct {
	PerSecond float64 // pushes, of all publishers together
	Service   float64 // seconds of one core that a push takes in the mean
	Spread    float64 // standard deviation of that over its mean
}

// Utilisation is the share of the cores that is busy; at 1 and above pushes pile up.
func (s Server) Utilisation(l Load) float64 { return l.PerSecond * l.Service / float64(s.Cores) }

// Wait is how many seconds a push waits for a core in the mean, and infinite if the
// load is more than the cores can do: Erlang's C formula, times (1 + spread squared)/2
// (Allen and Cunneen, 1978).
func (s Server) Wait(l Load) float64 {
	rho := s.Utilisation(l)
	if rho >= 1 {
		return math.Inf(1)
	}
	offered := l.PerSecond * l.Service
	// Erlang's B by its recursion, which does not overflow, then C from B.
	b := 1.0
	for n := 1; n <= s.Cores; n++ {
		b = offered * b / (float64(n) + offered*b)
	}
	c := b / (1 - rho*(1-b))
	return c * l.Service / (float64(s.Cores) * (1 - rho)) * (1 + l.Spread*l.Spread) / 2
}

// Most is how many pushes a second the server does at a utilisation, such as 0.7.
func (s Server) Most(service, utilisation float64) float64 {
	return utilisation * float64(s.Cores) / service
}

// Simulate plays n pushes out and gives the mean wait in seconds. Service times are
// lognormal with the load's mean and spread. The same seed gives the same answer.
func (s Server) Simulate(l Load, n int, seed uint64) float64 {
	rng := rand.New(rand.NewPCG(seed, 1))
	free := make(times, s.Cores)
	sigma2 := math.Log(1 + l.Spread*l.Spread)
	mu := math.Log(l.Service) - sigma2/2
	var now, waited float64
	for range n {
		now += rng.ExpFloat64() / l.PerSecond
		start := max(now, free[0])
		waited += start - now
		free[0] = start + math.Exp(mu+math.Sqrt(sigma2)*rng.NormFloat64())
		heap.Fix(&free, 0)
	}
	return waited / float64(n)
}

// times is when each core is free, the soonest first.
type times []float64

func (t times) Len() int           { return len(t) }
func (t times) Less(i, j int) bool { return t[i] < t[j] }
func (t times) Swap(i, j int)      { t[i], t[j] = t[j], t[i] }
func (t *times) Push(any)          { panic("a server does not grow") }
func (t *times) Pop() any          { panic("a server does not shrink") }
