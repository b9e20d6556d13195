package server_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/push"
)

// TestDropsCostLittle cuts the connections of a push again and again, each after
// so many bytes, and counts what is sent in all: of a body that was cut, what
// arrived is not sent again. Over a long link bodies follow each other unanswered, so
// that several are cut at once.
func TestDropsCostLittle(t *testing.T) {
	dropsCostLittle(t, nextDoor)
	dropsCostLittle(t, 40*time.Millisecond)
}

func dropsCostLittle(t *testing.T, trip time.Duration) {
	t.Helper()
	s := newSite(t, func(s *site) { s.limit = 32 << 20 })
	var under atomic.Int64 // requests
	s.put(func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			under.Add(1)
			defer under.Add(-1)
			h.ServeHTTP(w, r)
		})
	})
	line := s.relay()
	r := rand.New(rand.NewPCG(60, 0))
	dir := t.TempDir()
	s.write(dir, "large", noise(r, 5<<20))
	for i := range 700 {
		s.write(dir, fmt.Sprintf("d%d/f%d", i%7, i), noise(r, 1000+r.IntN(9000)))
	}
	for i := range 3 {
		s.write(dir, fmt.Sprintf("middling/f%d", i), noise(r, 900_000))
	}
	pushes := 0
	run := func(every int64) (sent int64, drops int) {
		pushes++
		// The tokens cannot read each other's target, so each push sends all.
		target := manifest.Path(fmt.Sprintf("private/%d", pushes))
		b := s.builder(s.issue(token.Grant{Target: target}), dir)
		b.via = line.url()
		b.between = func(r push.Remote) push.Remote { return onLink{r, trip, carried} }
		waited := time.Duration(0)
		b.sleep = func(ctx context.Context, d time.Duration) error { waited += d; return ctx.Err() }
		start := line.sent.Load()
		if every > 0 {
			line.when(start+every, func() int64 {
				none(&under) // what came is taken in before the client is back
				drops++
				return line.sent.Load() + every
			})
		}
		res := b.mustPush()
		line.when(0, func() int64 { return 0 })
		if res.Linked.Files > 0 || res.Whole.Files != 704 {
			t.Errorf("%d drops: %+v", drops, res)
		}
		if waited > time.Duration(drops)*time.Second {
			t.Errorf("%d drops: waited for %v, though each body got further", drops, waited)
		}
		s.wantTree(target, dir)
		return line.sent.Load() - start, drops
	}
	clean, _ := run(0)
	for _, parts := range []int64{3, 10} {
		if sent, drops := run(clean / parts); drops < int(parts)-1 || sent > clean*21/20 {
			t.Errorf("a trip of %v, %d drops: %d bytes sent in all, a clean push sends %d", trip, drops, sent, clean)
		}
	}
}

// TestNetworkGone pushes over a network that goes now and then, which the client
// notices and the server does not; and from a laptop that falls asleep: its clock is
// hours on when it wakes, and the server has forgotten what it does not keep on disk.
func TestNetworkGone(t *testing.T) {
	s := newSite(t, func(s *site) { s.limit = 32 << 20 })
	var read, under atomic.Int64 // bytes of bodies, requests under way
	s.put(func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			under.Add(1)
			defer under.Add(-1)
			r.Body = &countedBody{r.Body, &read}
			h.ServeHTTP(w, r)
		})
	})
	line := s.relay()
	r := rand.New(rand.NewPCG(61, 0))
	dir := t.TempDir()
	s.write(dir, "large", noise(r, 5<<20))
	for i := range 300 {
		s.write(dir, fmt.Sprintf("f%d", i), noise(r, 1000+r.IntN(9000)))
	}
	var slept atomic.Int64
	pushes := 0
	run := func(every int64, then func(sent int64)) int64 {
		pushes++
		target := manifest.Path(fmt.Sprintf("private/%d", pushes))
		b := s.builder(s.issue(token.Grant{Target: target}), dir)
		b.via, b.clock = line.url(), func() time.Time { return time.Now().Add(time.Duration(slept.Load())) }
		start := line.sent.Load()
		read.Store(0)
		if every > 0 {
			line.when(start+every/2, func() int64 {
				then(line.sent.Load() - start)
				return line.sent.Load() + every
			})
		}
		b.mustPush()
		line.when(0, func() int64 { return 0 })
		s.wantTree(target, dir)
		return line.sent.Load() - start
	}
	clean := run(0, nil)
	within := func(what string, sent int64) {
		if sent > clean*21/20 {
			t.Errorf("%s: %d bytes sent in all, a clean push sends %d", what, sent, clean)
		}
	}
	within("asleep", run(clean/4, func(int64) {
		none(&under)
		slept.Add(int64(9 * time.Hour))
		s.check(s.engine.Expire(t.Context(), -1, time.Time{}))
	}))
	if slept.Load() < int64(27*time.Hour) {
		t.Errorf("slept for %v", time.Duration(slept.Load()))
	}
	line.hangs = true
	within("a network that goes", run(clean/4, func(sent int64) {
		// The server has read what came, but for a frame and what is no body.
		for read.Load() < sent*99/100-64<<10 {
			<-time.After(time.Millisecond)
		}
	}))
}

type countedBody struct {
	io.ReadCloser
	n *atomic.Int64
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.n.Add(int64(n))
	return n, err
}
