package push

import (
	"context"

	"golang.org/x/sync/semaphore"
)

// maxRebuilds is how many requests that have the server rebuild archives are under way
// at once: as many as keep its cores busy. More would take the slots of questions.
const maxRebuilds = 3

// slots bound the requests of a push that are under way at once: the server refuses
// more than it said, and whoever is refused waits for seconds.
type slots struct {
	all      *semaphore.Weighted // nil until the server has said how many; then no bound
	rebuilds *semaphore.Weighted
}

// limit sets how many requests there may be; 0 is no bound.
func (s *slots) limit(n int) {
	s.all, s.rebuilds = nil, nil
	if n > 0 {
		s.all = semaphore.NewWeighted(int64(n))
		s.rebuilds = semaphore.NewWeighted(int64(min(n, maxRebuilds)))
	}
}

// take waits for a slot, and for one of those of requests that rebuild. Give it back
// with done.
func (s *slots) take(ctx context.Context, rebuilds bool) (done func(), err error) {
	done = func() {}
	if s.all == nil {
		return done, nil
	}
	if rebuilds {
		if err := s.rebuilds.Acquire(ctx, 1); err != nil {
			return done, err
		}
		done = func() { s.rebuilds.Release(1) }
	}
	if err := s.all.Acquire(ctx, 1); err != nil {
		done()
		return func() {}, err
	}
	other := done
	return func() { other(); s.all.Release(1) }, nil
}
