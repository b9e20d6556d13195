// Package remote is the client's side of the wire: the requests of a push or
// pull over HTTPS, with the server's identity checked by certificate or pin,
// retries for what is worth retrying, and bytes counted at the socket.
//
// A [Client] is safe for concurrent use. It follows no redirect, so that a
// token is never carried to another origin, and it reads no environment: proxy
// settings, clock and randomness come with its [Config].
package remote

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// Errors of a Client. Refusals by the server are [*wire.Error] instead.
var (
	// ErrUnreachable: no answer, or not from the server that the token names. After
	// answers it may be within an ErrGaveUp.
	ErrUnreachable = errors.New("server not reached")
	// ErrIdentity: what answered holds another key or certificate. It is an
	// ErrUnreachable too.
	ErrIdentity = fmt.Errorf("%w: it is not the server this token was made for", ErrUnreachable)
	// ErrGaveUp: the network or the server failed again and again.
	ErrGaveUp = errors.New("gave up after repeated failures")
)

// Config says how to reach a server.
type Config struct {
	URL       string         // https://host:port, perhaps with a path
	Pin       *[32]byte      // SHA-256 of the server key's SubjectPublicKeyInfo; nil: verify by Roots
	Roots     *x509.CertPool // nil: the system's
	Tickets   string         // folder in which TLS sessions are kept, to be resumed; "": none are
	Links     string         // folder in which is kept what was measured of the network; "": nothing is
	Token     string         // sent as "Authorization: Bearer"; never logged
	Secret    string         // session secret, sent in wire.SessionHeader; "" outside a session
	UserAgent string
	Proxy     func(*http.Request) (*url.URL, error) // nil: none
	Limiter   *rate.Limiter                         // of bytes sent per second; nil: none
	Patience  time.Duration                         // how long to wait in all between the tries of one request; 0: 2 minutes
	Sleep     func(context.Context, time.Duration) error
	Jitter    func() float64                                                    // in [0, 1)
	Now       func() time.Time                                                  // the system's clock: deadlines of connections are set by it
	Notify    func(err error, wait time.Duration)                               // told before each repeat; nil: nobody
	Dial      func(ctx context.Context, network, addr string) (net.Conn, error) // nil: TCP
}

// Stats counts what crossed the socket, handshakes included.
type Stats struct {
	Sent, Received int64 // bytes
	Requests       int64 // HTTP requests, repeats included
}

// A Client talks to one server.
type Client struct {
	cfg      Config
	base     string
	tls      *tls.Config
	tickets  *tickets // nil: none are kept
	http     *http.Client
	pool     *pool // of its HTTP/2 connections
	way      way   // that bodies share
	sent     atomic.Int64
	received atomic.Int64
	requests atomic.Int64
	through  atomic.Int64 // bytes of the largest body that got through
	met      atomic.Bool  // the server has answered something
	newest   atomic.Pointer[countedConn]
	meter    meter
	keptLink keepsake
	ahead    atomic.Pointer[ahead]
}

// idle is how long a connection may stay silent within a request before it
// counts as dead. A commit of a large tree may keep the server busy for a while.
const idle = 5 * time.Minute

// leave is how long a body waits for leave to be sent from what may not know that
// it is asked.
const leave = 5 * time.Second

