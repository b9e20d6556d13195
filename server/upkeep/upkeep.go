// Package upkeep is what is done to a store now and then to keep it small and
// sound, by the server itself, on request of its administrator, or by the
// command on a store that no server has open: retention, collection, checks,
// backups.
package upkeep

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"time"

	"github.com/pubsync/pubsync/server/build"
	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// Config wires a [Keeper].
type Config struct {
	Store store.Store
	Types build.Types // what retention goes by
	Now   func() time.Time
	// Live returns a function that tells whether a session may still come back;
	// see [store.CollectOptions].
	Live func(context.Context) func(store.SessionID) bool
	// Audit, if not nil, writes down a build that retention removes, in the
	// transaction that does.
	Audit func(tx store.Tx, by Actor, r build.Removal) error
	// Dir is the store's folder, and Beside are names of files and folders in it
	// that are no part of the store and go into backups with it.
	Dir    string
	Beside []string
}

// A Keeper looks after a store. It is safe for concurrent use.
type Keeper struct{ cfg Config }

// New returns a keeper.
func New(c Config) *Keeper { return &Keeper{cfg: c} }

// An Actor is in whose name a collection runs: a scheduler, or else what Way says.
type Actor struct {
	Scheduler string
	From      netip.Addr
	Way       string // for people
}

// A Report says what a collection did, or would do.
type Report struct {
	Types     int       `json:"types"`     // that are known here; without any, no build is removed
	Removed   []Removal `json:"removed"`   // builds that were kept long enough
	Forgotten int       `json:"forgotten"` // entries of older versions dropped
	Blobs     int       `json:"blobs"`     // that nothing referred to
	Bytes     int64     `json:"bytes"`     // their sizes in all
	Packs     int       `json:"packs"`     // rewritten or removed
	Orphans   int       `json:"orphans"`   // files that nothing refers to, after a crash
	Sessions  int       `json:"sessions"`  // whose leases and staged bytes were dropped
	Freed     int64     `json:"freed"`     // bytes of disk given back
}

// A Removal is a build that went, or would go.
type Removal struct {
	Target      manifest.Path `json:"target"`
	Last        time.Time     `json:"last"`                  // when it was last published to
	Publication store.Version `json:"publication,omitempty"` // that removed it
	Files       int           `json:"files"`
	Bytes       int64         `json:"bytes"` // of its files, each content once; others may share it
	Why         string        `json:"why"`   // the bounds that it is beyond
}

// Collect removes the builds that no type keeps any longer, forgets history that
// is too old and frees what nothing refers to, in the name of by. With dryRun it
// only tells; what only forgotten history or packs that are mostly dead hold is not
// counted then.
func (k *Keeper) Collect(ctx context.Context, by Actor, dryRun bool) (Report, error) {
	out := Report{Types: len(k.cfg.Types)}
	o := build.RetainOptions{Now: k.cfg.Now(), DryRun: dryRun}
	if k.cfg.Audit != nil {
		o.Audit = func(tx store.Tx, r build.Removal) error { return k.cfg.Audit(tx, by, r) }
	}
	r, err := build.Retain(ctx, k.cfg.Store, k.cfg.Types, o)
	out.Removed, out.Forgotten = []Removal{}, r.Forgotten
	for _, b := range r.Removed {
		out.Removed = append(out.Removed, Removal{b.Target, b.Last, b.Number, b.Usage.Files, b.Usage.Unique, b.Why})
	}
	if err != nil {
		return out, err
	}
	c, err := k.cfg.Store.Collect(ctx, store.CollectOptions{DryRun: dryRun, Live: k.cfg.Live(ctx)})
	out.Blobs, out.Bytes, out.Packs, out.Orphans, out.Sessions, out.Freed = c.Blobs, c.Bytes, c.Packs, c.Orphans, c.Sessions, c.Freed
	if err != nil || !dryRun || len(r.Removed) == 0 {
		return out, err
	}
	sole, err := k.cfg.Store.Sole(ctx, targets(r.Removed))
	out.Blobs, out.Bytes, out.Freed = out.Blobs+sole.Blobs, out.Bytes+sole.Bytes, out.Freed+sole.Freed
	return out, err
}

func targets(rs []build.Removal) (list []manifest.Path) {
	for _, r := range rs {
		list = append(list, r.Target)
	}
	return list
}

// A Backup says what became of one.
type Backup struct {
	Lacking int `json:"lacking"` // blobs and packs that were not there whole, to be copied
}

// A Line is a part of a check's answer: one of its fields is set.
type Line struct {
	Repaired *store.Repaired `json:"repaired,omitempty"`
	Finding  *Finding        `json:"finding,omitempty"`
	Checked  *store.Checked  `json:"checked,omitempty"` // the last line
}

// A Finding is a blob that is not as it should be, or a fault of the catalog.
type Finding struct {
	Digest manifest.Digest `json:"digest,omitzero"`
	Size   int64           `json:"size,omitempty"`
	Error  string          `json:"error"`
	Uses   []Use           `json:"uses"` // every published path with that content
}

// A Use is a published path and the versions in which it has the content.
type Use struct {
	Path  string        `json:"path"` // percent-encoded
	From  store.Version `json:"from"`
	Until store.Version `json:"until,omitempty"` // the version that ended it; absent: still there
}

// CheckOptions say how to check.
type CheckOptions struct {
	Content bool `json:"content"` // read every byte
	Repair  bool `json:"repair"`  // rebuild what can be rebuilt first
}

// Check checks the store, after a repair if that is wanted, and calls f for each
// line of the answer. An error of f ends it and is returned as it is.
func (k *Keeper) Check(ctx context.Context, o CheckOptions, f func(Line) error) error {
	check := store.CheckOptions{Content: o.Content}
	if o.Repair {
		done, err := k.cfg.Store.Repair(ctx, check)
		if err != nil {
			return fmt.Errorf("repair: %w", err)
		}
		if err := f(Line{Repaired: &done}); err != nil {
			return err
		}
	}
	sum, err := k.cfg.Store.Check(ctx, check, func(found store.Finding) error { return f(Line{Finding: finding(found)}) })
	if err != nil {
		return err
	}
	return f(Line{Checked: &sum})
}

func finding(f store.Finding) *Finding {
	out := &Finding{Digest: f.Digest, Size: f.Size, Error: f.Err.Error(), Uses: []Use{}}
	for _, u := range f.Uses {
		out.Uses = append(out.Uses, Use{Path: (&url.URL{Path: string(u.Path)}).EscapedPath(), From: u.From, Until: u.Until})
	}
	return out
}
