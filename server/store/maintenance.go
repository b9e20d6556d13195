package store

import (
	"context"

	"github.com/pubsync/pubsync/sync/manifest"
)

// Maintenance keeps a store small and sound. Its methods may run while
// everything else does. Two of them at a time wait for each other, but for
// Check: a slow one keeps nothing waiting.
type Maintenance interface {
	// Collect frees the blobs that no retained entry and no lease refers to,
	// rewrites packs that are mostly dead, and removes what crashes and
	// forgotten sessions left behind.
	Collect(ctx context.Context, o CollectOptions) (Collected, error)
	// Forget drops what is known of target, and of everything below it, before
	// version v: the entries that had ended by then. Reading it at an older
	// version gives ErrNotFound from then on. Versions and the log keep their
	// numbers; where nothing had ended, nothing changes. The content goes with
	// the next Collect.
	Forget(ctx context.Context, target manifest.Path, v Version) (Forgotten, error)
	// Check looks at every blob and calls f for each finding; an error of f
	// ends it and is returned as it is. What it finds missing, short or (with
	// Content) altered it marks as damaged, what it finds sound it unmarks.
	Check(ctx context.Context, o CheckOptions, f func(Finding) error) (Checked, error)
	// Repair rebuilds what can be rebuilt without the clients: the catalog's
	// indexes, the places of blobs from the packs and files themselves.
	Repair(ctx context.Context, o CheckOptions) (Repaired, error)
	// Backup writes a copy of the store to dir, which must not exist or be
	// empty: of one moment, that at which it began, and good to be opened as
	// a store. Where the file system allows it, large files are hard links.
	// lacking is how many blobs and packs were not there whole, to be copied.
	Backup(ctx context.Context, dir string) (lacking int, err error)
	// Usage counts what lies at or below a path at the latest version. It
	// takes time in proportion to the entries there.
	Usage(ctx context.Context, p manifest.Path) (Usage, error)
	// Sole counts the content that nothing but the entries at or below the targets
	// refers to, in whatever version, and that nobody leases: what a collection
	// would free if all that was there were forgotten. Freed is that of files of
	// their own; what is in packs goes with them. None of the targets may hold
	// another. It takes time in proportion to the entries there.
	Sole(ctx context.Context, targets []manifest.Path) (Collected, error)
	// Kept returns the bytes of content that o keeps, each content once. It
	// takes time in proportion to the entries that o covers, or, for an owner,
	// to all there are.
	Kept(ctx context.Context, o Holder) (int64, error)
	// Keeps reports which of the contents o keeps.
	Keeps(ctx context.Context, o Holder, ds []manifest.Digest) ([]bool, error)
	// Free returns the bytes that the store's disk has left.
	Free() (int64, error)
}

// A Holder keeps content: that of the files at or below Path ("" is the root) in
// any version that is not forgotten, and, if Owner is not "", published in its
// name.
type Holder struct {
	Path  manifest.Path
	Owner string
}

// CollectOptions say how to collect.
type CollectOptions struct {
	// DryRun only counts what would be freed.
	DryRun bool
	// Live tells whether a session may still come back. Leases and staged
	// bytes of others are dropped. Nil: all may.
	Live func(SessionID) bool
}

// Collected says what a collection freed, or would have.
type Collected struct {
	Blobs    int   // that nothing referred to
	Bytes    int64 // their sizes in all
	Packs    int   // rewritten or removed
	Orphans  int   // files that nothing refers to, after a crash
	Sessions int   // whose leases and staged bytes were dropped
	Freed    int64 // bytes of disk given back
}

// Forgotten says what was forgotten.
type Forgotten struct {
	Entries int // rows dropped
}

// CheckOptions say how thoroughly and how fast to check.
type CheckOptions struct {
	// Content reads every byte and compares it with its digest, and the catalog's
	// indexes with its tables; otherwise only presence and size are checked.
	Content bool
	// After continues a check that got as far as Progress was told; 0: from the
	// beginning. Progress, if not nil, is told now and then how far the check is.
	After    int64
	Progress func(ctx context.Context, after int64) error
	// Throttle, if not nil, is called before n bytes are read and waits as
	// long as the caller wants to slow the check down. Its error ends it.
	Throttle func(ctx context.Context, n int) error
}

// Checked sums up a check.
type Checked struct {
	Blobs   int   `json:"blobs"`
	Bytes   int64 `json:"bytes"` // read; 0 without Content
	Damaged int   `json:"damaged"`
}

// A Finding is one blob that is not as it should be.
type Finding struct {
	Digest manifest.Digest
	Size   int64
	Err    error // ErrDamaged (missing, short, altered) with what and where
	Uses   []Use // every published path with that content
}

// A Use is a path that had some content from one version until another.
type Use struct {
	Path  manifest.Path
	From  Version
	Until Version // the version that ended it, 0 if it is still there
}

// Repaired says what a repair did.
type Repaired struct {
	Found   int `json:"found"`   // blobs whose place was wrong or unknown and is right now
	Healed  int `json:"healed"`  // blobs that were marked as damaged and are sound
	Damaged int `json:"damaged"` // blobs that are still missing or altered
	Skipped int `json:"skipped"` // stretches of packs that hold no readable record
	// Indexes says that the catalog's indexes did not agree with its tables and
	// were made anew.
	Indexes bool `json:"indexes,omitempty"`
}

// Usage is what lies at or below a path.
type Usage struct {
	Files  int   // files at the latest version
	Bytes  int64 // their sizes in all
	Unique int64 // the same, each content counted once
}
