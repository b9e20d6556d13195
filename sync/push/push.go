package push

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/pubsync/pubsync/delta/codec"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/walk"
	"github.com/pubsync/pubsync/sync/wire"
)

// Push publishes the tree. The errors of the remote pass unchanged; others
// wrap [walk.ErrChanged], [ErrProtocol], or name the local path that could not
// be read. The result is valid as far as it got even when there is an error.
func Push(ctx context.Context, r Remote, t *walk.Tree, o Options) (Result, error) {
	if o.Progress == nil {
		o.Progress = noProgress{}
	}
	if o.Event == nil {
		o.Event = func(Event) {}
	}
	p := &pusher{remote: r, tree: t, opts: o, coder: codec.NewCoder(), memory: semaphore.NewWeighted(workMemory), taking: semaphore.NewWeighted(1), shelves: make(chan []byte, manyWindows), changes: map[int]int{}, untold: map[int]bool{}, amended: map[int]bool{}, partial: map[int]int64{}, afloat: map[int]*tally{}, counted: make([]bool, len(t.Entries)), needs: make([]bool, len(t.Entries))}
	p.result.Files, p.result.Bytes = t.Entries.Totals()
	o.Progress.Total(p.result.Files, p.result.Bytes)
	p.old = oldFiles{}
	defer p.old.close()
	p.rate.learn(r.Link()) // as another push has left it
	err := p.run(ctx)
	if err == nil {
		p.keep()
	}
	p.collect()
	return p.result, err
}

// pusher is one push under way.
type pusher struct {
	remote  Remote
	tree    *walk.Tree
	opts    Options
	session string
	limits  wire.Limits
	body    atomic.Int64 // bytes a request body may have; shrinks when a proxy refuses
	result  Result

	counted []bool     // by index: reported to Progress
	events  sync.Mutex // guards counted, partial, changes, amended, afloat, untold and twins

	spelled    bool                     // the list and all digests were given whole
	early      *early                   // what was asked with the list; nil if nothing
	runs       []run                    // of the list, not answered for yet
	answered   int                      // entries of the list, in the last answer
	alike      []bool                   // by index: as long as what stands there, whose digest it may have
	wholly     bool                     // digests go whole
	foreseen   bool                     // needs is known before runs are listed
	fresh      bool                     // most files will need a digest
	needs      []bool                   // by index: the server needs its digest
	volunteers map[int][]wire.Signature // by index: signatures that came unasked
	direct     map[int]bool             // by index: it goes by those
	untold     map[int]bool             // by index: it goes so, and its digest has to go with it

	amended map[int]bool  // by index: its file changed since it was listed
	changes map[int]int   // by index: how often its file changed
	partial map[int]int64 // by index: bytes reported of a file not dealt with yet
	coder   *codec.Coder
	rate    rate
	pace    pace
	backlog backlog
	slots   slots
	mixing  mixing
	haste   haste
	purse   purse
	novelty novelty
	memory  *semaphore.Weighted // of what is matched and coded at once, in bytes
	taking  *semaphore.Weighted // of archives that are taken apart
	under   underway
	inWork  int         // windows that are under way at once
	shelves chan []byte // room of shelves that are free

	airborne    atomic.Int64 // bytes of bodies with content that are under way
	had, lacked atomic.Int64 // files asked about that the server had, and had not
	twins       []int        // files with the content of another: to be asked about when that has been sent

	requests atomic.Uint64  // numbers of requests with content
	asking   bool           // an eager request was lost: from now on it is asked what to send
	afloat   map[int]*tally // by index: how a file went that was on a request that was lost
	siblings siblings       // large files that are under way

	basisLock sync.Mutex // guards the views of old files, and old
	old       oldFiles
	deciding  sync.Mutex // held while it is decided whether one goes by its bytes after all

	whole, delta, archive, linked tally
	receipt                       *wire.Receipt
	promised                      manifest.Digest // what the last commit announced
}

// tally is a Method being counted.
type tally struct{ files, bytes, sent atomic.Int64 }

func (t *tally) add(files, bytes, sent int64) {
	t.files.Add(files)
	t.bytes.Add(bytes)
	t.sent.Add(sent)
}

func (t *tally) method() Method {
	m := Method{Files: t.files.Load(), Bytes: t.bytes.Load(), Sent: t.sent.Load()}
	m.Saved = m.Bytes - m.Sent
	return m
}

