package remote

import (
	"crypto/tls"
	"net/http"
	"slices"
	"sync"

	"golang.org/x/net/http2"

	"github.com/pubsync/pubsync/sync/wire/gather"
)

// speakHTTP2 has a transport speak HTTP/2 where the server does, over connections that
// gather what it writes, and returns these. Package net/http itself, of which this is
// the same implementation, takes no connection but a [*tls.Conn].
func speakHTTP2(t *http.Transport) (*pool, error) {
	h2, err := http2.ConfigureTransports(t)
	if err != nil {
		return nil, err
	}
	p := &pool{}
	h2.ConnPool = p
	t.TLSNextProto[http2.NextProtoTLS] = func(_ string, c *tls.Conn) http.RoundTripper {
		conn, err := h2.NewClientConn(gather.Client(c))
		if err != nil {
			c.Close()
			return failing{err}
		}
		p.add(conn)
		return h2
	}
	return p, nil
}

// failing answers requests for a connection that was of no use.
type failing struct{ err error }

func (f failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }

// A pool holds the HTTP/2 connections of a client to its server. It makes none: where it
// has none the transport connects. It implements [http2.ClientConnPool].
type pool struct {
	mu    sync.Mutex
	conns []*http2.ClientConn
}

func (p *pool) add(c *http2.ClientConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns = append(p.conns, c)
}

// GetClientConn implements [http2.ClientConnPool].
func (p *pool) GetClientConn(*http.Request, string) (*http2.ClientConn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
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
	p.conns = slices.DeleteFunc(p.conns, func(c *http2.ClientConn) bool { return c == dead })
}

// closeIdle closes the connections that no request is under way on.
func (p *pool) closeIdle() {
	p.mu.Lock()
	conns := slices.Clone(p.conns)
	p.mu.Unlock()
	for _, c := range conns {
		if s := c.State(); s.StreamsActive+s.StreamsReserved+s.StreamsPending == 0 {
			c.Close()
		}
	}
}
