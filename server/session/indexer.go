package session

import (
	"context"
	"errors"
	"sync"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

const (
	// minIndexed is the size in bytes of a file from which the index of its
	// members is made before anybody asks for it.
	minIndexed = 32 << 10
	// maxQueued bounds the files that wait for that. An index that was left out
	// is made when it is first wanted.
	maxQueued = 4096
	// maxIndexings is how often the index of one file is begun: a request that
	// comes ends it.
	maxIndexings = 3
)

// An indexer knows which published files have no index yet, and when there is
// time to make one: when no request has come for a while, so that no push is
// slowed down. It is safe for concurrent use.
type indexer struct {
	mu     sync.Mutex
	queue  []indexing
	busy   int // requests under way
	came   int // requests so far
	quiet  int // of them, those before the last stretch of quiet
	cancel context.CancelFunc
	change chan struct{} // closed when there may be work, and replaced
}

type indexing struct {
	digest manifest.Digest
	begun  int // times
}

func newIndexer() *indexer {
	return &indexer{quiet: -1, cancel: func() {}, change: make(chan struct{})}
}

// begin tells that a request is under way: what is being indexed is put back.
func (ix *indexer) begin() {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	ix.busy++
	ix.came++
	ix.cancel()
}

func (ix *indexer) end() {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	ix.busy--
	ix.wake()
}

// add queues files that were published.
func (ix *indexer) add(ds []manifest.Digest) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	for _, d := range ds[:min(len(ds), maxQueued-len(ix.queue))] {
		ix.queue = append(ix.queue, indexing{digest: d})
	}
	ix.wake()
}

func (ix *indexer) wake() {
	close(ix.change)
	ix.change = make(chan struct{})
}

// next waits until there is a file to index and the time for it: until no request
// is under way and none has come while idle lasted. work ends when the time does;
// the caller calls done.
func (ix *indexer) next(ctx context.Context, idle func(context.Context) error) (next indexing, work context.Context, err error) {
	for {
		ix.mu.Lock()
		ready := ix.busy == 0 && len(ix.queue) > 0
		if ready && ix.quiet == ix.came {
			next, ix.queue = ix.queue[0], ix.queue[1:]
			work, ix.cancel = context.WithCancel(ctx)
			ix.mu.Unlock()
			return next, work, nil
		}
		change, came := ix.change, ix.came
		ix.mu.Unlock()
		if ready {
			if err := idle(ctx); err != nil {
				return next, nil, err
			}
			ix.mu.Lock()
			ix.quiet = came
			ix.mu.Unlock()
			continue
		}
		select {
		case <-change:
		case <-ctx.Done():
			return next, nil, ctx.Err()
		}
	}
}

// done ends the work on a file; again puts it back, up to a few times.
func (ix *indexer) done(it indexing, again bool) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	ix.cancel()
	ix.cancel = func() {}
	if it.begun++; again && it.begun < maxIndexings && len(ix.queue) < maxQueued {
		ix.queue = append(ix.queue, it)
	}
}

// Index makes the member indexes of archives after they are published, one at a
// time, until ctx ends. It begins when no request is under way and none has come
// while idle, which waits for a stretch of time, lasted; a request ends it. Without
// it an index is made when it is first wanted. Failures are logged.
func (e *Engine) Index(ctx context.Context, idle func(context.Context) error) {
	for {
		it, work, err := e.indexer.next(ctx, idle)
		if err != nil {
			return
		}
		err = e.index(work, it.digest)
		again := work.Err() != nil
		if err != nil && !again {
			e.cfg.Log.Warn("an archive's index was not made; it will be when it is wanted", "digest", it.digest, "error", err)
		}
		e.indexer.done(it, again)
	}
}

// index makes the index of a blob unless it is there, or the blob is gone or no
// archive.
func (e *Engine) index(ctx context.Context, d manifest.Digest) error {
	_, err := e.cfg.Store.Derived(ctx, d, indexName)
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	blob, err := e.cfg.Store.Open(ctx, d)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	v, err := e.takeApart(ctx, "", d, blob, nil, false)
	if v == nil || err != nil {
		return errors.Join(err, blob.Close())
	}
	v.close()
	return nil
}
