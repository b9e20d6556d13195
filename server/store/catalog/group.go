package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// groupSize is how many changes one transaction takes at most.
const groupSize = 64

// A change is what one caller of write wants done.
type change struct {
	ctx      context.Context
	f        func(*conn) error
	again    bool          // f may be run again after a transaction that failed
	done     chan struct{} // closed once err and panicked are set
	err      error
	panicked any
}

func (p *change) result() error {
	if p.panicked != nil {
		panic(p.panicked)
	}
	return p.err
}

// queue holds the changes that wait for the writer, oldest first.
type queue struct {
	mu      sync.Mutex
	waiting []*change
}

func (q *queue) add(p *change) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, p)
}

// withdraw removes p and reports whether it was still waiting.
func (q *queue) withdraw(p *change) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.Index(q.waiting, p)
	if i < 0 {
		return false
	}
	q.waiting = slices.Delete(q.waiting, i, i+1)
	return true
}

func (q *queue) take(n int) []*change {
	q.mu.Lock()
	defer q.mu.Unlock()
	n = min(n, len(q.waiting))
	group := slices.Clone(q.waiting[:n])
	q.waiting = slices.Delete(q.waiting, 0, n)
	return group
}

// write runs f in the write transaction. It is durable when write returns nil.
// Changes that come while another is being written share the transaction after
// it, and so its sync (group commit): each within a savepoint of its own, so
// that the failure of one leaves the others alone. f may therefore run on
// another caller's goroutine.
func (c *Catalog) write(ctx context.Context, f func(*conn) error) error {
	return c.enqueue(&change{ctx: ctx, f: f, done: make(chan struct{})})
}

// writeAgain is write for an f that does nothing but change rows, and may be run again:
// several of them share a transaction without savepoints, for each of which SQLite keeps
// a copy, in memory, of every page that is changed within it.
func (c *Catalog) writeAgain(ctx context.Context, f func(*conn) error) error {
	return c.enqueue(&change{ctx: ctx, f: f, again: true, done: make(chan struct{})})
}

// enqueue has a change written, by this goroutine or another.
func (c *Catalog) enqueue(p *change) error {
	ctx := p.ctx
	if err := ctx.Err(); err != nil {
		return err
	}
	c.queue.add(p)
	for {
		select {
		case <-p.done:
			return p.result()
		case w := <-c.writer:
			c.writeGroup(w, c.queue.take(groupSize))
			c.writer <- w
			c.check.wake()
		case <-ctx.Done():
			if c.queue.withdraw(p) {
				return ctx.Err()
			}
			<-p.done // it is being written: what becomes of it counts
			return p.result()
		}
	}
}

// writeGroup writes the changes in one transaction and tells each what became
// of it.
func (c *Catalog) writeGroup(w *conn, group []*change) {
	defer func() {
		for _, p := range group {
			close(p.done)
		}
	}()
	switch {
	case len(group) == 0:
	case len(group) == 1:
		writeWith(w, group, (*change).runBare)
	case !slices.ContainsFunc(group, func(p *change) bool { return !p.again }):
		if writeWith(w, group, (*change).runBare) == nil {
			return
		}
		for i := range group { // one failed, and undid the others
			group[i].err, group[i].panicked = nil, nil
			writeWith(w, group[i:i+1], (*change).runBare)
		}
	default:
		writeWith(w, group, (*change).runWithin)
	}
}

// writeWith runs changes by way of run in one transaction. If that is lost all of them
// have failed.
func writeWith(w *conn, group []*change, run func(*change, *conn) error) error {
	err := w.transact(func() error {
		for _, p := range group {
			if err := run(p, w); err != nil {
				return err
			}
		}
		return nil
	})
	for _, p := range group {
		if p.err == nil {
			p.err = err
		}
	}
	return err
}

// errPanicked is the error of a change that panicked, whose caller is told in
// the same way.
var errPanicked = errors.New("panicked")

// run does the change and notes its error.
func (p *change) run(w *conn) {
	defer func() {
		if v := recover(); v != nil {
			p.err, p.panicked = errPanicked, v
		}
	}()
	if p.err = p.ctx.Err(); p.err == nil {
		p.err = p.f(w)
	}
}

// runBare does the change, and returns its error: the transaction is lost for all.
func (p *change) runBare(w *conn) error {
	p.run(w)
	return p.err
}

// runWithin does the change within a savepoint. It returns an error if the
// transaction is lost for all.
func (p *change) runWithin(w *conn) error {
	if _, err := w.exec("SAVEPOINT change"); err != nil {
		return err
	}
	if p.run(w); p.err != nil {
		if _, err := w.exec("ROLLBACK TO change"); err != nil {
			// A full disk, say, has undone everything already.
			return fmt.Errorf("%w; another change of its transaction failed: %w", err, p.err)
		}
	}
	_, err := w.exec("RELEASE change")
	return err
}
