package remote

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
)

// However the name of a server is written, requests share a connection to it.
func TestNamesOfServers(t *testing.T) {
	s := newTicketSite(t)
	for _, name := range []string{"127.0.0.1:1", "[::1]:1", "localhost", "LOCALHOST:1", "bücher.example", "BÜCHER.example:1", "xn--bcher-kva.example:1"} {
		var dials atomic.Int64
		c, err := New(Config{URL: "https://" + name, Pin: s.pin(), Now: s.client(Config{}).cfg.Now, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			if dials.Add(1) > 1 {
				return nil, fmt.Errorf("a second connection")
			}
			var d net.Dialer
			return d.DialContext(ctx, network, s.http.Listener.Addr().String())
		}})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for range 2 {
			if err := c.do(t.Context(), http.MethodGet, "/", "", nil, discard); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		c.Close()
	}
}

// A connection to one address is not for what is asked of another.
func TestConnectionsAreOfTheirAddress(t *testing.T) {
	s := newTicketSite(t)
	c := s.client(Config{Pin: s.pin()})
	defer c.Close()
	if err := c.GetJSON(t.Context(), "/", nil); err != nil {
		t.Fatal(err)
	}
	if conn, err := c.pool.GetClientConn(nil, s.http.Listener.Addr().String()); err != nil || conn == nil {
		t.Errorf("to the server: %v", err)
	}
	if conn, err := c.pool.GetClientConn(nil, "elsewhere:443"); err == nil {
		t.Errorf("elsewhere: %v", conn)
	}
}
