package server_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pubsync/pubsync/server"
	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/sync/wire"
)

// signalled tells when it is read first.
type signalled struct {
	io.ReadCloser
	once sync.Once
	read chan struct{}
}

func (s *signalled) Read(b []byte) (int, error) {
	s.once.Do(func() { close(s.read) })
	return s.ReadCloser.Read(b)
}

// hold has a request of its own served until the function it returns is called.
func (s *site) hold(header map[string]string) (release func()) {
	s.t.Helper()
	r, w := io.Pipe()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.http.URL+wire.SessionsPath, r)
	s.check(err)
	req.Header.Set("Content-Type", wire.ContentType)
	for k, v := range header {
		req.Header.Set(k, v)
	}
	body := &signalled{read: make(chan struct{})}
	s.put(func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body.ReadCloser, r.Body = r.Body, body
			h.ServeHTTP(w, r)
		})
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		if resp, err := s.http.Client().Do(req); err == nil {
			resp.Body.Close()
		}
	}()
	<-body.read // it is being served
	s.put(nil)
	return func() {
		w.Close()
		<-done
	}
}

// TestParallelLimit fills the server with requests that do not end. Others are
// told to come again, and a client does until there is room (threats, row 30).
func TestParallelLimit(t *testing.T) {
	for name, load := range map[string]server.Load{"in all": {Total: 2}, "for one address": {Total: 100, PerAddress: 2}} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, func(s *site) { s.load = load })
			first, second := s.hold(nil), s.hold(nil)
			defer second()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.http.URL+"/files/", nil)
			s.check(err)
			resp, err := s.http.Client().Do(req)
			s.check(err)
			resp.Body.Close()
			want := http.StatusServiceUnavailable
			if load.PerAddress > 0 {
				want = http.StatusTooManyRequests
			}
			if resp.StatusCode != want || resp.Header.Get("Retry-After") != "1" {
				t.Errorf("%s, Retry-After %q", resp.Status, resp.Header.Get("Retry-After"))
			}
			if status, _, _ := s.post("GET", "/healthz", "", nil, ""); status != http.StatusOK {
				t.Errorf("alive: %d", status)
			}
			dir := s.fill(3)
			b := s.builder(s.issue(token.Grant{Target: "t"}), dir)
			waits := 0
			b.opts.Parallel = 1
			b.sleep = func(ctx context.Context, d time.Duration) error {
				if waits++; d != time.Second {
					t.Errorf("the client waits %v", d)
				}
				if waits == 3 {
					first()
				}
				return ctx.Err()
			}
			b.mustPush()
			s.wantTree("t", dir)
			if waits != 3 {
				t.Errorf("the client waited %d times", waits)
			}
		})
	}
}

// TestPerAddress counts by what the trusted proxy says, and a /64 as one.
func TestPerAddress(t *testing.T) {
	s := newSite(t, func(s *site) {
		s.load = server.Load{Total: 100, PerAddress: 1}
		s.proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	from := func(addr string) map[string]string { return map[string]string{"X-Forwarded-For": addr} }
	defer s.hold(from("2001:db8::1"))()
	for addr, want := range map[string]int{"2001:db8::2": 429, "2001:db8:0:1::2": 404, "192.0.2.1": 404} {
		if status, _, _ := s.post("GET", "/files/none", "", from(addr), ""); status != want {
			t.Errorf("from %s: %d, want %d", addr, status, want)
		}
	}
}

// TestConnectionLimit opens connections and says nothing.
func TestConnectionLimit(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln := server.Listen(inner, server.Load{Total: 10, PerAddress: 1}, nil)
	defer ln.Close()
	accepted := make(chan net.Conn, 10)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	for range 4 {
		dial()
	}
	first := <-accepted
	for range 3 {
		<-accepted
	}
	if _, err := dial().Read(make([]byte, 1)); err == nil || len(accepted) > 0 {
		t.Errorf("the fifth connection of an address: %v, %d accepted", err, len(accepted))
	}
	first.Close()
	first.Close() // counts once
	dial()
	<-accepted
	if _, err := dial().Read(make([]byte, 1)); err == nil || strings.Contains(err.Error(), "timeout") {
		t.Errorf("one more: %v", err)
	}
}
