package session

import (
	"context"
	"sync"
	"time"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// A Quota bounds the content that a holder keeps.
type Quota struct {
	Name   string // for people: `the type "android"`
	Holder store.Holder
	Bytes  int64
}

// recount is how old a count of what a holder keeps may be before a push is
// refused on its account.
const recount = 10 * time.Second

// A room accounts for the space that sessions have been promised, so that what
// is accepted from many at once never takes the disk's reserve or goes past a
// quota. Promises live in memory: after a restart clients list anew, and ask
// anew. It is safe for concurrent use.
type room struct {
	store   store.Store
	reserve int64 // bytes of disk to leave free
	now     func() time.Time

	mu       sync.Mutex
	promised int64 // bytes of disk, not written yet
	accounts map[store.Holder]*account
}

// An account is what a holder keeps and what it has been promised.
type account struct {
	mu       sync.Mutex
	kept     int64 // as counted, with what was published since
	promised int64
	counted  time.Time // zero: never
	stale    bool      // something was published since it was counted
}

func newRoom(cfg *Config) *room {
	return &room{store: cfg.Store, reserve: cfg.Reserve, now: cfg.Now, accounts: map[store.Holder]*account{}}
}

func (r *room) account(h store.Holder) *account {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.accounts[h]
	if a == nil {
		a = &account{}
		r.accounts[h] = a
	}
	return a
}

// take promises n bytes of disk, or returns an error with code "no_space".
func (r *room) take(n int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	free, err := r.store.Free()
	if err != nil {
		return err
	}
	if left := free - r.reserve - r.promised; n > left {
		return noSpace("the server's disk", n, left).
			WithHint("free space on the server (pubsync gc), then push again: what arrived is kept")
	}
	r.promised += n
	return nil
}

// give takes back what was promised: it is on the disk now, or never will be.
// Call it after the write, so that no byte is ever counted as free twice.
func (r *room) give(n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.promised -= n
}

// take promises n bytes of the quota, or returns an error with code "no_space".
// Nothing is to be had even of a quota that is overdrawn.
func (a *account) take(ctx context.Context, r *room, q Quota, n int64) error {
	if n == 0 {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.counted.IsZero() || a.kept+a.promised+n > q.Bytes && (a.stale || r.now().Sub(a.counted) > recount) {
		kept, err := r.store.Kept(ctx, q.Holder)
		if err != nil {
			return err
		}
		a.kept, a.counted, a.stale = kept, r.now(), false
	}
	if left := q.Bytes - a.kept - a.promised; n > left {
		return noSpace(q.Name, n, left).
			WithHint("remove builds that are no longer wanted, or have the quota raised, then push again")
	}
	a.promised += n
	return nil
}

// settle takes back a promise; published says that it has been kept.
func (a *account) settle(n int64, published bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.promised -= n
	if published {
		a.kept, a.stale = a.kept+n, true
	}
}

func noSpace(where string, asked, left int64) *wire.Error {
	left = max(left, 0)
	e := wire.Errorf(wire.CodeNoSpace, "%s has %s left and this needs %s more; nothing was published", where, wire.Bytes(left), wire.Bytes(asked))
	e.Asked, e.Left = asked, left
	return e
}

// What a file costs on the disk beyond its bytes, and an entry of the list in
// the catalog and its log, in bytes.
const (
	fileCost  = 512
	entryCost = 512
)

// A claim is the space promised to one session.
type claim struct {
	room *room

	mu     sync.Mutex
	owed   map[debt]int64 // bytes of disk promised, not written yet
	shares []*share
	closed bool // with its session: nothing is promised any more
}

// A debt is what bytes are promised for: the raw or the plain view of the file
// at an index of the list, or, at -1, the list itself.
type debt struct {
	index int
	view  wire.View
}

// A share is what a session was promised of a quota.
type share struct {
	quota   Quota
	account *account
	counted map[manifest.Digest]bool
	bytes   int64
}

func newClaim(r *room, quotas []Quota) *claim {
	c := &claim{room: r, owed: map[debt]int64{}}
	for _, q := range quotas {
		c.shares = append(c.shares, &share{quota: q, account: r.account(q.Holder), counted: map[manifest.Digest]bool{}})
	}
	return c
}

// A want is content that a session is about to bring, or to link.
type want struct {
	index  int
	digest manifest.Digest
	size   int64
	staged int64 // bytes on the disk already
	held   bool  // all of them
}

// take has the room promise what the session wants and has not been promised,
// all of it or nothing that is told of here.
func (c *claim) take(ctx context.Context, entries int, ws []want) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return listNeeded(0)
	}
	for _, s := range c.shares {
		if err := s.take(ctx, c.room, ws); err != nil {
			return err
		}
	}
	list := debt{index: -1}
	owe := map[debt]int64{}
	if _, ok := c.owed[list]; !ok {
		owe[list] = int64(entries) * entryCost
	}
	seen := map[manifest.Digest]bool{}
	for _, w := range ws {
		d := debt{w.index, wire.Raw}
		if _, ok := c.owed[d]; ok || w.held || seen[w.digest] {
			continue
		}
		seen[w.digest] = true
		owe[d] = w.size - w.staged + fileCost
	}
	return c.promise(owe)
}

