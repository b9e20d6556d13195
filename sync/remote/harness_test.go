package remote

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// server is what a client talks to in a test. What clients send is read before
// the handler runs.
type server struct {
	*testing.T
	http *httptest.Server
}

func newServer(t *testing.T, h http.HandlerFunc) *server {
	s := &server{T: t}
	s.http = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		h(w, r)
	}))
	s.http.EnableHTTP2 = true
	s.http.StartTLS()
	t.Cleanup(s.http.Close)
	return s
}

// client returns a client that trusts the server, unless told whom else, and counts its waits instead of
// waiting.
func (s *server) client(cfg Config) *Client {
	s.Helper()
	cfg.URL = s.http.URL
	if cfg.Roots == nil {
		cfg.Roots = s.http.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	}
	cfg.Jitter = func() float64 { return 1 }
	cfg.Now = time.Now
	if cfg.Sleep == nil {
		cfg.Sleep = func(context.Context, time.Duration) error { return errors.New("an unexpected wait") }
	}
	c, err := New(cfg)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(c.Close)
	return c
}
