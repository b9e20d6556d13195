package disk

import (
	"context"
	"runtime"
	"strings"
	"testing"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// hookFS calls a function before directories are synced.
type hookFS struct {
	FS
	before func(dir string)
}

func (h hookFS) SyncDir(name string) error {
	h.before(name)
	return h.FS.SyncDir(name)
}

// TestCollectWhilePlacing begins a collection just when a large blob has its
// name and the catalog does not know it yet. The collection must wait.
func TestCollectWhilePlacing(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	content := strings.Repeat("x", store.SmallBlob+1)
	d := manifest.DigestOf([]byte(content))
	real, err := NewFS(dir)
	if err != nil {
		t.Fatal(err)
	}
	var s *Store
	collected := make(chan error, 1)
	before := func(name string) {
		if name != blobDir(d) {
			return
		}
		go func() {
			_, err := s.Collect(ctx, store.CollectOptions{})
			collected <- err
		}()
		// A writer that waits for the lock, or has it, keeps readers out. A collection
		// that is through has not waited.
		for len(collected) == 0 && s.sweep.TryRLock() {
			s.sweep.RUnlock()
			runtime.Gosched()
		}
	}
	if s, err = Open(ctx, Options{Dir: dir, FS: hookFS{real, before}, Volatile: true}); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	b, err := s.NewBatch("s")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Add(d, int64(len(content)), strings.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	if err := b.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-collected; err != nil {
		t.Fatal(err)
	}
	blob, err := s.Open(ctx, d)
	if err != nil {
		t.Fatal(err)
	}
	blob.Close()
}

// What batches that are being made durable gathered small blobs in serves others.
func TestBatchLendsItsBuffer(t *testing.T) {
	s, err := Open(t.Context(), Options{Dir: t.TempDir(), Volatile: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range 2 {
		made, err := s.NewBatch("s")
		if err != nil {
			t.Fatal(err)
		}
		defer made.Discard()
		b := made.(*batch)
		content := "some content"
		if err := b.Add(manifest.DigestOf([]byte(content)), int64(len(content)), strings.NewReader(content)); err != nil {
			t.Fatal(err)
		}
		if b.buf == nil {
			t.Fatal("a blob that waits is nowhere")
		}
		if err := b.flush(); err != nil {
			t.Fatal(err)
		}
		if b.buf != nil {
			t.Error("the buffer is kept although nothing waits")
		}
	}
}
