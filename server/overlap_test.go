package server_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/sync/push"
	"github.com/pubsync/pubsync/sync/wire"
)

// An overtaken holds the answer to one body back until the next is sent.
type overtaken struct {
	push.Remote
	hold int // whose answer is held back; 0: none

	mu               sync.Mutex
	sent, air, most  int
	early            bool // a body was sent before the connection had all of the one before
	onWay            int  // bodies that the connection has not all of
	next             chan struct{}
	errNeverOvertook error
}

func (o *overtaken) Send(ctx context.Context, session string, body []byte, rank int64, gone func(), reply func(wire.Frame) error) error {
	o.mu.Lock()
	o.sent++
	o.air++
	o.most = max(o.most, o.air)
	o.early = o.early || o.onWay > 0
	o.onWay++
	if o.sent == o.hold+1 {
		close(o.next)
	}
	held := o.sent == o.hold
	o.mu.Unlock()
	over := sync.OnceFunc(func() {
		o.mu.Lock()
		o.onWay--
		o.mu.Unlock()
		gone()
	})
	err := o.Remote.Send(ctx, session, body, rank, over, reply)
	over()
	if held {
		select {
		case <-o.next:
		case <-ctx.Done():
		case <-time.After(20 * time.Second):
			o.errNeverOvertook = errors.New("the next body waits for the answer to this one")
		}
	}
	o.mu.Lock()
	o.air--
	o.mu.Unlock()
	return err
}

// Of a large file a part is on its way while the answer to the one before is: over a
// long link that keeps it busy. It is not sent before the connection has all of that,
// or they would share it; and the first of all goes alone, in case it is refused. Next
// door there is nothing to gain.
func TestBodiesOverlap(t *testing.T) {
	data := noise(rand.New(rand.NewPCG(71, 0)), 18<<20)
	for _, c := range []struct {
		trip       time.Duration
		hold, most int
	}{{40 * time.Millisecond, 2, 2}, {nextDoor, 0, 1}} {
		s := newSite(t)
		dir := t.TempDir()
		s.write(dir, "image.bin", data)
		on := &overtaken{hold: c.hold, next: make(chan struct{})}
		b := s.builder(s.issue(token.Grant{Target: "t"}), dir)
		b.between = func(r push.Remote) push.Remote { on.Remote = onLink{r, c.trip, carried}; return on }
		b.mustPush()
		if on.errNeverOvertook != nil {
			t.Error(on.errNeverOvertook)
		}
		if on.most != c.most || on.early || on.sent < 4 {
			t.Errorf("a trip takes %v: %d bodies, %d at once, one before its turn: %v", c.trip, on.sent, on.most, on.early)
		}
		s.wantTree("t", dir)
	}
}
