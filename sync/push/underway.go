package push

import "sync"

// underway counts the windows that are cut and not through. It is safe for concurrent
// use.
type underway struct {
	mu  sync.Mutex
	n   int
	all bool // there will be no more
}

func (u *underway) begin()  { u.mu.Lock(); u.n++; u.mu.Unlock() }
func (u *underway) end()    { u.mu.Lock(); u.n--; u.mu.Unlock() }
func (u *underway) cutAll() { u.mu.Lock(); u.all = true; u.mu.Unlock() }

// last reports whether the caller's window is the only one left.
func (u *underway) last() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.all && u.n == 1
}

// commitsWith reports whether the commit can ride on the last content of a window: no
// other is under way, nor to come.
func (p *pusher) commitsWith(w *window) bool {
	if p.opts.DryRun {
		return false
	}
	if w.only {
		return true
	}
	p.events.Lock()
	defer p.events.Unlock()
	return len(p.twins) == 0 && p.under.last()
}
