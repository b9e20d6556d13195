package push

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// No more requests are under way than the server allows, and of them no more that have
// it rebuild archives than leave slots for questions.
func TestSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const many = 20
		var s slots
		s.limit(5)
		var rebuilds, questions atomic.Int64
		through := make(chan bool)
		begin := func(n *atomic.Int64, rebuild bool) {
			for range many {
				go func() {
					done, err := s.take(t.Context(), rebuild)
					if err != nil {
						t.Error(err)
						return
					}
					n.Add(1)
					<-through
					done()
				}()
			}
			synctest.Wait()
		}
		begin(&rebuilds, true)
		begin(&questions, false)
		if r, q := rebuilds.Load(), questions.Load(); r != maxRebuilds || q != 5-maxRebuilds {
			t.Errorf("%d requests that rebuild and %d questions at once, want %d and %d", r, q, maxRebuilds, 5-maxRebuilds)
		}
		close(through)
		synctest.Wait()
		if r, q := rebuilds.Load(), questions.Load(); r != many || q != many {
			t.Errorf("%d and %d of %d got through", r, q, many)
		}
	})
}
