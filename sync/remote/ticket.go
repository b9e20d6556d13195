package remote

import (
	"crypto/tls"
	"sync"
	"time"
)

// A ticket is what a TLS 1.3 session is resumed by: the server's certificate is not
// sent again, and the keys come from the session before and a fresh key exchange.
// The certificate is checked all the same, against the pin or the authorities as they
// are now, since it is kept in the ticket.
//
// Tickets are kept in files that only their owner may read; there is no token in them,
// nor anything else that the server would take for who is asking. Whoever steals one
// can pretend to be that server to this client, if they are also where its connections
// pass, and so be handed the next token: until the client has used it, for then there
// is another, and for a week at most. What was recorded of connections cannot be read
// with it, whose keys come from exchanges of their own.
type ticket struct {
	Full   int64  `json:"full"`   // when the server last proved itself by its certificate; Unix seconds
	Hybrid bool   `json:"hybrid"` // its keys come from an exchange that withstands quantum computers
	HTTP2  bool   `json:"http2"`  // the server spoke it
	Label  []byte `json:"ticket"`
	State  []byte `json:"state"`
}

// maxTicketAge is how long sessions go on without a full handshake, as RFC 8446 asks of
// single tickets in section 4.6.1.
const maxTicketAge = 7 * 24 * time.Hour

// valid reports whether the session may go on. A nil ticket is not valid.
func (k *ticket) valid(now time.Time) bool {
	if k == nil {
		return false
	}
	age := now.Sub(time.Unix(k.Full, 0))
	return 0 <= age && age < maxTicketAge
}

// session returns the ticket as package tls takes it, nil if it cannot be.
func (k *ticket) session() *tls.ClientSessionState {
	state, err := tls.ParseSessionState(k.State)
	if err != nil {
		return nil
	}
	s, err := tls.NewResumptionState(k.Label, state)
	if err != nil {
		return nil
	}
	return s
}

// tickets keeps the newest ticket of one server. What goes wrong with that costs a full
// handshake. It is safe for concurrent use.
type tickets struct {
	kept keepsake
	now  func() time.Time

	mu     sync.Mutex
	loaded bool
	newest *ticket
}

// newTickets returns the tickets of the server that cfg names and of how its identity
// is checked; nil if none are to be kept.
func newTickets(cfg Config, host string) *tickets {
	if cfg.Tickets == "" {
		return nil
	}
	return &tickets{kept: keepsakeOf(cfg.Tickets, cfg, host), now: cfg.Now}
}

// get returns the newest ticket, nil if none is valid.
func (t *tickets) get() *ticket {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.loaded {
		t.loaded, t.newest = true, t.load()
	}
	if !t.newest.valid(t.now()) {
		return nil
	}
	return t.newest
}

func (t *tickets) load() *ticket {
	k := &ticket{}
	if !t.kept.load(k) || k.session() == nil {
		return nil
	}
	return k
}

// put keeps a ticket, or with nil forgets the one that was.
func (t *tickets) put(k *ticket) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.loaded, t.newest = true, k
	if k == nil {
		t.kept.forget()
	} else {
		t.kept.keep(k)
	}
}
