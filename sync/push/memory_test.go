package push

import (
	"context"
	"testing"

	"golang.org/x/sync/semaphore"

	"github.com/pubsync/pubsync/delta"
	"github.com/pubsync/pubsync/sync/wire"
)

// While one archive is taken apart and others wait for that, another file is matched: else
// the link would be idle until the last is apart.
func TestMemoryWhileArchivesWait(t *testing.T) {
	p := &pusher{memory: semaphore.NewWeighted(workMemory), taking: semaphore.NewWeighted(1)}
	first, err := p.takingApart(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	waiting, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	for range 3 {
		go func() {
			_, err := p.takingApart(waiting)
			ended <- err
		}()
	}
	st := newStream(wire.Raw, delta.Source{Size: 100 << 20}, nil)
	for range 2 {
		matched, err := p.matching(t.Context(), st)
		if err != nil {
			t.Fatal(err)
		}
		matched()
	}
	cancel()
	for range 3 {
		if <-ended == nil {
			t.Error("two archives are taken apart at once")
		}
	}
	first()
	if !p.memory.TryAcquire(workMemory) {
		t.Error("memory was not given back")
	}
}
