package session

import (
	"context"
	"testing"

	"github.com/pubsync/pubsync/sync/manifest"
)

// Work on an index waits while a request is under way, gives way to one that
// comes, and is not begun for ever.
func TestIndexingGivesWay(t *testing.T) {
	ix := newIndexer()
	idle := func(context.Context) error { return nil }
	over, cancel := context.WithCancel(context.Background())
	cancel()
	ix.begin()
	ix.add([]manifest.Digest{{1}})
	if it, _, err := ix.next(over, idle); err == nil {
		t.Fatalf("%v is indexed while a request is under way", it.digest)
	}
	ix.end()
	for range maxIndexings {
		it, work, err := ix.next(context.Background(), idle)
		if err != nil {
			t.Fatal(err)
		}
		ix.begin()
		if work.Err() == nil {
			t.Fatal("the work goes on beside a request")
		}
		ix.done(it, true)
		ix.end()
	}
	if len(ix.queue) != 0 {
		t.Errorf("an index is to be made after %d attempts", maxIndexings)
	}
}
