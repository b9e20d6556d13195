package build

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// bucket holds the pins, by target.
const bucket = "pin"

// A Pin keeps what is at or below a target, or holds it, from retention.
type Pin struct {
	Target manifest.Path `json:"target"`
	By     string        `json:"by"` // the scheduler
	Time   time.Time     `json:"time"`
	Note   string        `json:"note,omitempty"` // why
}

// PutPin pins a target; a pin that is there is replaced.
func PutPin(tx store.Tx, p Pin) error {
	b, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("pin %q: %w", p.Target, err)
	}
	return tx.Put(bucket, string(p.Target), b)
}

// Unpin removes the pin of a target; store.ErrNotFound if there is none.
func Unpin(tx store.Tx, target manifest.Path) error {
	if _, err := tx.Get(bucket, string(target)); err != nil {
		return err
	}
	return tx.Delete(bucket, string(target))
}

// Pins returns the pins at or below a path, in order of their targets.
func Pins(ctx context.Context, r store.Records, below manifest.Path) (list []Pin, err error) {
	var bad error
	err = r.View(ctx, func(tx store.Tx) error {
		return tx.Scan(bucket, string(below), func(key string, value []byte) bool {
			if !manifest.Path(key).Within(below) {
				return true
			}
			var p Pin
			if err := json.Unmarshal(value, &p); err != nil {
				bad = fmt.Errorf("pin %q: %w: %v", key, store.ErrDamaged, err)
				return false
			}
			list = append(list, p)
			return true
		})
	})
	return list, errors.Join(err, bad)
}

// pinned reports whether a pin is on the build, on something in it, or on a
// directory that holds it.
func pinned(tx store.Tx, build manifest.Path) (found bool, err error) {
	for up := build; up != "" && !found; up = up.Dir() {
		_, err := tx.Get(bucket, string(up))
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return false, err
		}
		found = err == nil
	}
	if found {
		return true, nil
	}
	err = tx.Scan(bucket, string(build)+"/", func(string, []byte) bool {
		found = true
		return false
	})
	return found, err
}
