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
// Set-user-id and set-group-id bits are dropped: the files belong to the
// server's user, and a publisher must not be able to run code as that.
package export

import (
	"context"
	"errors"
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

// A Config says what an [Exporter] keeps.
type Config struct {
	Store   Store
	Dir     string          // made if it does not exist; nothing else may write there
	Targets []manifest.Path // none within another
	Grace   time.Duration   // how long a replaced version stays
	Outside Outside

	// ReadOnly exports every file without write permission. Blobs that have
	// a file of their own can then be hard links: of entries with equal
	// content, those with the mode and mtime of the first one exported.
	// The store's file takes on that mode and mtime.
	ReadOnly bool

	Now func() time.Time // required
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
type Exporter struct{ cfg Config }

// New checks c, makes its directory and returns an exporter for it. Errors
// wrap [ErrBadTarget] or are those of the file system.
func New(c Config) (*Exporter, error) { return nil, nil }

// Close releases the directory.
func (x *Exporter) Close() error { return nil }

// Path returns where the target appears in the file system.
func (x *Exporter) Path(target manifest.Path) string { return "" }

// Sync brings every target to the newest version and removes versions whose
// grace period has ended. A target that no longer exists disappears. An error
// in one target does not keep the others from being brought up; all errors
// are joined.
func (x *Exporter) Sync(ctx context.Context) (Report, error) { return Report{}, nil }
