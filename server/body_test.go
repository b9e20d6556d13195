package server_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/push"
	"github.com/pubsync/pubsync/sync/wire"
)

// A readsOn loses a body, which it goes on to read as a transport may.
type readsOn struct {
	push.Remote
	lose int // the request that is lost
	err  error

	mu         sync.Mutex
	body, copy []byte
}

func (r *readsOn) Send(ctx context.Context, session string, body []byte, rank int64, gone func(), reply func(wire.Frame) error) error {
	r.mu.Lock()
	r.lose--
	lost := r.lose == 0
	if lost {
		r.body, r.copy = body, bytes.Clone(body)
	}
	r.mu.Unlock()
	if lost {
		return r.err
	}
	return r.Remote.Send(ctx, session, body, rank, gone, reply)
}

// An onLink says what the link to the server is; the zero value knows nothing of it.
type onLink struct {
	push.Remote
	trip time.Duration
	rate float64
}

func (l onLink) Link() (time.Duration, float64) { return l.trip, l.rate }

// nextDoor is the round trip to a server that is, and carried what such a link carries in
// a second, in bytes: more than is compressed in the time.
const (
	nextDoor = 100 * time.Microsecond
	carried  = 4e9
)

// TestBodiesThatAreStillRead loses one body after another, or has it refused as too
// large: nothing is written over it as long as the push lasts.
func TestBodiesThatAreStillRead(t *testing.T) {
	s := newSite(t, func(s *site) { s.limit = 256 << 10 })
	r := rand.New(rand.NewPCG(70, 0))
	for name, err := range map[string]error{"lost": io.ErrUnexpectedEOF, "too large": &wire.Error{Code: wire.CodeTooLarge}} {
		for lose := 1; lose <= 2; lose++ {
			target := manifest.Path(fmt.Sprintf("%s/%d", name[:3], lose))
			dir := t.TempDir()
			for i := range 300 {
				s.write(dir, fmt.Sprintf("d%d/f%d", i%7, i), noise(r, 1000+r.IntN(9000)))
			}
			on := &readsOn{lose: lose, err: err}
			b := s.builder(s.issue(token.Grant{Target: target}), dir)
			b.between = func(r push.Remote) push.Remote { on.Remote = onLink{r, nextDoor, carried}; return on }
			b.mustPush()
			if on.body == nil || !bytes.Equal(on.body, on.copy) {
				t.Errorf("%s: body %d, of %d bytes, was written over", name, lose, len(on.body))
			}
		}
	}
}
