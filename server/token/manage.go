package token

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// A State sums up a record at one instant.
type State string

// The states.
const (
	StatePending  State = "pending"  // before NotBefore
	StateLive     State = "live"     // can open a session
	StateInUse    State = "in_use"   // all publications left are held by open sessions
	StateConsumed State = "consumed" // all publications are spent
	StateExpired  State = "expired"
	StateRevoked  State = "revoked"
)

// State returns the state of the record at the given time.
func (r Record) State(now time.Time) State {
	switch {
	case !r.Revoked.IsZero():
		return StateRevoked
	case r.Spent.Publications >= r.Grant.Publications:
		return StateConsumed
	case now.After(r.Grant.end()), now.After(r.Grant.NotAfter) && r.Spent.InUse == 0:
		return StateExpired
	case now.Before(r.Grant.NotBefore):
		return StatePending
	case r.Spent.Publications+r.Spent.InUse >= r.Grant.Publications:
		return StateInUse
	}
	return StateLive
}

// own returns the token if it is the scheduler's, and CodeInvalid if it is
// unknown or somebody else's.
func own(tx store.Tx, by Scheduler, accessor string) (chain, error) {
	c, err := getChain(tx, accessor)
	if err != nil {
		return nil, err
	}
	if c[0].Scheduler != by.Name {
		return nil, errInvalid()
	}
	return c, nil
}

// shown returns what is shown of the token: revoked when an ancestor is, and
// without calls that were paid for and are left.
func (s *Service) shown(c chain) Record {
	r := c[0].Record
	for _, t := range c {
		if r.Revoked.IsZero() {
			r.Revoked = t.Revoked
		}
	}
	r.Spent.Calls -= s.calls.unused(r.Accessor)
	return r
}

// Show returns a token of the scheduler's and what its sessions hold or have
// published, in no particular order. Errors: CodeInvalid.
func (s *Service) Show(ctx context.Context, by Scheduler, accessor string) (r Record, uses []Use, err error) {
	err = s.cfg.Records.View(ctx, func(tx store.Tx) error {
		c, err := own(tx, by, accessor)
		if err != nil {
			return err
		}
		r = s.shown(c)
		uses, err = listUses(tx, accessor, nil)
		return err
	})
	return r, uses, err
}

// listUses returns what the token's sessions hold or have published, and calls
// f with the key of each if it is not nil.
func listUses(tx store.Tx, accessor string, f func(key string, u *Use)) (uses []Use, err error) {
	var bad error
	err = tx.Scan(bucketUse, accessor+"/", func(key string, b []byte) bool {
		var u Use
		if bad = json.Unmarshal(b, &u); bad != nil {
			return false
		}
		uses = append(uses, u)
		if f != nil {
			f(key, &u)
		}
		return true
	})
	if bad != nil {
		err = fmt.Errorf("sessions of token %s: %w: %v", accessor, store.ErrDamaged, bad)
	}
	return uses, err
}

// A ListQuery selects tokens. A zero field selects all.
type ListQuery struct {
	Target manifest.Path // or below it
	State  State
	Parent string // accessor
	After  string // accessor of the last token of the page before
	Limit  int    // at most so many; 0: 1,000
}

// List returns tokens of the scheduler's, newest first.
func (s *Service) List(ctx context.Context, by Scheduler, q ListQuery) ([]Record, error) {
	if q.Limit <= 0 {
		q.Limit = 1000
	}
	var out []Record
	now := s.now()
	err := s.cfg.Records.View(ctx, func(tx store.Tx) error {
		var bad error
		skip := q.After != ""
		err := tx.Scan(bucketBy, by.Name+"/", func(key string, _ []byte) bool {
			accessor := key[strings.LastIndexByte(key, '-')+1:]
			if skip {
				skip = accessor != q.After
				return true
			}
			c, err := getChain(tx, accessor)
			if errors.Is(err, CodeInvalid) {
				return true // an ancestor was pruned, and it soon will be
			}
			if err != nil {
				bad = err
				return false
			}
			if r := s.shown(c); q.matches(&r, now) {
				out = append(out, r)
			}
			return len(out) < q.Limit && ctx.Err() == nil
		})
		if bad != nil {
			return bad
		}
		return err
	})
	if err == nil {
		err = ctx.Err()
	}
	return out, err
}

func (q *ListQuery) matches(r *Record, now time.Time) bool {
	return r.Grant.Target.Within(q.Target) &&
		(q.State == "" || q.State == r.State(now)) &&
		(q.Parent == "" || q.Parent == r.Parent)
}

