package upkeep

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/pubsync/pubsync/server/store"
)

// A Schedule says what a server does by itself.
type Schedule struct {
	Every      time.Duration // between collections; 0: none
	CheckEvery time.Duration // between checks of all content; 0: none
	// Throttle waits as long as reading n bytes may take; see
	// [store.CheckOptions].
	Throttle func(ctx context.Context, n int) error
	// Sleep waits for d; its error ends what runs.
	Sleep func(ctx context.Context, d time.Duration) error
	Log   *slog.Logger
}

// Collections runs collections until ctx ends.
func (k *Keeper) Collections(ctx context.Context, s Schedule) {
	if s.Every == 0 {
		return
	}
	for s.Sleep(ctx, s.Every) == nil {
		r, err := k.Collect(ctx, Actor{Way: "the server's schedule"}, false)
		for _, b := range r.Removed {
			s.Log.Info("removed by retention", "target", string(b.Target), "publication", b.Publication, "why", b.Why)
		}
		switch {
		case ctx.Err() != nil:
		case err != nil:
			s.Log.Error("collecting", "error", err)
		case r.Freed > 0 || r.Forgotten > 0:
			s.Log.Info("collected", "freed", r.Freed, "blobs", r.Blobs, "forgotten", r.Forgotten)
		}
	}
}

// checkPause is how long a check that is not due, or that failed, is waited for.
const checkPause = time.Minute

// Checks reads all content again and again, at the rate of the schedule, until
// ctx ends. After a restart it goes on where it was.
func (k *Keeper) Checks(ctx context.Context, s Schedule) {
	if s.CheckEvery == 0 {
		return
	}
	for s.Sleep(ctx, min(checkPause, s.CheckEvery)) == nil {
		if err := k.checkIfDue(ctx, s); err != nil && ctx.Err() == nil {
			s.Log.Error("checking content", "error", err)
		}
	}
}

func (k *Keeper) checkIfDue(ctx context.Context, s Schedule) error {
	at, err := k.loadProgress(ctx)
	if err != nil {
		return err
	}
	if at.After == 0 && k.cfg.Now().Sub(at.Done) < s.CheckEvery {
		return nil
	}
	sum, err := k.cfg.Store.Check(ctx, store.CheckOptions{
		Content: true, After: at.After, Throttle: s.Throttle,
		Progress: func(ctx context.Context, after int64) error {
			at.After = after
			return k.saveProgress(ctx, at)
		},
	}, func(f store.Finding) error {
		s.Log.Error("damaged content", "digest", f.Digest.String(), "paths", paths(f.Uses), "error", f.Err)
		return nil
	})
	if err != nil {
		return err
	}
	s.Log.Info("content checked", "blobs", sum.Blobs, "bytes", sum.Bytes, "damaged", sum.Damaged)
	return k.saveProgress(ctx, progress{Done: k.cfg.Now()})
}

func paths(uses []store.Use) (list []string) {
	for _, u := range uses {
		list = append(list, string(u.Path))
	}
	return list
}

// progress is how far the checks have come.
type progress struct {
	Done  time.Time `json:"done,omitzero"` // the last whole check
	After int64     `json:"after"`         // where the present one is, 0 if there is none
}

const (
	bucket      = "upkeep"
	progressKey = "check"
)

func (k *Keeper) loadProgress(ctx context.Context) (p progress, err error) {
	err = k.cfg.Store.View(ctx, func(tx store.Tx) error {
		b, err := tx.Get(bucket, progressKey)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err == nil {
			err = json.Unmarshal(b, &p)
		}
		return err
	})
	return p, err
}

func (k *Keeper) saveProgress(ctx context.Context, p progress) error {
	b, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("progress of the check: %w", err)
	}
	return k.cfg.Store.Update(ctx, func(tx store.Tx) error { return tx.Put(bucket, progressKey, b) })
}
