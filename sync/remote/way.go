package remote

import (
	"sync"
	"time"
)

// A way is shared by the bodies that a client sends at once: of those with different
// ranks the least goes. Others wait while it does, but for a piece now and then, since a
// server cuts a body of which nothing comes; and not for one that does not move, because
// the server is busy with what it has of it. It is safe for concurrent use.
type way struct {
	now func() time.Time

	mu      sync.Mutex
	under   map[int64]*ranked // bodies under way, by rank
	changed chan struct{}     // closed when a rank has gone, and replaced; nil while nobody waits
}

// Those ranked are the bodies under way of one rank.
type ranked struct {
	n     int
	moved time.Time // when a piece of one went
}

// longestStop is how long a body waits between two pieces, and for one that does not move.
const longestStop = time.Second

// enter announces a body. The caller calls leave, as often as it likes, once all of it is
// handed to the connection, or will not be.
func (w *way) enter(rank int64) (leave func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.under == nil {
		w.under = map[int64]*ranked{}
	}
	r := w.under[rank]
	if r == nil {
		r = &ranked{}
		w.under[rank] = r
	}
	r.n++
	r.moved = w.now()
	return sync.OnceFunc(func() { w.leave(rank) })
}

func (w *way) leave(rank int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.under[rank]
	if r.n--; r.n > 0 {
		return
	}
	delete(w.under, rank)
	if w.changed != nil {
		close(w.changed)
		w.changed = nil
	}
}

// move waits until a piece of a body may go, or stop is closed.
func (w *way) move(rank int64, stop <-chan struct{}) {
	w.give(rank, stop)
	w.mu.Lock()
	defer w.mu.Unlock()
	if r := w.under[rank]; r != nil {
		r.moved = w.now()
	}
}

// give waits while bodies of a lesser rank move, until stop is closed, or for a while.
func (w *way) give(rank int64, stop <-chan struct{}) {
	var after *time.Timer
	for {
		changed, moved := w.before(rank)
		if changed == nil {
			return
		}
		if after == nil {
			after = time.NewTimer(longestStop - w.now().Sub(moved))
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
// are none, and when the last of them moved.
func (w *way) before(rank int64) (changed <-chan struct{}, moved time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for other, r := range w.under {
		if other >= rank {
			continue
		}
		if w.changed == nil {
			w.changed = make(chan struct{})
		}
		changed = w.changed
		if r.moved.After(moved) {
			moved = r.moved
		}
	}
	return changed, moved
}
