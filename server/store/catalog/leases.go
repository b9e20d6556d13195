package catalog

import (
	"context"
	"errors"
	"sync"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// leases are the leases that need not survive a restart: those of blobs that
// the server already held. (Losing one costs a transfer, and only if collection
// takes the blob before the session comes back.) Leases of bytes a session
// brought are rows.
type leases struct {
	mu       sync.Mutex
	sessions map[store.SessionID]map[int64]struct{}
	holders  map[int64]int // how many sessions lease a blob
}

func newLeases() *leases {
	return &leases{sessions: make(map[store.SessionID]map[int64]struct{}), holders: make(map[int64]int)}
}

func (l *leases) add(s store.SessionID, ids []int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	blobs := l.sessions[s]
	if blobs == nil {
		blobs = make(map[int64]struct{}, len(ids))
		l.sessions[s] = blobs
	}
	for _, id := range ids {
		if _, ok := blobs[id]; !ok {
			blobs[id] = struct{}{}
			l.holders[id]++
		}
	}
}

func (l *leases) drop(s store.SessionID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id := range l.sessions[s] {
		if l.holders[id]--; l.holders[id] == 0 {
			delete(l.holders, id)
		}
	}
	delete(l.sessions, s)
}

// has reports whether s leases the blob; leased, whether anybody does.
func (l *leases) has(s store.SessionID, id int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, ok := l.sessions[s][id]
	return ok
}

func (l *leases) leased(id int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.holders[id] > 0
}

func (l *leases) list() (all []store.SessionID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for s := range l.sessions {
		all = append(all, s)
	}
	return all
}

// Lease leases a known blob until the next restart.
func (c *Catalog) Lease(s store.SessionID, ids ...int64) { c.leases.add(s, ids) }

// lease writes lease rows for the known ones among ds.
func lease(w *conn, s store.SessionID, ds []manifest.Digest) error {
	if len(ds) == 0 {
		return nil
	}
	holder, err := holderID(w, s)
	if err != nil {
		return err
	}
	for base := 0; base < len(ds); base += findPage {
		page := ds[base:min(base+findPage, len(ds))]
		_, err := w.exec(each+"INSERT OR IGNORE INTO leases(blob, holder) SELECT b.id, ?3 FROM n CROSS JOIN blobs b ON b.digest=n.d",
			joined(page), len(page), holder)
		if err != nil {
			return err
		}
	}
	return nil
}

// leaseSince writes lease rows for the blobs that came after blob last, which the
// transaction has made known, and returns how many. By their numbers, which follow each
// other, that is a fifth of the work of finding each by its digest.
func leaseSince(w *conn, s store.SessionID, last int64) (int64, error) {
	holder, err := holderID(w, s)
	if err != nil {
		return 0, err
	}
	return w.exec("INSERT INTO leases(blob, holder) SELECT id, ? FROM blobs WHERE id>?", holder, last)
}

func holderID(w *conn, s store.SessionID) (id int64, err error) {
	err = w.row([]any{&id}, "SELECT id FROM holders WHERE session=?", string(s))
	if errors.Is(err, store.ErrNotFound) {
		err = w.row([]any{&id}, "INSERT INTO holders(session) VALUES (?) RETURNING id", string(s))
	}
	return id, err
}

// DropLeases drops all leases of a session. Rows of a holder that is gone count
// for nothing and are removed by the next collection.
func (c *Catalog) DropLeases(ctx context.Context, s store.SessionID) error {
	c.leases.drop(s)
	var n int
	err := c.read(ctx, func(r *conn) error {
		return r.row([]any{&n}, "SELECT 1 FROM holders WHERE session=?", string(s))
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return c.write(ctx, func(w *conn) error {
		_, err := w.exec("DELETE FROM holders WHERE session=?", string(s))
		return err
	})
}

// Holders returns the sessions that hold leases.
func (c *Catalog) Holders(ctx context.Context) ([]store.SessionID, error) {
	all := c.leases.list()
	var s string
	err := c.read(ctx, func(r *conn) error {
		return r.rows([]any{&s}, func() error {
			all = append(all, store.SessionID(s))
			return nil
		}, "SELECT session FROM holders")
	})
	return all, err
}
