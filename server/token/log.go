package token

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// A Query selects events of the audit log. A zero field selects all.
type Query struct {
	Since     time.Time // the first instant
	Until     time.Time // the last
	Kind      EventKind
	Code      Code
	Accessor  string // of the token or its parent
	Scheduler string
	From      netip.Prefix
	Target    manifest.Path // or below it
	Newest    int           // only so many, the last ones; 0: all
}

func (q *Query) matches(e *Event) bool {
	switch {
	case !q.Since.IsZero() && e.Time.Before(q.Since),
		!q.Until.IsZero() && e.Time.After(q.Until),
		q.Kind != "" && e.Kind != q.Kind,
		q.Code != "" && e.Code != q.Code,
		q.Accessor != "" && e.Accessor != q.Accessor && e.Parent != q.Accessor,
		q.Scheduler != "" && e.Scheduler != q.Scheduler,
		q.From.IsValid() && !plainPrefix(q.From).Contains(e.From),
		q.Target != "" && !e.Target.Within(q.Target):
		return false
	}
	return true
}

// Events calls f for every event that the query selects, oldest first, until f
// returns false.
func Events(ctx context.Context, r store.Records, q Query, f func(Event) bool) error {
	var last []Event // a ring, with Newest
	n := 0
	var bad error
	err := r.View(ctx, func(tx store.Tx) error {
		return tx.Scan(bucketAudit, q.prefix(), func(key string, value []byte) bool {
			var e Event
			if err := json.Unmarshal(value, &e); err != nil {
				bad = fmt.Errorf("audit event %s: %w: %v", key, store.ErrDamaged, err)
				return false
			}
			if !q.matches(&e) {
				return ctx.Err() == nil
			}
			if q.Newest == 0 {
				return f(e)
			}
			if len(last) < q.Newest {
				last = append(last, e)
			} else {
				last[n%q.Newest] = e
			}
			n++
			return ctx.Err() == nil
		})
	})
	for _, e := range []error{bad, err, ctx.Err()} {
		if e != nil {
			return e
		}
	}
	for i := range last {
		if !f(last[(max(n-q.Newest, 0)+i)%len(last)]) {
			return nil
		}
	}
	return nil
}

// prefix returns what the keys of all events within the query's times have in
// common. An event's key may be somewhat later than its time, so that the end
// is widened.
func (q *Query) prefix() string {
	if q.Since.IsZero() || q.Until.IsZero() {
		return ""
	}
	a, b := timeKey(q.Since), timeKey(q.Until.Add(time.Minute))
	n := 0
	for n < len(a) && a[n] == b[n] {
		n++
	}
	return a[:n]
}

// pruneBatch is how many records one transaction of a pruning looks at.
const pruneBatch = 1000

// PruneEvents drops the events before the given time and returns how many
// there were.
func PruneEvents(ctx context.Context, r store.Records, before time.Time) (int, error) {
	return prune(ctx, r, bucketAudit, before, func(tx store.Tx, key string) error {
		return tx.Delete(bucketAudit, key)
	})
}

// prune calls drop, many keys to a transaction, for every key of the bucket,
// keys being ordered by time, that is before the given time.
func prune(ctx context.Context, r store.Records, bucket string, before time.Time, drop func(store.Tx, string) error) (int, error) {
	end, total := timeKey(before), 0
	for {
		var keys []string
		err := r.Update(ctx, func(tx store.Tx) error {
			keys = keys[:0]
			err := tx.Scan(bucket, "", func(key string, _ []byte) bool {
				if key >= end || len(keys) == pruneBatch {
					return false
				}
				keys = append(keys, key)
				return true
			})
			if err != nil {
				return err
			}
			for _, k := range keys {
				if err := drop(tx, k); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return total, err
		}
		total += len(keys)
		if len(keys) < pruneBatch {
			return total, nil
		}
	}
}
