package server_test

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/pubsync/pubsync/server/token"
)

// A small update takes 4 round trips: one for TCP, one for TLS 1.3, which goes on with
// the session before, one to open with the list, and one with digests, content and
// commit. An unchanged tree takes 3.
func TestRoundTrips(t *testing.T) {
	s := newSite(t)
	dir := s.fill(1)
	tickets := filepath.Join(t.TempDir(), "tls")
	first := s.builder(s.issue(token.Grant{Target: "t", Overwrite: true}), dir)
	first.tickets = tickets
	first.mustPush()
	s.write(dir, "d1/file-1.txt", []byte("updated"))
	s.write(dir, "new", []byte("new"))
	for _, want := range []int64{4, 3} {
		var trips atomic.Int64
		s.put(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.TLS.Version != tls.VersionTLS13 || !r.TLS.DidResume {
					t.Errorf("TLS version %#x, resumed: %v", r.TLS.Version, r.TLS.DidResume)
				}
				trips.Add(1)
				next.ServeHTTP(w, r)
			})
		})
		b := s.builder(s.issue(token.Grant{Target: "t", Overwrite: true}), dir)
		b.tickets = tickets
		b.dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			trips.Add(2) // that of TCP and that of TLS
			return new(net.Dialer).DialContext(ctx, network, addr)
		}
		b.mustPush()
		if got := trips.Load(); got != want {
			t.Errorf("%d round trips, want %d", got, want)
		}
	}
}
