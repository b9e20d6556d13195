package server

import (
	"net"
	"net/netip"
	"sync"
)

// connectionsPerRequest is how many connections there may be for each request
// that may be served: most of them wait for their next one.
const connectionsPerRequest = 4

// Listen bounds the connections of a listener to four times the requests of the
// load, in all and for one address, except for trusted proxies, which bring
// those of many. A connection that is too many is closed at once.
func Listen(ln net.Listener, l Load, proxies []netip.Prefix) net.Listener {
	l.Total *= connectionsPerRequest
	l.PerAddress *= connectionsPerRequest
	return &listener{Listener: ln, gate: newGate(l), proxies: proxies}
}

type listener struct {
	net.Listener
	gate    *gate
	proxies []netip.Prefix
}

func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		leave, err := l.gate.enter(l.from(c))
		if err == nil {
			return &countedConn{Conn: c, leave: leave}, nil
		}
		c.Close()
	}
}

// from is the address that a connection counts for; none for a proxy's.
func (l *listener) from(c net.Conn) netip.Addr {
	peer, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	addr := peer.Addr().Unmap().WithZone("")
	if contains(l.proxies, addr) {
		return netip.Addr{}
	}
	return addr
}

// countedConn counts as open until it is closed.
type countedConn struct {
	net.Conn
	once  sync.Once
	leave func()
}

func (c *countedConn) Close() error {
	c.once.Do(c.leave)
	return c.Conn.Close()
}
