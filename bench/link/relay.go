package link

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
)

// Relay is a TCP proxy on loopback that counts what it passes on. It costs the two
// programs some time, so it serves for counting bytes, not for timing.
type Relay struct {
	listener net.Listener
	to       string
	up, down atomic.Int64
	conns    atomic.Int64
	wg       sync.WaitGroup
}

// NewRelay listens on a free port of loopback and passes connections on to the
// address. Close it.
func NewRelay(to string) (*Relay, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &Relay{listener: l, to: to}
	r.wg.Go(r.serve)
	return r, nil
}

// Address is where the relay listens.
func (r *Relay) Address() string { return r.listener.Addr().String() }

// Traffic is what was passed on since the relay was made.
func (r *Relay) Traffic() Traffic {
	return Traffic{Connections: int(r.conns.Load()), Up: r.up.Load(), Down: r.down.Load()}
}

// Close stops listening and waits for the connections to end.
func (r *Relay) Close() {
	r.listener.Close()
	r.wg.Wait()
}

func (r *Relay) serve() {
	for {
		c, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.conns.Add(1)
		r.wg.Go(func() { r.pass(c) })
	}
}

func (r *Relay) pass(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", r.to)
	if err != nil {
		return
	}
	defer server.Close()
	var both sync.WaitGroup
	both.Go(func() { relay(server, client, &r.up) })
	both.Go(func() { relay(client, server, &r.down) })
	both.Wait()
}

// relay copies until the end, counting as it goes, and tells the other side of the
// end.
func relay(to, from net.Conn, count *atomic.Int64) {
	_, _ = io.Copy(io.MultiWriter(to, counting{count}), from)
	if t, ok := to.(*net.TCPConn); ok {
		_ = t.CloseWrite()
	}
}

type counting struct{ n *atomic.Int64 }

func (c counting) Write(p []byte) (int, error) {
	c.n.Add(int64(len(p)))
	return len(p), nil
}
