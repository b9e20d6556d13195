package server_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/sync/manifest"
)

// TestDropsCostLittle cuts the connections of a push again and again, each after
// so many bytes, and counts what is sent in all: of a body that was cut, what
// arrived is not sent again.
func TestDropsCostLittle(t *testing.T) {
	s := newSite(t, func(s *site) { s.limit = 32 << 20 })
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
		waited := time.Duration(0)
		b.sleep = func(ctx context.Context, d time.Duration) error { waited += d; return ctx.Err() }
		start := line.sent.Load()
		if every > 0 {
			line.when(start+every, func() int64 { drops++; return line.sent.Load() + every })
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
			t.Errorf("%d drops: %d bytes sent in all, a clean push sends %d", drops, sent, clean)
		}
	}
}
