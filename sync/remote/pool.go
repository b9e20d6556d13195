package remote

import (
	"crypto/tls"
	"maps"
	"net/http"
	"slices"
	"sync"

	"golang.org/x/net/http2"

	"github.com/pubsync/pubsync/sync/wire/gather"
)

// speakHTTP2 has a transport speak HTTP/2 where the server does, over connections that
// gather what it writes, and returns these. Package net/http itself, of which this is
// the same implementation, takes no connection but a [*tls.Conn]: of what package http2
// calls deprecated in its favour, this has no successor there.
func speakHTTP2(t *http.Transport) (*pool, error) {
	h2, err := http2.ConfigureTransports(t)
	if err != nil {
		return nil, err
	}
	p := &pool{conns: map[string][]*http2.ClientConn{}}
	h2.ConnPool = p
	t.TLSNextProto[http2.NextProtoTLS] = func(addr string, c *tls.Conn) http.RoundTripper {
		conn, err := h2.NewClientConn(gather.Client(c))
		if err != nil {
			c.Close()
			return failing{err}
		}
		p.add(addr, conn)
		return h2
	}
	return p, nil
}

// failing answers requests for a connection that was of no use.
type failing struct{ err error }

func (f failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }

// A pool holds the HTTP/2 connections of a client, of each address its own. It makes
// none: where it has none the transport connects. It implements [http2.ClientConnPool].
type pool struct {
	mu    sync.Mutex
	conns map[string][]*http2.ClientConn // by host and port
}

func (p *pool) add(addr string, c *http2.ClientConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[addr] = append(p.conns[addr], c)
}

// GetClientConn implements [http2.ClientConnPool].
func (p *pool) GetClientConn(_ *http.Request, addr string) (*http2.ClientConn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns[addr] {
		if c.ReserveNewRequest() {
			return c, nil
		}
	}
	return nil, http2.ErrNoCachedConn
}

// MarkDead implements [http2.ClientConnPool].
func (p *pool) MarkDead(dead *http2.ClientConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for addr, conns := range p.conns {
		p.conns[addr] = slices.DeleteFunc(conns, func(c *http2.ClientConn) bool { return c == dead })
	}
}

// closeIdle closes the connections that no request is under way on.
func (p *pool) closeIdle() {
	p.mu.Lock()
	conns := slices.Concat(slices.Collect(maps.Values(p.conns))...)
	p.mu.Unlock()
	for _, c := range conns {
		if s := c.State(); s.StreamsActive+s.StreamsReserved+s.StreamsPending == 0 {
			c.Close()
		}
	}
}
