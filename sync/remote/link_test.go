package remote

import (
	"net/http"
	"net/url"
	"runtime"
	"testing"

	"github.com/pubsync/pubsync/sync/wire"
)

// On Linux the kernel tells how fast a connection is once it has carried
// something; behind a proxy it would tell of the wrong one.
func TestLink(t *testing.T) {
	s := newServer(t, func(w http.ResponseWriter, _ *http.Request) {})
	c := s.client(Config{})
	if trip, rate := c.Link(); trip != 0 || rate != 0 {
		t.Errorf("a link before there is a connection: %v, %v", trip, rate)
	}
	if err := c.Exchange(t.Context(), "s", make([]byte, 1<<20), func(wire.Frame) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if trip, rate := c.Link(); runtime.GOOS == "linux" && (trip <= 0 || rate <= 0) {
		t.Errorf("round trip %v, %v bytes a second", trip, rate)
	}
	proxied := s.client(Config{Proxy: func(*http.Request) (*url.URL, error) { return &url.URL{Scheme: "http", Host: "proxy"}, nil }})
	proxied.newest.Store(c.newest.Load())
	if trip, rate := proxied.Link(); trip != 0 || rate != 0 {
		t.Errorf("a link behind a proxy: %v, %v", trip, rate)
	}
}
