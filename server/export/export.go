// Package export keeps a directory of plain files in step with chosen targets
// of a published tree, for web servers, rsync daemons and people who want a
// file system.
//
// # Layout
//
//	DIR/TARGET                     symlink to the version that stands now
//	DIR/.versions/HASH/N/          the tree of the target at version N
//	DIR/.versions/HASH/N.list      what it holds, for the next export
//
// HASH is the first 16 hexadecimal digits of the SHA-256 of the target's path.
// A version is built aside and made durable; then one rename puts the symlink
// in place. A reader that has entered a version (a running rsync, an open
// directory) keeps it until the grace period after its replacement ends.
//
// # Sharing
//
// A file that the version before has with the same content, mode and mtime is
// a hard link to it. Mode and mtime belong to the inode, so a blob of the
// store is linked only where it can carry the entry's own: see
// [Config.ReadOnly]. Otherwise the file is a reflink where the file system
// offers it, else a copy, checked against its digest.
//
// A target that is itself a symbolic link in the tree (an alias such as
// android/latest) shows what it leads to, and is replaced whole when that changes.
//
// A file that was linked stays as it is even if the store has meanwhile healed
// the blob; [Exporter.Rebuild] takes everything from the store again.
//
// Set-user-id and set-group-id bits are dropped: the files belong to the
// server's user, and a publisher must not be able to run code as that.
package export

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// Errors of an export.
var (
	ErrBadTarget = errors.New("target cannot be exported")
	ErrLeadsOut  = errors.New("symlink leads out of its target")
)

// A Store is the part of [store.Store] that an export needs.
type Store interface {
	Version(ctx context.Context) (store.Version, error)
	Lookup(ctx context.Context, p manifest.Path, v store.Version) (manifest.Entry, error)
	Walk(ctx context.Context, dir manifest.Path, v store.Version, f func(manifest.Entry) error) error
	Open(ctx context.Context, d manifest.Digest) (store.Blob, error)
	Log(ctx context.Context, target manifest.Path, before store.Version, limit int) ([]store.Publication, error)
}

// Outside says what becomes of a symlink that is absolute or leads out of its
// target. A web server that follows links would serve what they point at.
type Outside int

// What may become of a symlink that leads out.
const (
	Omit   Outside = iota // it is left out of the export
	Keep                  // it is kept as text; for servers that follow none
	Refuse                // the export of that version fails with ErrLeadsOut
)

// Means say how the files of an export are made of the store's. Content that the
// store keeps in a pack is always copied; a file that the version before has is
// always linked to that.
type Means int

// The means, each falling back on a copy where it does not work.
const (
	Cheapest Means = iota // hard link where the entry allows it, else reflink
	Hard                  // hard links
	Reflink               // copies that share the disk's blocks
	Copy                  // copies
)

// A Config says what an [Exporter] keeps.
type Config struct {
	Store   Store
	Dir     string          // made if it does not exist; nothing else may write there
	Targets []manifest.Path // none within another
	Grace   time.Duration   // how long a replaced version stays
	Outside Outside

	// Means says how files are made; the zero value takes the cheapest.
	Means Means

	// ReadOnly exports every file without write permission. Blobs that have
	// a file of their own can then be hard links: of entries with equal
	// content, those with the mode and mtime of the first one exported.
	// The store's file takes on that mode and mtime.
	ReadOnly bool

	Now   func() time.Time                       // required
	After func(d time.Duration) <-chan time.Time // required by Run
}

// A Report counts what an export did.
type Report struct {
	Targets int             // whose trees changed
	Same    int             // files linked from the version before
	Linked  int             // files linked from the store
	Cloned  int             // files made by reflink
	Copied  int             // files copied
	Bytes   int64           // copied
	Omitted []manifest.Path // symlinks left out, at most 20, with their targets' paths
	Removed int             // old versions removed
}

// An Exporter keeps one directory. Its methods are safe for concurrent use;
// two exporters must not share a directory.
type Exporter struct {
	cfg  Config
	root *os.Root

	mu      sync.Mutex // held while the directory changes
	targets []manifest.Path
	seen    map[manifest.Path]seen // by target; what is not in it is looked at whole
}

// New checks c, makes its directory and returns an exporter for it. Errors
// wrap [ErrBadTarget] or are those of the file system.
func New(c Config) (*Exporter, error) {
	if err := checkTargets(c.Targets); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	root, err := os.OpenRoot(c.Dir)
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	return &Exporter{cfg: c, root: root, targets: slices.Clone(c.Targets), seen: make(map[manifest.Path]seen)}, nil
}

// Close releases the directory.
func (x *Exporter) Close() error { return x.root.Close() }

// SetTargets replaces the chosen targets from the next Sync on; those no
// longer among them disappear then. Errors wrap [ErrBadTarget].
func (x *Exporter) SetTargets(targets []manifest.Path) error {
	if err := checkTargets(targets); err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if !slices.Equal(x.targets, targets) {
		clear(x.seen)
	}
	x.targets = slices.Clone(targets)
	return nil
}

func checkTargets(targets []manifest.Path) error {
	for i, t := range targets {
		if _, err := manifest.ParsePath(string(t)); err != nil {
			return fmt.Errorf("%w: %w", ErrBadTarget, err)
		}
		if t.First() == versionsDir {
			return fmt.Errorf("%w: %q: the export keeps its versions under that name", ErrBadTarget, t)
		}
		for _, other := range targets[:i] {
			if t.Within(other) || other.Within(t) {
				return fmt.Errorf("%w: %q and %q: one is within the other", ErrBadTarget, other, t)
			}
		}
	}
	return nil
}

// Sync brings every target to the newest version and removes versions whose
// grace period has ended. A target that no longer exists disappears. An error
// in one target does not keep the others from being brought up; all errors
// are joined.
func (x *Exporter) Sync(ctx context.Context) (Report, error) { return x.sync(ctx, false) }

// Rebuild is Sync, but makes every target anew and takes nothing from earlier
// versions: for after damage.
func (x *Exporter) Rebuild(ctx context.Context) (Report, error) { return x.sync(ctx, true) }

func (x *Exporter) sync(ctx context.Context, anew bool) (rep Report, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	v, err := x.cfg.Store.Version(ctx)
	if err != nil {
		return rep, fmt.Errorf("export: %w", err)
	}
	// Targets given up go first: a new one may need their place.
	errs := []error{x.retireOthers()}
	for _, t := range x.targets {
		if err := x.bringUp(ctx, t, v, anew, &rep); err != nil {
			errs = append(errs, fmt.Errorf("export %q: %w", t, err))
		}
		if ctx.Err() != nil {
			return rep, errors.Join(errs...)
		}
	}
	return rep, errors.Join(append(errs, x.sweep(&rep))...)
}

// Run calls Sync at once, whenever changed delivers, and when a grace period
// may have ended, and hands each outcome to report, until ctx is done.
func (x *Exporter) Run(ctx context.Context, changed <-chan struct{}, report func(Report, error)) {
	for {
		rep, err := x.Sync(ctx)
		if ctx.Err() != nil {
			return
		}
		report(rep, err)
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-x.cfg.After(max(x.cfg.Grace, time.Minute)):
		}
	}
}
