package remote

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"
)

// A connection that is made ahead is used by the first request, of this client or of
// one that takes over, and counted there; one that waited for long is not.
func TestConnectAhead(t *testing.T) {
	for name, c := range map[string]struct {
		over bool
		wait time.Duration
		want int64 // connections
	}{
		"used":       {false, 0, 1},
		"taken over": {true, 0, 1},
		"stale":      {true, 2 * maxAhead, 2},
	} {
		s := newServer(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) })
		var dials atomic.Int64
		cfg := Config{
			Patience: 1,
			Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
				dials.Add(1)
				return new(net.Dialer).DialContext(ctx, network, addr)
			},
		}
		early := s.client(cfg)
		early.Connect()
		<-early.ahead.Load().done
		handshake := early.Stats()
		if dials.Load() != 1 || handshake.Sent == 0 || handshake.Received == 0 {
			t.Errorf("%s: %d connections made ahead, %+v", name, dials.Load(), handshake)
		}
		used := early
		if c.over {
			used = s.client(cfg)
			used.TakeOver(early)
		}
		used.cfg.Now = func() time.Time { return time.Now().Add(c.wait) }
		if err := used.GetJSON(t.Context(), "/", nil); err != nil {
			t.Fatal(name, err)
		}
		if got := dials.Load(); got != c.want {
			t.Errorf("%s: %d connections, want %d", name, got, c.want)
		}
		if got := used.Stats(); got.Sent <= handshake.Sent || got.Received <= handshake.Received {
			t.Errorf("%s: counted %+v, the handshake took %+v", name, got, handshake)
		}
		if c.over && early.Stats() != (Stats{}) {
			t.Errorf("%s: counted twice: %+v", name, early.Stats())
		}
	}
}

// That a connection could not be made ahead is told by the first request, which does not
// try the same again at once; one that nobody uses is closed.
func TestConnectAheadInVain(t *testing.T) {
	var dials atomic.Int64
	down := errors.New("no route")
	s := newServer(t, func(http.ResponseWriter, *http.Request) {})
	c := s.client(Config{Patience: 1, Dial: func(context.Context, string, string) (net.Conn, error) {
		dials.Add(1)
		return nil, down
	}})
	c.Connect()
	if err := c.GetJSON(t.Context(), "/", nil); !errors.Is(err, ErrUnreachable) || dials.Load() != 1 {
		t.Errorf("%v after %d tries", err, dials.Load())
	}
	closed := make(chan bool)
	c = s.client(Config{Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		return &closing{conn, closed}, err
	}})
	c.Connect()
	c.Close()
	<-closed
}

// closing tells when it is closed.
type closing struct {
	net.Conn
	closed chan bool
}

func (c *closing) Close() error {
	close(c.closed)
	return c.Conn.Close()
}
