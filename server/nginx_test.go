package server_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/pubsync/pubsync/server/nginxtest"
	"github.com/pubsync/pubsync/server/token"
)

// nginx stands a real nginx before the server, as it is set up by default. It has
// the server's key.
func (s *site) nginx() (url string) {
	return nginxtest.Start(s.t, nginxtest.Site{
		Rules: "location / { proxy_pass " + s.http.URL + "; }", Certificate: &s.http.TLS.Certificates[0],
	})
}

// TestBehindNginx pushes through a real nginx with default settings to a server
// that takes larger bodies: parts shrink to what nginx takes, and an update goes
// through as well. Nothing the server reads is over 1 MB.
func TestBehindNginx(t *testing.T) {
	s := newSite(t, func(s *site) { s.limit = 32 << 20 })
	var largest, requests atomic.Int64
	s.put(func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			requests.Add(1)
			for n := largest.Load(); r.ContentLength > n && !largest.CompareAndSwap(n, r.ContentLength); n = largest.Load() {
			}
			h.ServeHTTP(w, r)
		})
	})
	url := s.nginx()
	v := s.nextVersion(40)
	r := rand.New(rand.NewPCG(40, 0))
	s.write(v.old, "huge", noise(r, 9<<20))
	for i := range 300 {
		s.write(v.old, fmt.Sprintf("many/f%d", i), noise(r, 10_000))
	}
	for _, dir := range []string{v.old, v.new} {
		b := s.updater("proxied/1", dir)
		b.bearer, b.via = s.issue(token.Grant{Target: "proxied/1", Overwrite: true}), url
		b.mustPush()
		s.wantTree("proxied/1", dir)
	}
	if n := largest.Load(); n > 1<<20 || n < 256<<10 {
		t.Errorf("the largest body that came through has %d bytes", n)
	}
}
