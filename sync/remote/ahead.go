package remote

import (
	"context"
	"crypto/tls"
	"net"
	"net/url"
	"time"
)

// An ahead is a connection that is made before there is anything to send. Its fields
// are for reading once done is closed.
type ahead struct {
	done chan struct{}
	by   *Client // counts what it sends and receives until it is taken
	conn *tls.Conn
	raw  *countedConn // beneath conn
	err  error
	at   time.Time
}

// maxAhead is how long a connection that was made ahead waits to be used: servers
// close those over which nothing comes.
const maxAhead = 5 * time.Second

// Connect begins to connect to the server, so that the first request soon after need
// not wait for that: here, or of a client that takes over. It returns at once; a failure
// is that request's. Behind a proxy it does nothing. Close ends what it began.
func (c *Client) Connect() {
	u, err := url.Parse(c.base)
	if err != nil || c.proxied() {
		return
	}
	addr := u.Host
	if u.Port() == "" {
		addr = net.JoinHostPort(u.Hostname(), "443")
	}
	a := &ahead{done: make(chan struct{}), by: c}
	c.drop(c.ahead.Swap(a))
	go func() {
		defer close(a.done)
		a.conn, a.err = c.connect(context.Background(), "tcp", addr)
		a.raw, a.at = c.newest.Load(), c.cfg.Now()
	}()
}

// TakeOver has the client go on with the connection, and with the counts of it, that
// another one to the same server has begun to make and not used.
func (c *Client) TakeOver(from *Client) {
	c.drop(c.ahead.Swap(from.ahead.Swap(nil)))
}

// drop closes a connection that nobody will use.
func (c *Client) drop(a *ahead) {
	if a == nil {
		return
	}
	go func() {
		if <-a.done; a.conn != nil {
			a.conn.Close()
		}
	}()
}

// take returns the connection that was made ahead, or why it was not made; neither if
// there is none that would do.
func (c *Client) take(ctx context.Context) (*tls.Conn, error) {
	a := c.ahead.Swap(nil)
	if a == nil {
		return nil, nil
	}
	select {
	case <-a.done:
	case <-ctx.Done():
		c.drop(a)
		return nil, context.Cause(ctx)
	}
	if a.by != c {
		c.sent.Add(a.by.sent.Swap(0))
		c.received.Add(a.by.received.Swap(0))
		c.meter.connected(a.by.meter.link().trip)
	}
	if a.err != nil {
		return nil, a.err
	}
	a.raw.client = c
	if c.cfg.Now().Sub(a.at) > maxAhead {
		a.conn.Close()
		return nil, nil
	}
	c.newest.Store(a.raw)
	return a.conn, nil
}
