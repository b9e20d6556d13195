package server_test

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"time"

	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/sync/push"
	"github.com/pubsync/pubsync/sync/wire"
)

// A course is a remote over a link that is slow from the first answer to a question about
// a basis on, and on which one of the ways an archive goes is held up.
type course struct {
	push.Remote
	bytesFirst bool // questions wait until a file is there; else until it has begun, and it waits for ever

	mu       sync.Mutex
	answered bool
	raw      int           // bodies with parts of files, as they are
	rebuilt  int           // archives of which it is told how long they took
	free     chan struct{} // closed when questions are answered
	once     sync.Once
}

func (c *course) Link() (time.Duration, float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.answered && !c.bytesFirst {
		return 40 * time.Millisecond, 1e5
	}
	return 40 * time.Millisecond, 2.2e6
}

func (c *course) Exchange(ctx context.Context, session string, body []byte, reply func(wire.Frame) error) error {
	asks := has(body, func(f wire.Frame) bool { return f.Type == wire.FrameSign })
	if asks {
		select {
		case <-c.free:
		case <-time.After(time.Minute): // there was no race
		}
	}
	err := c.Remote.Exchange(ctx, session, body, reply)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answered = c.answered || asks
	return err
}

func (c *course) Send(ctx context.Context, session string, body []byte, rank int64, gone func(), reply func(wire.Frame) error) error {
	raw := has(body, func(f wire.Frame) bool {
		p, err := wire.ParsePart(f.Payload)
		return f.Type == wire.FramePart && err == nil && p.View == wire.Raw
	})
	if raw {
		c.mu.Lock()
		c.raw++
		c.mu.Unlock()
		if !c.bytesFirst {
			c.once.Do(func() { close(c.free) })
			gone()
			<-ctx.Done()
			return ctx.Err()
		}
	}
	return c.Remote.Send(ctx, session, body, rank, gone, func(f wire.Frame) error {
		if rs, err := wire.ParseRebuilt(f.Payload); f.Type == wire.FrameRebuilt && err == nil {
			c.mu.Lock()
			for _, r := range rs {
				if r.Took > 0 {
					c.rebuilt++
				}
			}
			c.mu.Unlock()
		}
		ss, err := wire.ParseStored(f.Payload)
		if f.Type == wire.FrameStored && err == nil && len(ss) > 0 && ss[0].Outcome == wire.Stored {
			c.once.Do(func() { close(c.free) })
		}
		return reply(f)
	})
}

func has(body []byte, want func(wire.Frame) bool) bool {
	r := wire.NewReader(bytes.NewReader(body))
	for f, err := r.Next(); err == nil; f, err = r.Next() {
		if want(f) {
			return true
		}
	}
	return false
}

// TestRace pushes the next release of an archive over a link that might be quick enough:
// it goes by its bytes while it is taken apart, to the end if that is there first, and no
// farther once the link turns out to be slow.
func TestRace(t *testing.T) {
	for name, bytesFirst := range map[string]bool{"by its bytes": true, "by what is inside": false} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			old, changed := members(5, 500), members(5, 500)
			for i := range changed {
				if i%4 == 0 {
					changed[i] = append(changed[i][:len(changed[i])/2:len(changed[i])/2], append([]byte("a new line\n"), changed[i][len(changed[i])/2:]...)...)
				}
			}
			first, second := t.TempDir(), t.TempDir()
			s.write(first, "a.tgz", tgz(t, old, time.Unix(1_700_000_000, 0), 6))
			s.write(second, "a.tgz", tgz(t, changed, time.Unix(1_710_000_000, 0), 6))
			s.builder(s.issue(token.Grant{Target: "a/1"}), first).mustPush()
			b := s.builder(s.issue(token.Grant{Target: "a/1", Overwrite: true}), second)
			on := &course{bytesFirst: bytesFirst, free: make(chan struct{})}
			b.between = func(r push.Remote) push.Remote { on.Remote = r; return on }
			got := b.mustPush()
			inside := int64(1)
			if bytesFirst {
				inside = 0
			}
			if got.Archive.Files != inside || got.Whole.Files != 1-inside || got.Whole.Bytes != (1-inside)*got.Bytes {
				t.Errorf("%+v whole, %+v by what is inside, of %d bytes", got.Whole, got.Archive, got.Bytes)
			}
			if on.raw == 0 || !bytesFirst && on.raw > 4 {
				t.Errorf("%d bodies of it as it is", on.raw)
			}
			if on.rebuilt != int(inside) {
				t.Errorf("told of %d archives how long they took to be rebuilt", on.rebuilt)
			}
			s.wantTree("a/1", second)
		})
	}
}
