package session

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/pubsync/pubsync/server/store"
)

// Abandon ends an open session and frees what it holds. The token's
// publication stays with the session secret: the same client may open again.
func (e *Engine) Abandon(ctx context.Context, auth Authority, id store.SessionID, secret string) error {
	rec, err := e.find(ctx, auth, id, secret)
	if err != nil {
		return err
	}
	if rec.Receipt != nil {
		e.drop(id)
		return nil
	}
	return e.Discard(ctx, id)
}

// Discard ends a session whoever holds it, and frees what it holds.
func (e *Engine) Discard(ctx context.Context, id store.SessionID) error {
	e.drop(id)
	if err := e.cfg.Store.Release(ctx, id); err != nil {
		return err
	}
	return e.cfg.Store.Update(ctx, func(tx store.Tx) error {
		if err := forgetFiles(tx, id); err != nil {
			return err
		}
		return tx.Delete(bucket, string(id))
	})
}

// Live returns a function that tells whether a session may still come back:
// those on record, as of now. What others lease or have staged is garbage.
func (e *Engine) Live(ctx context.Context) func(store.SessionID) bool {
	return func(id store.SessionID) bool {
		rec, err := e.load(ctx, id)
		if errors.Is(err, store.ErrNotFound) {
			return false
		}
		return err != nil || rec.Receipt == nil
	}
}

// Expire forgets what sessions unused for longer than idle hold in memory, and
// ends those used last before the given time for good. Call it now and then.
func (e *Engine) Expire(ctx context.Context, idle time.Duration, before time.Time) error {
	var quiet []*session
	e.mu.Lock()
	for id, s := range e.sessions {
		if s.users == 0 && e.cfg.Now().Sub(s.used) > idle {
			quiet = append(quiet, s)
			delete(e.sessions, id)
		}
	}
	e.mu.Unlock()
	for _, s := range quiet {
		s.close()
	}
	var dead []store.SessionID
	err := e.cfg.Store.View(ctx, func(tx store.Tx) error {
		return tx.Scan(bucket, "", func(key string, value []byte) bool {
			var rec record
			if json.Unmarshal(value, &rec) != nil || rec.last().Before(before) {
				dead = append(dead, store.SessionID(key))
			}
			return true
		})
	})
	for _, id := range dead {
		if err != nil {
			return err
		}
		err = e.Discard(ctx, id)
	}
	return err
}