// Revoke ends a token of the scheduler's, and with it every one derived from
// it: a request under way sees it by [Pass.Live]. Revoking again does nothing.
// Errors: CodeInvalid.
func (s *Service) Revoke(ctx context.Context, by Scheduler, accessor string) error {
	first := false
	err := s.cfg.Records.Update(ctx, func(tx store.Tx) error {
		c, err := own(tx, by, accessor)
		if err != nil {
			return err
		}
		first, err = s.revoke(tx, c[0])
		return err
	})
	if first && err == nil {
		s.revoked(by, 1)
	}
	return err
}

func (s *Service) revoke(tx store.Tx, t *stored) (first bool, err error) {
	if !t.Revoked.IsZero() {
		return false, nil
	}
	t.Revoked = s.now()
	if err := putToken(tx, t); err != nil {
		return false, err
	}
	return true, s.audit(tx, Event{
		Kind: EventRevoke, Accessor: t.Accessor, Parent: t.Parent, Scheduler: t.Scheduler, Target: t.Grant.Target,
	})
}

func (s *Service) revoked(by Scheduler, n int64) {
	s.revision.Add(1)
	s.cfg.Counters.Add(CountRevoked, by.Name, n)
}

// RevokeAll ends every token of the scheduler's that has not ended yet and
// returns how many there were: what to do when its credential has leaked.
func (s *Service) RevokeAll(ctx context.Context, by Scheduler) (n int, err error) {
	live, err := s.allLive(ctx, by)
	for len(live) > 0 && err == nil {
		batch := live[:min(len(live), pruneBatch)]
		live = live[len(batch):]
		done := 0
		err = s.cfg.Records.Update(ctx, func(tx store.Tx) error {
			done = 0
			for _, accessor := range batch {
				t, err := getToken(tx, accessor)
				if err != nil {
					return err
				}
				first, err := s.revoke(tx, t)
				if err != nil {
					return err
				}
				if first {
					done++
				}
			}
			return nil
		})
		if err == nil {
			n += done
			s.revoked(by, int64(done))
		}
	}
	return n, err
}

// allLive returns the accessors of the scheduler's tokens that may still be used.
func (s *Service) allLive(ctx context.Context, by Scheduler) (live []string, err error) {
	now := s.now()
	err = s.cfg.Records.View(ctx, func(tx store.Tx) error {
		var bad error
		err := tx.Scan(bucketBy, by.Name+"/", func(key string, _ []byte) bool {
			var t *stored
			if t, bad = getToken(tx, key[strings.LastIndexByte(key, '-')+1:]); bad != nil {
				return false
			}
			if t.Revoked.IsZero() && !now.After(t.Grant.end()) {
				live = append(live, t.Accessor)
			}
			return true
		})
		if bad != nil {
			return bad
		}
		return err
	})
	return live, err
}

// ResetSession frees what open sessions hold of a token of the scheduler's, so
// that it can be opened with a new session secret: for a builder that lost its
// own. Publications that were committed stay spent. It returns the sessions, for
// the caller to discard. Errors: CodeInvalid.
func (s *Service) ResetSession(ctx context.Context, by Scheduler, accessor string) (sessions []store.SessionID, err error) {
	err = s.cfg.Records.Update(ctx, func(tx store.Tx) error {
		sessions = nil
		c, err := own(tx, by, accessor)
		if err != nil {
			return err
		}
		var open []string
		_, err = listUses(tx, accessor, func(key string, u *Use) {
			if u.Receipt == nil {
				open, sessions = append(open, key), append(sessions, u.Session)
			}
		})
		if err != nil {
			return err
		}
		for _, key := range open {
			if err := release(tx, accessor, key); err != nil {
				return err
			}
		}
		return s.audit(tx, Event{Kind: EventReset, Accessor: accessor, Scheduler: by.Name, Target: c[0].Grant.Target})
	})
	return sessions, err
}

// PruneTokens drops the tokens whose last instant was before the given time,
// with their receipts, and returns how many there were.
func (s *Service) PruneTokens(ctx context.Context, before time.Time) (int, error) {
	return prune(ctx, s.cfg.Records, bucketEnd, before, func(tx store.Tx, key string) error {
		if err := dropToken(tx, key[strings.LastIndexByte(key, '-')+1:]); err != nil {
			return err
		}
		return tx.Delete(bucketEnd, key)
	})
}

func dropToken(tx store.Tx, accessor string) error {
	t, err := getToken(tx, accessor)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	var keys []string
	if _, err := listUses(tx, accessor, func(key string, _ *Use) { keys = append(keys, key) }); err != nil {
		return err
	}
	for _, k := range keys {
		if err := tx.Delete(bucketUse, k); err != nil {
			return err
		}
	}
	if err := tx.Delete(bucketBy, byKey(&t.Record)); err != nil {
		return err
	}
	return tx.Delete(bucketToken, accessor)
}