func (p *pusher) collect() {
	p.result.Whole, p.result.Delta = p.whole.method(), p.delta.method()
	p.result.Archive, p.result.Linked = p.archive.method(), p.linked.method()
	if p.receipt != nil {
		p.result.Receipt = p.receipt
		p.result.FilesRemoved = p.receipt.Removed
	}
}

func (p *pusher) run(ctx context.Context) error {
	var asked error
	for range maxRestarts {
		done, err := p.attempt(ctx)
		if !p.wholly && errors.Is(err, &wire.Error{Code: wire.CodeManifestMismatch}) {
			p.wholly = true // two digests may begin alike
			continue
		}
		if done || err != nil && !restartable(err) {
			return err
		}
		asked = err
	}
	return fmt.Errorf("%w: it asked %d times for what it was given, at last: %w", ErrProtocol, maxRestarts, asked)
}

// restartable reports whether the server asks for the list, or for content,
// again.
func restartable(err error) bool {
	var e *wire.Error
	return errors.As(err, &e) && (e.Code == wire.CodeListNeeded || e.Code == wire.CodeIncomplete || e.Code == wire.CodeGap)
}

// attempt goes through the stages once; done means there is nothing more to
// do. A failed attempt may be made again: what the server has got, it has.
func (p *pusher) attempt(ctx context.Context) (done bool, err error) {
	if done, err := p.open(ctx); done || err != nil {
		return done, err
	}
	if p.foreseen && len(p.runs) > 0 { // else the rest of the list goes first
		if done, err := p.eager(ctx); done || err != nil {
			return done, err
		}
	}
	if err := p.settle(ctx); err != nil {
		return false, err
	}
	if p.told() {
		err = p.transferWindow(ctx, &window{indices: p.early.indices, only: true}, &p.early.answer)
	} else {
		if done, err := p.eager(ctx); done || err != nil {
			return done, err
		}
		p.opts.Progress.State("sending")
		err = p.transfer(ctx)
	}
	if err != nil {
		return false, err
	}
	if p.opts.DryRun {
		p.result.Status = "dry-run"
		return true, p.remote.Abandon(ctx, p.session)
	}
	if p.receipt == nil {
		p.opts.Progress.State("committing")
		if err := p.commit(ctx); err != nil {
			return false, err
		}
	}
	p.result.Status = "published"
	return true, nil
}

// exchange sends frames to the session and learns from the time it takes.
func (p *pusher) exchange(ctx context.Context, body []byte, reply func(wire.Frame) error) error {
	took, err := p.timed(ctx, body, p.remote.Exchange, false, reply)
	if err == nil {
		p.rate.add(len(body), took)
	}
	return err
}

// A carrier sends frames to a session: [Remote.Exchange], or what sendOnce makes of
// [Remote.Send].
type carrier func(ctx context.Context, session string, body []byte, reply func(wire.Frame) error) error

// timed sends frames to the session, which may have it rebuild archives, and returns
// how long it took.
func (p *pusher) timed(ctx context.Context, body []byte, by carrier, rebuilds bool, reply func(wire.Frame) error) (time.Duration, error) {
	done, err := p.slots.take(ctx, rebuilds)
	if err != nil {
		return 0, err
	}
	defer done()
	began := p.opts.Now()
	if err := by(ctx, p.session, body, reply); err != nil {
		return 0, err
	}
	p.rate.learn(p.remote.Link())
	return p.opts.Now().Sub(began), nil
}

// deal reports the file at index i as dealt with, once.
func (p *pusher) deal(i int, what string) {
	p.events.Lock()
	defer p.events.Unlock()
	if p.counted[i] {
		return
	}
	p.counted[i] = true
	e := &p.tree.Entries[i]
	p.opts.Progress.Add(1, e.Size-p.partial[i])
	p.backlog.drop(i)
	if what != "" {
		p.opts.Event(Event{Path: e.Path, What: what})
	}
}

// advance reports bytes of a file that is on its way.
func (p *pusher) advance(i int, n int64) {
	p.events.Lock()
	defer p.events.Unlock()
	if !p.counted[i] {
		p.partial[i] += n
		p.opts.Progress.Add(0, n)
		p.backlog.sent(i, n)
	}
}

// hashers is the number of files hashed at once.
func hashers() int { return min(4, runtime.GOMAXPROCS(0)) }

// pause waits before a file that changed is read again.
const pause = 200 * time.Millisecond