// promise takes new debts. c is locked.
func (c *claim) promise(owe map[debt]int64) error {
	var n int64
	for _, bytes := range owe {
		n += bytes
	}
	if n == 0 {
		return nil
	}
	if err := c.room.take(n); err != nil {
		return err
	}
	for d, bytes := range owe {
		c.owed[d] = bytes
	}
	return nil
}

// takeView promises the bytes of a view that is staged beside its file.
func (c *claim) takeView(d debt, n int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return listNeeded(0)
	}
	if _, ok := c.owed[d]; ok {
		return nil
	}
	return c.promise(map[debt]int64{d: n})
}

// owes reports whether space for the content at an index is promised.
func (c *claim) owes(index int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := c.owed[debt{index, wire.Raw}]
	return ok
}

// take has a quota promise what is not kept on its account yet. What the token
// may not read is counted as not kept, as it is not there for whoever asks.
func (s *share) take(ctx context.Context, r *room, ws []want) error {
	var (
		ds    []manifest.Digest
		fresh []want
		seen  = map[manifest.Digest]bool{}
	)
	for _, w := range ws {
		if !s.counted[w.digest] && !seen[w.digest] {
			seen[w.digest] = true
			ds, fresh = append(ds, w.digest), append(fresh, w)
		}
	}
	kept, err := r.store.Keeps(ctx, s.quota.Holder, ds)
	if err != nil {
		return err
	}
	var n int64
	for i := range ds {
		if !kept[i] || !fresh[i].held {
			n += fresh[i].size
		}
	}
	if err := s.account.take(ctx, r, s.quota, n); err != nil {
		return err
	}
	s.bytes += n
	for _, d := range ds {
		s.counted[d] = true
	}
	return nil
}

// Reserve promises a publication of content that is held the space it takes: that
// of its entries on the disk, and, of the quotas of the target and the owner, that
// of the content that is not on their account yet. Errors: code "no_space". Call
// settle when it is published or not going to be.
func (e *Engine) Reserve(ctx context.Context, target manifest.Path, owner string, l manifest.List) (settle func(published bool), err error) {
	c := newClaim(e.room, e.cfg.Quotas(target, owner))
	var ws []want
	for i := range l {
		if l[i].Kind == manifest.File {
			ws = append(ws, want{index: i, digest: l[i].Digest, size: l[i].Size, held: true})
		}
	}
	if err := c.take(ctx, len(l), ws); err != nil {
		c.end(false)
		return nil, err
	}
	return c.end, nil
}

// pay counts bytes of a debt that are on the disk now.
func (c *claim) pay(d debt, n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n = min(n, c.owed[d])
	if n > 0 {
		c.owed[d] -= n
		c.room.give(n)
	}
}

// settle ends a debt.
func (c *claim) settle(d debt) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.room.give(c.owed[d])
	delete(c.owed, d)
}

// end gives everything back; published says that the session's content is
// kept now.
func (c *claim) end(published bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.giveBack(published)
}

// close gives everything back for good.
func (c *claim) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.giveBack(false)
}

func (c *claim) giveBack(published bool) {
	for d, n := range c.owed {
		c.room.give(n)
		delete(c.owed, d)
	}
	for _, s := range c.shares {
		s.account.settle(s.bytes, published)
		s.bytes = 0
		clear(s.counted)
	}
}
