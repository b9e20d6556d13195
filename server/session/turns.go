package session

import (
	"context"
	"slices"
	"sync"

	"github.com/pubsync/pubsync/server/store"
)

// turns bounds how many archives are taken apart or rebuilt at once, each of which may
// take 64 MiB of memory and two cores. Of those that wait the next is one of the session
// that has the fewest in work, of these the one that came first; and there is one turn
// more for a session that has none: a push of a hundred archives has all cores while it
// is alone, and holds up no other. It is safe for concurrent use.
type turns struct {
	mu      sync.Mutex
	free    int // less than zero once the one more is taken
	taken   map[store.SessionID]int
	waiting []*waiter // those that came first at the front
}

// A waiter waits for a turn.
type waiter struct {
	who  store.SessionID
	turn chan struct{} // closed once it has one
}

// newTurns returns n turns.
func newTurns(n int) *turns { return &turns{free: n, taken: map[store.SessionID]int{}} }

// take waits for a turn. The caller calls done once when it is through. who is "" for
// work that is of no session.
func (t *turns) take(ctx context.Context, who store.SessionID) (done func(), err error) {
	w := &waiter{who, make(chan struct{})}
	t.mu.Lock()
	t.waiting = append(t.waiting, w)
	t.deal()
	t.mu.Unlock()
	select {
	case <-w.turn:
		return func() { t.giveBack(who) }, nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	i := slices.Index(t.waiting, w)
	if i >= 0 {
		t.waiting = slices.Delete(t.waiting, i, i+1)
	}
	t.mu.Unlock()
	if i < 0 { // it had just come
		t.giveBack(who)
	}
	return nil, ctx.Err()
}

func (t *turns) giveBack(who store.SessionID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.free++
	if t.taken[who]--; t.taken[who] == 0 {
		delete(t.taken, who)
	}
	t.deal()
}

// deal deals out the turns that are free.
func (t *turns) deal() {
	for len(t.waiting) > 0 {
		i := t.next()
		w := t.waiting[i]
		if t.free < 0 || t.free == 0 && t.taken[w.who] > 0 {
			return
		}
		t.waiting = slices.Delete(t.waiting, i, i+1)
		t.free--
		t.taken[w.who]++
		close(w.turn)
	}
}

// next is the place of who is next among those that wait.
func (t *turns) next() (first int) {
	for i, w := range t.waiting {
		if t.taken[w.who] < t.taken[t.waiting[first].who] {
			first = i
		}
	}
	return first
}
