package remote

import (
	"sync"
	"time"
)

// A way is shared by the bodies that a client sends at once: of those with different
// ranks the least goes, and of each of the others a piece now and then, since a server
// cuts a body of which nothing comes. It is safe for concurrent use.
type way struct {
	mu      sync.Mutex
	under   map[int64]int // bodies under way, by rank
	changed chan struct{} // closed when a rank has gone, and replaced; nil while nobody waits
}

// longestStop is how long a body waits between two pieces.
const longestStop = time.Second

// enter announces a body. The caller calls leave, as often as it likes, once all of it is
// handed to the connection, or will not be.
func (w *way) enter(rank int64) (leave func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.under == nil {
		w.under = map[int64]int{}
	}
	w.under[rank]++
	return sync.OnceFunc(func() { w.leave(rank) })
}

func (w *way) leave(rank int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.under[rank]--; w.under[rank] > 0 {
		return
	}
	delete(w.under, rank)
	if w.changed != nil {
		close(w.changed)
		w.changed = nil
	}
}

// give waits while a body of a lesser rank is under way, until stop is closed, or for a
// while.
func (w *way) give(rank int64, stop <-chan struct{}) {
	var after *time.Timer
	for {
		changed := w.before(rank)
		if changed == nil {
			return
		}
		if after == nil {
			after = time.NewTimer(longestStop)
			defer after.Stop()
		}
		select {
		case <-changed:
		case <-stop:
			return
		case <-after.C:
			return
		}
	}
}

// before returns what is closed once those of lesser rank may have gone, or nil if there
// are none.
func (w *way) before(rank int64) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	for other := range w.under {
		if other >= rank {
			continue
		}
		if w.changed == nil {
			w.changed = make(chan struct{})
		}
		return w.changed
	}
	return nil
}
