package server_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/pubsync/pubsync/server/nginxtest"
	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/sync/manifest"
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

// TestResumesBehindNginx kills a builder before a real nginx with default settings
// at points of a push. nginx hands on whole bodies only, of 1 MB at most, so that is
// what a kill may cost.
func TestResumesBehindNginx(t *testing.T) {
	s := newSite(t, func(s *site) { s.limit = 32 << 20 })
	line := s.relay()
	line.to = strings.TrimPrefix(s.nginx(), "https://")
	r := rand.New(rand.NewPCG(41, 0))
	dir := t.TempDir()
	s.write(dir, "huge", noise(r, 5<<20))
	for i := range 100 {
		s.write(dir, fmt.Sprintf("many/f%d", i), noise(r, 10_000))
	}
	pushes := 0
	run := func(at, every int64) int64 {
		pushes++
		target := manifest.Path(fmt.Sprintf("private/%d", pushes))
		b := s.builder(s.issue(token.Grant{Target: target}), dir)
		b.via, b.opts.Parallel = line.url(), 1
		start := line.sent.Load()
		switch {
		case at > 0:
			ctx, kill := context.WithCancel(t.Context())
			line.when(start+at, func() int64 { kill(); return 0 })
			if _, err := b.push(ctx); err == nil {
				t.Fatalf("killed after %d bytes, it ended well", at)
			}
		case every > 0:
			line.when(start+every, func() int64 { return line.sent.Load() + every })
		}
		b.mustPush()
		line.when(0, func() int64 { return 0 })
		s.wantTree(target, dir)
		return line.sent.Load() - start
	}
	clean := run(0, 0)
	if clean > 7<<20 {
		t.Errorf("a clean push sends %d bytes for 6.2 MB", clean)
	}
	for i := range int64(4) {
		at := clean * (2*i + 1) / 8
		if sent := run(at, 0); sent > clean+1<<20+64<<10 {
			t.Errorf("killed after %d bytes: %d sent in all, a clean push sends %d", at, sent, clean)
		}
	}
	// Connections that live too short for a body of 1 MB: smaller ones get through.
	run(0, 700<<10)
}
