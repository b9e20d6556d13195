// Package gather has what HTTP/2 writes in pieces go in one record of TLS.
//
// A record costs 22 bytes beside its content. Of a small request the head and the
// body, of a new connection the preface, the settings and what follows them are
// written one by one, though they go off within microseconds of each other: a push of
// one small delta is some fifteen such writes either way. Of what opens a connection,
// settings that would hold unsaid are left out.
package gather

import (
	"context"
	"crypto/tls"
	"sync"
	"time"
)

const (
	// soon is how long what something follows at once waits for it: where nothing comes,
	// as of a request whose body waits for leave, that is what it costs.
	soon = time.Millisecond
	// later is how long what nobody waits for waits to go with something else.
	later = 250 * time.Millisecond
	// maxHeld is how much waits, in bytes. More fills a record, or most of it.
	maxHeld = 4 << 10
	// maxRecord is what one record of TLS holds at most.
	maxRecord = 16 << 10
)

// A Conn is a connection of TLS over which HTTP/2 is spoken. What is written but for
// the last piece of something waits for what follows; nothing else does. A failure to
// send what waited is the error of a later Write.
type Conn struct {
	*tls.Conn

	waits [4]time.Duration // by patience

	mu     sync.Mutex
	frames frames
	opened bool // something was written
	held   []byte
	wait   time.Duration // that timer was set to when held was empty, or less since
	timer  *time.Timer   // nil until something was held
	err    error
}

// Client returns the client's end of a connection over which nothing was written yet.
func Client(c *tls.Conn) *Conn {
	conn := Server(c)
	conn.frames.left = len(preface)
	conn.waits[head] = soon
	return conn
}

// Server returns the server's end. The heads of its answers wait for what follows only
// from [Conn.Answers] on.
func Server(c *tls.Conn) *Conn {
	return &Conn{Conn: c, waits: [4]time.Duration{short: soon, long: later}}
}

// Answers has the heads of answers wait for what follows, from now on. That is for
// clients known to take an answer that comes as one with the news that the rest of
// their request is not wanted: curl, while it sends, takes both for a failure.
func (c *Conn) Answers() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waits[head] = soon
}

type connKey struct{}

// NewContext returns the context of what is asked over the connection.
func NewContext(ctx context.Context, c *Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// FromContext returns the connection over which something is asked, if it is one of this
// package.
func FromContext(ctx context.Context) (c *Conn, ok bool) {
	c, ok = ctx.Value(connKey{}).(*Conn)
	return c, ok
}

// Write implements [net.Conn].
func (c *Conn) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return 0, c.err
	}
	size := len(b)
	if !c.opened {
		c.opened, b = true, concise(b)
	}
	wait := c.waits[c.frames.pass(b)]
	if wait > 0 && len(c.held)+len(b) <= maxHeld {
		c.flushIn(wait)
		c.held = append(c.held, b...)
		return size, nil
	}
	if len(c.held) > 0 {
		if len(c.held)+len(b) > maxHeld {
			if c.flush(); c.err != nil {
				return 0, c.err
			}
		} else {
			c.held = append(c.held, b...)
			c.flush()
			return size, c.err
		}
	}
	if _, c.err = c.writeRecords(b); c.err != nil {
		return 0, c.err
	}
	return size, nil
}

// writeRecords has the records that b takes go off together, if there is a [Bundle]
// beneath.
func (c *Conn) writeRecords(b []byte) (int, error) {
	bundle, ok := c.Conn.NetConn().(*Bundle)
	if !ok || len(b) <= maxRecord {
		return c.Conn.Write(b)
	}
	bundle.hold()
	n, err := c.Conn.Write(b)
	if e := bundle.send(); err == nil && e != nil {
		return 0, e
	}
	return n, err
}

// flushIn has what is held go off with what is to be held after a while, or before that
// if it was to.
func (c *Conn) flushIn(wait time.Duration) {
	switch {
	case c.timer == nil:
		c.timer = time.AfterFunc(wait, c.overdue)
	case len(c.held) > 0 && wait >= c.wait:
		return
	default:
		c.timer.Reset(wait)
	}
	c.wait = wait
}

// overdue sends what nothing has followed.
func (c *Conn) overdue() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.flush()
	}
}

// flush sends what is held.
func (c *Conn) flush() {
	if c.timer != nil {
		c.timer.Stop()
	}
	if len(c.held) > 0 {
		_, c.err = c.Conn.Write(c.held)
		c.held = c.held[:0]
	}
}

// Close closes the connection. What is held goes with it: nobody waits for the end of
// what has not ended.
func (c *Conn) Close() error {
	if !c.mu.TryLock() { // a Write is under way, which this ends
		c.Conn.NetConn().Close()
		return c.Conn.Close()
	}
	if c.timer != nil {
		c.timer.Stop()
	}
	c.mu.Unlock()
	return c.Conn.Close()
}
