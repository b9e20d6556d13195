package remote

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
	"time"

	"github.com/pubsync/pubsync/sync/wire/gather"
)

// handshakeTimeout bounds dialling and the handshake, those that fail included.
const handshakeTimeout = 30 * time.Second

// dialTLS returns a connection to the server, the one that was made ahead if there is
// one.
func (c *Client) dialTLS(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := c.take(ctx)
	if conn == nil && err == nil {
		conn, err = c.connect(ctx, network, addr)
	}
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// connect connects to the server and has it prove who it is, by a ticket if there is
// one.
//
// The key exchange is by default one that also withstands quantum computers, for
// which each side sends more than a kilobyte. A session resumed by a ticket does
// without where the ticket itself comes from such an exchange: its keys are made of
// the secret of the ticket too, so that to read what was recorded one would have to
// break both, or have the ticket besides a quantum computer. A server that does not
// take the ticket would leave the exchange alone, so then all begins anew, with the
// usual one.
func (c *Client) connect(ctx context.Context, network, addr string) (*tls.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	k := c.tickets.get()
	if k != nil && k.Hybrid {
		conn, err := c.dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		config := c.tlsFor(addr)
		config.MinVersion = tls.VersionTLS13
		if k.HTTP2 {
			config.NextProtos = []string{"h2"} // a server that has forgotten it fails, and all begins anew
		}
		config.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP256}
		resumed, err := c.handshake(ctx, conn, config, k)
		if err == nil && resumed.ConnectionState().DidResume {
			return resumed, nil
		}
		conn.Close()
		c.tickets.put(nil)
		k = nil
	}
	conn, err := c.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	tlsConn, err := c.handshake(ctx, conn, c.tlsFor(addr), k)
	if err != nil {
		conn.Close()
		return nil, err
	}
	return tlsConn, nil
}

// tlsFor returns the settings of a connection to addr.
func (c *Client) tlsFor(addr string) *tls.Config {
	config := c.tls.Clone()
	config.NextProtos = []string{"h2", "http/1.1"}
	config.ServerName = addr
	if host, _, err := net.SplitHostPort(addr); err == nil {
		config.ServerName = host
	}
	return config
}

// handshake makes a TLS connection of conn, resuming the session of k unless that is
// nil. It closes nothing.
func (c *Client) handshake(ctx context.Context, conn net.Conn, config *tls.Config, k *ticket) (*tls.Conn, error) {
	box := &ticketBox{tickets: c.tickets, used: k}
	if c.tickets != nil {
		config.ClientSessionCache = box
	}
	t := tls.Client(gather.NewBundle(conn), config)
	if err := t.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	box.open(t.ConnectionState())
	return t, nil
}

// A ticketBox gives one connection its ticket and takes those that come over it, after
// the handshake. It implements [tls.ClientSessionCache].
type ticketBox struct {
	tickets *tickets
	used    *ticket // nil: none
	next    *ticket // what those that come are like; nil: none is kept
}

// open has tickets taken that come over a connection like this.
func (b *ticketBox) open(s tls.ConnectionState) {
	if b.tickets == nil || s.Version != tls.VersionTLS13 {
		return // older tickets carry the keys of the session itself
	}
	b.next = &ticket{Full: b.tickets.now().Unix(), Hybrid: slices.Contains(hybrids(), s.CurveID), HTTP2: s.NegotiatedProtocol == "h2"}
	if s.DidResume {
		b.next.Full, b.next.Hybrid = b.used.Full, b.used.Hybrid || b.next.Hybrid
	}
}

// hybrids are the key exchanges that withstand quantum computers.
func hybrids() []tls.CurveID {
	return []tls.CurveID{tls.X25519MLKEM768, tls.SecP256r1MLKEM768, tls.SecP384r1MLKEM1024}
}

// Get implements [tls.ClientSessionCache].
func (b *ticketBox) Get(string) (*tls.ClientSessionState, bool) {
	if b.used == nil {
		return nil, false
	}
	s := b.used.session()
	return s, s != nil
}

// Put implements [tls.ClientSessionCache].
func (b *ticketBox) Put(_ string, s *tls.ClientSessionState) {
	if s == nil || b.next == nil {
		return
	}
	label, state, err := s.ResumptionState()
	if err != nil || state == nil {
		return
	}
	coded, err := state.Bytes()
	if err != nil {
		return
	}
	b.tickets.put(&ticket{Full: b.next.Full, Hybrid: b.next.Hybrid, Label: label, State: coded})
}