// New returns a client. It fails on an address that is no https URL.
func New(cfg Config) (*Client, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%q is no server address: it must look like https://host:8443", cfg.URL)
	}
	if cfg.Patience == 0 {
		cfg.Patience = 2 * time.Minute
	}
	if cfg.Dial == nil {
		d := &net.Dialer{Timeout: 20 * time.Second, KeepAlive: 30 * time.Second}
		cfg.Dial = d.DialContext
	}
	c := &Client{cfg: cfg, way: way{now: cfg.Now}, base: strings.TrimRight(u.Scheme+"://"+u.Host+u.Path, "/"), tls: tlsConfig(cfg), tickets: newTickets(cfg, u.Host)}
	if cfg.Links != "" {
		c.keptLink = keepsakeOf(cfg.Links, cfg, u.Host)
		var k keptLink
		if c.keptLink.load(&k) {
			c.meter.remember(k.recall(cfg.Now()))
		}
	}
	t := &http.Transport{
		Proxy:                 cfg.Proxy,
		DialContext:           c.dial, // to a proxy, over which no session is resumed
		DialTLSContext:        c.dialTLS,
		TLSClientConfig:       c.tls.Clone(),
		TLSHandshakeTimeout:   20 * time.Second,
		MaxIdleConnsPerHost:   8,
		MaxConnsPerHost:       8,
		IdleConnTimeout:       90 * time.Second,
		DisableCompression:    true,
		WriteBufferSize:       64 << 10,
		ReadBufferSize:        64 << 10,
		ResponseHeaderTimeout: idle,
		ExpectContinueTimeout: leave,
	}
	if c.pool, err = speakHTTP2(t); err != nil {
		return nil, err
	}
	c.http = &http.Client{
		Transport:     t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}

// Stats returns the counts so far.
func (c *Client) Stats() Stats {
	return Stats{Sent: c.sent.Load(), Received: c.received.Load(), Requests: c.requests.Load()}
}

// Close closes idle connections, and keeps what was measured of the link.
func (c *Client) Close() {
	c.keepLink()
	c.drop(c.ahead.Swap(nil))
	c.http.CloseIdleConnections()
	c.pool.closeIdle()
}

// Origin returns the address of the server that is asked, "https://HOST", without what
// path it may be at.
func (c *Client) Origin() string {
	scheme, rest, _ := strings.Cut(c.base, "://")
	host, _, _ := strings.Cut(rest, "/")
	return scheme + "://" + host
}

// URL returns the address the client talks to, without a trailing slash.
func (c *Client) URL() string { return c.base }

func tlsConfig(cfg Config) *tls.Config {
	t := &tls.Config{
		RootCAs: cfg.Roots, MinVersion: tls.VersionTLS12,
		DynamicRecordSizingDisabled: true, // each record costs 22 bytes
	}
	if cfg.Pin == nil {
		return t
	}
	// The pin takes the place of names and authorities: it came with the token.
	pin := *cfg.Pin
	t.InsecureSkipVerify = true
	t.VerifyConnection = func(s tls.ConnectionState) error {
		if sha256.Sum256(s.PeerCertificates[0].RawSubjectPublicKeyInfo) != pin {
			return ErrIdentity
		}
		return nil
	}
	return t
}

func (c *Client) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := c.cfg.Dial(c.timeConnects(ctx), network, addr)
	if err != nil {
		return nil, err
	}
	shorten(conn)
	counted := &countedConn{Conn: conn, client: c}
	c.newest.Store(counted)
	return counted, nil
}

func (c *Client) proxied() bool {
	if c.cfg.Proxy == nil {
		return false
	}
	req, err := http.NewRequest(http.MethodGet, c.base, nil)
	if err != nil {
		return true
	}
	proxy, err := c.cfg.Proxy(req)
	return err != nil || proxy != nil
}

// countedConn counts bytes, slows writing down to the limiter's rate, and
// gives up on a connection that stays silent.
type countedConn struct {
	net.Conn
	client *Client
}

func (c *countedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.client.received.Add(int64(n))
	return n, err
}

func (c *countedConn) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		chunk := p[done:]
		if l := c.client.cfg.Limiter; l != nil {
			chunk = chunk[:min(len(chunk), l.Burst())]
			if err := l.WaitN(context.Background(), len(chunk)); err != nil {
				return done, err
			}
		}
		if err := c.Conn.SetWriteDeadline(c.client.cfg.Now().Add(idle)); err != nil {
			return done, err
		}
		n, err := c.Conn.Write(chunk)
		c.client.sent.Add(int64(n))
		done += n
		if err != nil {
			return done, err
		}
	}
	return done, nil
}
