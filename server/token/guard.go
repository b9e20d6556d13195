package token

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/pubsync/pubsync/server/store"
)

// Guard holds the thresholds against guessing. They apply to one IPv4 address
// or one IPv6 network of 64 bits. A zero field takes its default.
type Guard struct {
	Free      int           // wrong secrets answered without delay; default 3
	Delay     time.Duration // of the answer to the next, doubling with each; default 100 ms
	MaxDelay  time.Duration // the longest; default 2 s
	Ban       int           // wrong secrets within Window that ban the address; default 20
	Window    time.Duration // after so long without a wrong secret all is forgotten; default 10 min
	BanFor    time.Duration // how long a ban lasts; default 10 min
	Addresses int           // how many are remembered, those heard of longest ago going first; default 65,536
}

func (g Guard) withDefaults() Guard {
	if g.Free == 0 {
		g.Free = 3
	}
	if g.Delay == 0 {
		g.Delay = 100 * time.Millisecond
	}
	if g.MaxDelay == 0 {
		g.MaxDelay = 2 * time.Second
	}
	if g.Ban == 0 {
		g.Ban = 20
	}
	if g.Window == 0 {
		g.Window = 10 * time.Minute
	}
	if g.BanFor == 0 {
		g.BanFor = 10 * time.Minute
	}
	if g.Addresses == 0 {
		g.Addresses = 1 << 16
	}
	return g
}

// A suspect is what is remembered of an address.
type suspect struct {
	wrong  int       // secrets, within the window
	last   time.Time // of the last wrong one
	banned time.Time // until when
}

// guard remembers which addresses guess. It is safe for concurrent use.
type guard struct {
	Guard
	mu   sync.Mutex
	seen *lru[netip.Addr, suspect]
}

func newGuard(g Guard) *guard {
	return &guard{Guard: g, seen: newLRU[netip.Addr, suspect](g.Addresses)}
}

// site returns what a guesser cannot easily change of an address: one customer
// usually has all of a 64-bit IPv6 network.
func site(a netip.Addr) netip.Addr {
	if a.Is4() {
		return a
	}
	p, err := a.Prefix(64)
	if err != nil {
		return a
	}
	return p.Addr()
}

// blocked returns a *Denied with CodeBanned while the address is banned.
func (g *guard) blocked(from netip.Addr, now time.Time) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	s, ok := g.seen.get(site(from))
	if !ok || !now.Before(s.banned) {
		return nil
	}
	d := deny(CodeBanned, "too many wrong tokens from this address; try again later")
	d.RetryAfter = s.banned.Sub(now)
	return d
}

// wrong counts a wrong secret. It returns how long to delay the answer, and
// whether this one banned the address.
func (g *guard) wrong(from netip.Addr, now time.Time) (delay time.Duration, ban bool) {
	if !from.IsValid() {
		return g.MaxDelay, false // an address nobody knows cannot be told from others
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	s, _ := g.seen.get(site(from))
	if now.Sub(s.last) > g.Window {
		s = suspect{}
	}
	s.wrong++
	s.last = now
	if s.wrong >= g.Ban && !now.Before(s.banned) {
		s.wrong, s.banned, ban = 0, now.Add(g.BanFor), true
	}
	g.seen.put(site(from), s)
	return g.delay(s.wrong), ban
}

func (g *guard) delay(wrong int) time.Duration {
	n := wrong - g.Free
	if n <= 0 {
		return 0
	}
	if n > 16 {
		return g.MaxDelay
	}
	return min(g.Delay<<(n-1), g.MaxDelay)
}

// Blocked returns a *Denied with CodeBanned while the address is banned.
// [Service.Admit] and [Service.Scheduler] ask for themselves.
func (s *Service) Blocked(from netip.Addr) error {
	err := s.guard.blocked(plainAddr(from), s.now())
	if err != nil {
		s.cfg.Counters.Add(CountRefused, string(CodeBanned), 1)
	}
	return err
}

// Guessed counts a wrong proof of identity of another kind (a forged identity
// token, a wrong password) against the address as Admit counts wrong tokens, and
// delays the caller.
func (s *Service) Guessed(ctx context.Context, from netip.Addr, code Code) {
	from = plainAddr(from)
	delay, ban := s.guard.wrong(from, s.now())
	s.cfg.Counters.Add(CountRefused, string(code), 1)
	s.record(ctx, Event{Kind: EventRefuse, From: from, Code: code})
	if ban {
		s.cfg.Counters.Add(CountBanned, "", 1)
		s.alert(ctx, Alert{Kind: AlertBan, From: from, Text: "address banned for guessing"})
	}
	s.cfg.Sleep(ctx, delay)
}

// guessed counts a wrong token and returns the answer to it.
func (s *Service) guessed(ctx context.Context, from netip.Addr) error {
	s.Guessed(ctx, from, CodeInvalid)
	return errInvalid()
}

// record writes an event outside of any other transaction, unless refusals come
// in faster than is worth keeping.
func (s *Service) record(ctx context.Context, e Event) {
	suppressed, ok := s.refusals.admit(s.now())
	if !ok {
		s.cfg.Counters.Add(CountUnlogged, "", 1)
		return
	}
	e.Suppressed = suppressed
	// The client may be gone; what it did is written down all the same.
	err := s.cfg.Records.Update(context.WithoutCancel(ctx), func(tx store.Tx) error { return s.audit(tx, e) })
	if err != nil {
		s.cfg.Counters.Add(CountUnlogged, "", 1)
	}
}
