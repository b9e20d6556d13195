package server

import (
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/pubsync/pubsync/sync/wire"
)

// Load bounds the requests served at once; 0 is no bound.
type Load struct {
	Total      int
	PerAddress int // for one IPv4 address or one /64 of IPv6
}

// busyWait is after how long a request that was too many may be repeated.
const busyWait = time.Second

// A gate counts the requests being served, or the connections. Nobody waits in
// it: who is too many is told to come again.
type gate struct {
	load Load

	mu     sync.Mutex
	total  int
	served map[netip.Prefix]int
}

func newGate(l Load) *gate { return &gate{load: l, served: map[netip.Prefix]int{}} }

// neighbours is what counts as one address.
func neighbours(a netip.Addr) netip.Prefix {
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits)
	return p
}

// enter admits one more from an address (the zero one is bounded only with all
// others) or refuses it with code "busy" or "parallel"; call leave when it is
// over.
func (g *gate) enter(from netip.Addr) (leave func(), err error) {
	who := neighbours(from)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.load.Total > 0 && g.total >= g.load.Total {
		return nil, later(wire.CodeBusy, "the server is serving as many requests as it can")
	}
	if g.load.PerAddress > 0 && from.IsValid() && g.served[who] >= g.load.PerAddress {
		return nil, later(wire.CodeParallel, "too many requests at once from this address")
	}
	g.total++
	g.served[who]++
	return func() { g.leave(who) }, nil
}

func (g *gate) leave(who netip.Prefix) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.total--
	if g.served[who]--; g.served[who] == 0 {
		delete(g.served, who)
	}
}

func later(code wire.Code, why string) error {
	e := wire.Errorf(code, "%s", why)
	e.RetryAfter = busyWait
	return e
}

// pass lets a request in, unless it only asks whether the server is alive: that
// is answered whatever the load.
func (s *Server) pass(r *http.Request) (leave func(), err error) {
	if r.URL.Path == healthPath {
		return func() {}, nil
	}
	return s.gate.enter(s.source(r))
}
