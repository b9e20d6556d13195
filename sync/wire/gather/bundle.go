package gather

import (
	"net"
	"sync"
)

// A Bundle is what a connection of TLS, over which a [Conn] writes, is made of, so that
// the records of one Write of that go to the system together: each alone would wake the
// other side. It is safe for concurrent use as far as its connection is.
type Bundle struct {
	net.Conn

	mu      sync.Mutex
	holding bool
	held    []byte
}

// NewBundle returns a bundle over a connection.
func NewBundle(c net.Conn) *Bundle { return &Bundle{Conn: c} }

// hold has what is written from now on wait for send.
func (b *Bundle) hold() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.holding = true
}

// send sends what was held.
func (b *Bundle) send() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.holding = false; len(b.held) == 0 {
		return nil
	}
	_, err := b.Conn.Write(b.held)
	b.held = b.held[:0]
	return err
}

// Write implements [net.Conn].
func (b *Bundle) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.holding {
		b.held = append(b.held, p...)
		return len(p), nil
	}
	return b.Conn.Write(p)
}
