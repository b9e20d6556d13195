package token

import (
	"context"
	"sync"

	"github.com/pubsync/pubsync/server/store"
)

// Calls are paid for in blocks. The record says what has been paid; a callBook
// holds what of that has not been used yet, in memory. Two servers on one
// database each pay for their own blocks, so that together they never admit
// more calls than granted. A crash loses what was paid and not used: at most
// a hundredth of the grant (256 at most; nothing for grants below 200), and
// never to the token's advantage.
type callBook struct {
	mu   sync.Mutex
	left *lru[string, int64] // by accessor
}

// maxBooked is for how many tokens unused calls are remembered. A token
// forgotten loses them as in a crash.
const maxBooked = 50_000

func newCallBook() *callBook { return &callBook{left: newLRU[string, int64](maxBooked)} }

// callBlock returns how many calls are paid for at once under a grant of limit.
func callBlock(limit int64) int64 { return min(max(limit/100, 1), 256, limit) }

func (b *callBook) add(accessor string, n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	had, _ := b.left.get(accessor)
	b.left.put(accessor, had+n)
}

// spend takes one call from every token of the chain, or from none, and
// returns the accessors that have none left.
func (b *callBook) spend(c chain) (lacking []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range c {
		if n, _ := b.left.get(t.Accessor); n < 1 {
			lacking = append(lacking, t.Accessor)
		}
	}
	if len(lacking) > 0 {
		return lacking
	}
	for _, t := range c {
		n, _ := b.left.get(t.Accessor)
		b.left.put(t.Accessor, n-1)
	}
	return nil
}

// unused returns how many paid calls of the token are left here.
func (b *callBook) unused(accessor string) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	n, _ := b.left.get(accessor)
	return n
}

// drain empties the book and returns what was in it.
func (b *callBook) drain() map[string]int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make(map[string]int64)
	b.left.each(func(accessor string, n int64) {
		if n > 0 {
			all[accessor] = n
		}
	})
	b.left = newLRU[string, int64](maxBooked)
	return all
}

// spendCall spends a call of every token in the chain, paying for more where
// needed. Error: *Denied with CodeCallsExhausted.
func (s *Service) spendCall(ctx context.Context, c chain) error {
	lacking := s.calls.spend(c)
	if lacking == nil {
		return nil
	}
	// One at a time for all that share a root: a second payer must find what
	// the first has bought before it concludes that nothing is left.
	root := c[len(c)-1].Accessor
	mu := &s.leasing[root[0]%byte(len(s.leasing))]
	mu.Lock()
	defer mu.Unlock()
	for {
		lacking = s.calls.spend(c)
		if lacking == nil {
			return nil
		}
		if err := s.payCalls(ctx, lacking); err != nil {
			return err
		}
	}
}

// payCalls pays for a block of calls of each of the tokens, or of none.
func (s *Service) payCalls(ctx context.Context, accessors []string) error {
	paid := make(map[string]int64)
	err := s.cfg.Records.Update(ctx, func(tx store.Tx) error {
		clear(paid)
		for _, a := range accessors {
			t, err := getToken(tx, a)
			if err != nil {
				return err
			}
			n := min(callBlock(t.Grant.Calls), t.Grant.Calls-t.Spent.Calls)
			if n < 1 {
				return deny(CodeCallsExhausted, "all %d calls are spent", t.Grant.Calls)
			}
			t.Spent.Calls += n
			paid[a] = n
			if err := putToken(tx, t); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for a, n := range paid {
		s.calls.add(a, n)
	}
	return nil
}

// Close gives back the calls that were paid for and not used. The service must
// not be used after it; nothing but those calls is lost without it.
func (s *Service) Close(ctx context.Context) error {
	unused := s.calls.drain()
	if len(unused) == 0 {
		return nil
	}
	return s.cfg.Records.Update(ctx, func(tx store.Tx) error {
		for a, n := range unused {
			t, err := getToken(tx, a)
			if err != nil {
				continue // pruned meanwhile
			}
			t.Spent.Calls -= n
			if err := putToken(tx, t); err != nil {
				return err
			}
		}
		return nil
	})
}

// gates count the requests of each token that are under way in this process.
type gates struct {
	mu   sync.Mutex
	open map[string]int64
}

func newGates() *gates { return &gates{open: make(map[string]int64)} }

// enter counts a request of every token of the chain, or of none and returns
// false if one has as many as it may.
func (g *gates) enter(c chain) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, t := range c {
		if g.open[t.Accessor] >= t.Grant.Parallel {
			return false
		}
	}
	for _, t := range c {
		g.open[t.Accessor]++
	}
	return true
}

func (g *gates) leave(c chain) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, t := range c {
		if g.open[t.Accessor]--; g.open[t.Accessor] <= 0 {
			delete(g.open, t.Accessor)
		}
	}
}
