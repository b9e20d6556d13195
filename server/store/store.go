// Package store defines what a server keeps and what it promises about it: the
// [Store] interface, the values that cross it, and the errors it returns. The
// conformance suite in storetest holds every implementation to this contract.
//
// A store has two halves that only ever appear together. Blobs are immutable
// file contents named by their SHA-256; small ones share pack files, large
// ones have a file each. The catalog is the versioned tree: an entry row
// carries the publication that created it and the one that ended it, so a
// commit costs O(changed entries), becomes visible all at once, and leaves
// every earlier version readable until retention drops it.
//
// # Durability
//
// Bytes are durable before the transaction that refers to them, and the
// transaction before the answer. A crash before the transaction leaves only
// blobs nobody refers to, which collection removes; after it nothing is lost.
//
// # Leases
//
// A blob is collectable when no retained entry refers to it and no session
// leases it. Everything that tells a client "have" or accepts its bytes takes
// a lease for that session first.
//
// All methods are safe for concurrent use unless they say otherwise, stop at
// the cancellation of their context, and may be called while a collection runs.
package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/pubsync/pubsync/sync/manifest"
)

// SmallBlob is the size in bytes up to which a blob that comes whole lives in a pack:
// up to which a client sends a file in one frame. A file of its own takes a creation,
// a sync, a renaming and the sync of a directory.
const SmallBlob = 1 << 20

// Errors of a store. Implementations wrap them with what and where.
var (
	ErrNotFound = errors.New("not found")              // no such blob, entry, version, publication or record
	ErrDamaged  = errors.New("stored content damaged") // bytes missing or not those their digest names
	ErrMismatch = errors.New("content does not match its digest")
	ErrFull     = errors.New("no space left in the store")
	ErrExists   = errors.New("exists with other content") // see ConflictError
	ErrGone     = errors.New("content gone")              // a commit names a blob the store no longer holds
	ErrOffset   = errors.New("offset is not the end of what is staged")
	ErrBusy     = errors.New("in use by another request") // a partial that is open; try again
	ErrLocked   = errors.New("store in use by another process")
	ErrStale    = errors.New("published to since") // see Commit.Seen
	ErrInvalid  = errors.New("invalid argument")   // what no correct caller passes
)

// A ConflictError is the [ErrExists] of a commit without leave to overwrite:
// the published paths it would have changed or removed, at most 20 of them.
type ConflictError struct {
	Paths []manifest.Path
	Total int
}

func (e *ConflictError) Error() string { return ErrExists.Error() }
func (e *ConflictError) Unwrap() error { return ErrExists }

// A GoneError is the [ErrGone] of a commit: the digests, each once and at most
// 1000 of them, that the store does not hold whole, and how many there are.
type GoneError struct {
	Digests []manifest.Digest
	Total   int
}

func (e *GoneError) Error() string {
	return fmt.Sprintf("%v: %d blobs, the first %v", ErrGone, e.Total, e.Digests[0])
}
func (e *GoneError) Unwrap() error { return ErrGone }

// A Version names a state of the published tree: that after the publication of
// this number, 0 before the first. Latest is the newest.
type Version int64

// Latest is the newest version, whichever it is.
const Latest Version = -1

// A SessionID names the session that leases blobs and owns staged bytes: 1 to
// 64 letters, digits, dashes and underscores. Others give ErrInvalid.
type SessionID string

// A Publication is a committed session.
type Publication struct {
	Number     Version
	Target     manifest.Path
	Time       time.Time
	TreeDigest manifest.Digest // of what was pushed, paths relative to the target
	Mirror     bool
	Owner      string // in whose name it was pushed; see [Maintenance.Kept]
	Added      int    // entries that were not there
	Replaced   int    // entries that were, with other metadata or content
	Removed    int
	Entries    int    // entries pushed, changed or not
	Note       string // JSON of the committer's: accessor, receipt; opaque here
}

// A Commit is the change that [Store.Commit] makes.
type Commit struct {
	Session    SessionID
	Target     manifest.Path // entries below are relative to it
	Entries    manifest.List // as pushed; every file with its digest
	TreeDigest manifest.Digest
	Mirror     bool // end every entry below Target that is not in Entries
	Overwrite  bool // leave to change or end entries that exist; else ErrExists
	// Remove ends Target itself and all below it, which needs Overwrite;
	// Entries must be empty and Target not the root. Retention's tool.
	Remove bool
	// Aliases are symbolic links, paths from the root and not within Target,
	// that the same transaction makes or moves ("latest"), with or without
	// Overwrite. One that would take the place of anything but a symbolic link
	// is a conflict.
	Aliases manifest.List
	// Build is Target or a directory above it, and Follow are aliases beside it
	// that follow the newest build: they are made or moved as Aliases are, but
	// only where Build is not there before this commit, or they are not.
	Build  manifest.Path
	Follow manifest.List
	// Newer, if not nil, keeps an alias of either kind from going back: where it
	// shows a directory that stands beside it, and that one's name is newer than
	// that of the one it was to show, it stays as it is. It is called inside the
	// transaction.
	Newer func(shown, asked string) bool
	// Seen, if not 0, has the commit fail with ErrStale if anything was published
	// to Target, or below it, after this version.
	Seen Version
	// Standing, if not nil, names by their indices the entries that stood under
	// Target just as they are here at version StandingAt, all of them or not. They
	// are taken to stand still, and not looked at, unless something was published
	// at, above or below Target since, or the commit is a Mirror.
	Standing   []bool
	StandingAt Version
	Time       time.Time
	Owner      string // in whose name; content counts as its owner's, see [Maintenance.Kept]
	Note       string

	// Before, if not nil, runs inside the commit's transaction before anything
	// is changed; its error aborts the commit and is returned as it is. After
	// runs inside it at the end with the publication as it will be stored,
	// whose Note it may still set. Both may change records (consume a token,
	// close a session); neither may call the store itself.
	Before func(Tx) error
	After  func(Tx, *Publication) error
}

// A Target is a directory that was published to.
type Target struct {
	Path manifest.Path
	Last Version   // its newest publication
	Time time.Time // of that
}

// A Change is what two versions of an entry differ in. Its path is relative to
// the directory that was asked about.
type Change struct {
	Path   manifest.Path
	Before *manifest.Entry // nil: it was not there
	After  *manifest.Entry // nil: it is not there
}

// A Blob is open content. It is safe for concurrent use; Close it once.
type Blob interface {
	io.ReaderAt
	io.Closer
	Size() int64
	// File returns the path of the plain file with exactly this content
	// and true, or false if the content lives in a pack. For hand-over to a
	// web server and for hard links.
	File() (string, bool)
}

// A Batch collects new blobs that become durable, known and leased together by
// one sync. It is not safe for concurrent use; several batches are.
type Batch interface {
	// Add reads exactly size bytes from r and adds them as the blob d. Content
	// already held is drained, checked and not stored twice, unless what is
	// held is damaged, which this heals. Errors: ErrMismatch (the batch goes on
	// without it), r's own, ErrFull (also late, for blobs added before: the
	// batch is lost and must be discarded).
	Add(d manifest.Digest, size int64, r io.Reader) error
	// Commit makes all added blobs durable and leases them. After it, or
	// Discard, the batch is done.
	Commit(ctx context.Context) error
	// Discard drops what was added; a no-op after Commit.
	Discard()
}

// A Partial is one large blob that arrives in order, over many requests and
// across restarts. It is not safe for concurrent use.
type Partial interface {
	io.Writer        // appends at Size
	io.ReaderAt      // what is staged; several reads at once are fine
	Size() int64     // bytes staged so far
	Sync() error     // makes what is staged survive a crash
	Truncate() error // back to nothing
	// Sum returns the SHA-256 of what is staged. It reads what this process has
	// not written itself.
	Sum(ctx context.Context) (manifest.Digest, error)
	// Finish checks the bytes against the digest the partial was opened for
	// and, if they match, makes them durable, known and leased. Otherwise
	// ErrMismatch, and the partial is empty.
	Finish(ctx context.Context) error
	// Close releases the partial and keeps the staged bytes for the next open.
	Close() error
	// Remove drops what is staged and releases the partial.
	Remove() error
}

// A Sight says which paths somebody may read.
type Sight func(manifest.Path) bool

// A Tx is a transaction over records: small named values in buckets, kept by
// others (tokens, sessions, schedulers) in the same database, so that they
// change together with the tree. It must not be used after the function it was
// handed to returns, and that function must not call the store itself: a write
// transaction excludes all others, so it would wait for itself.
type Tx interface {
	// Get returns the value at key, or ErrNotFound.
	Get(bucket, key string) ([]byte, error)
	Put(bucket, key string, value []byte) error
	// Delete removes the value if it is there.
	Delete(bucket, key string) error
	// Scan calls f for every record of the bucket whose key begins with
	// prefix, in key order, until f returns false. f may use the Tx; whether
	// Scan sees what f puts ahead of it is not defined.
	Scan(bucket, prefix string, f func(key string, value []byte) bool) error
}

// Records runs transactions over records.
type Records interface {
	// Update runs f in a read-write transaction that is durable when Update
	// returns nil. An error of f rolls back and is returned as it is.
	Update(ctx context.Context, f func(Tx) error) error
	// View runs f in a read-only transaction.
	View(ctx context.Context, f func(Tx) error) error
}

// Content is the blob half of a store.
type Content interface {
	// Open returns the content of a blob. ErrNotFound, or ErrDamaged if its
	// bytes are not there at their size.
	Open(ctx context.Context, d manifest.Digest) (Blob, error)
	// NewBatch begins a batch whose blobs the session will lease.
	NewBatch(s SessionID) (Batch, error)
	// OpenPartial opens, or begins, what the session has staged of the blob d.
	// ErrBusy while it is open elsewhere.
	OpenPartial(s SessionID, d manifest.Digest) (Partial, error)
	// Staged returns how many bytes the session has staged of each blob that it
	// began with OpenPartial and has not finished, and leaves nothing behind. Of
	// one that is open elsewhere it may be behind.
	Staged(ctx context.Context, s SessionID) (map[manifest.Digest]int64, error)
	// Have reports, for each digest, whether its blob is held whole and may be
	// said to be: a visible entry (at the latest version, and s may read its
	// path) has it, or the session itself leases it. It leases every blob it
	// says yes to. Of a blob at very many paths it looks at the first 1000
	// before it says no, which costs the client a transfer, never an error.
	Have(ctx context.Context, s SessionID, ds []manifest.Digest, sight Sight) ([]bool, error)
	// Release drops the session's leases and staged bytes.
	Release(ctx context.Context, s SessionID) error
	// MarkDamaged records that a read of the blob gave bytes that are not those
	// its digest names, or none. Open then fails with ErrDamaged, Have says no
	// and no tree that uses it stands, so that the next push heals it.
	MarkDamaged(ctx context.Context, d manifest.Digest) error
	// Derived returns the named index kept beside a blob (a signature, a
	// member index), or ErrNotFound. PutDerived keeps one; it is replaced
	// whole, is not durable before a sync of the system's own, and goes with
	// its blob (ErrNotFound if there is none). A name is 1 to 32 lower-case
	// letters, digits and dashes.
	Derived(ctx context.Context, d manifest.Digest, name string) ([]byte, error)
	PutDerived(ctx context.Context, d manifest.Digest, name string, b []byte) error
}

// Tree is the versioned tree of a store.
type Tree interface {
	// Version returns the number of the newest publication.
	Version(ctx context.Context) (Version, error)
	// Lookup returns the entry at p in version v, its Path being p. ErrNotFound.
	Lookup(ctx context.Context, p manifest.Path, v Version) (manifest.Entry, error)
	// ReadDir returns, in byte order of name, at most limit entries directly
	// in dir whose names come after the given one, each with its full path.
	// ErrNotFound if dir is not a directory in v. The root always is.
	ReadDir(ctx context.Context, dir manifest.Path, v Version, after string, limit int) ([]manifest.Entry, error)
	// Walk calls f for every entry below dir, not dir itself, with its path
	// relative to dir, in no order that callers may rely on. An error of f
	// ends the walk and is returned as it is.
	Walk(ctx context.Context, dir manifest.Path, v Version, f func(manifest.Entry) error) error
	// Match calls f, in no order that callers may rely on, for each entry of l, a
	// list of paths relative to dir, at whose path something stands in the
	// latest version: with its index in l and what stands there, its path as in
	// l. It takes time in proportion to l, however much stands. An error of f
	// ends it and is returned as it is; f must not call the store.
	Match(ctx context.Context, dir manifest.Path, l manifest.List, f func(i int, e manifest.Entry) error) error
	// Standing returns the publication to target whose pushed tree had this
	// digest and still stands as it was pushed: entry for entry, and, if
	// mirror, with nothing else below target. ErrNotFound if there is none
	// (the store may forget: a miss costs the client a list, never an error).
	Standing(ctx context.Context, target manifest.Path, d manifest.Digest, mirror bool) (Publication, error)
	// Commit publishes a change in one transaction: all of it or nothing.
	// Directories above Target come into being as needed (mode 0755). Where
	// nothing at all would change it still makes a publication. A file may
	// take the place of a directory, ending all below it, or the reverse,
	// only with Overwrite; entries of the same kind and content are never a
	// conflict, and their metadata follows the push. Errors: *ConflictError,
	// ErrGone, ErrStale, those of Before and After.
	Commit(ctx context.Context, c Commit) (Publication, error)
	// Log returns the publications to target or below it, newest first, at
	// most limit, numbered below before (0: all).
	Log(ctx context.Context, target manifest.Path, before Version, limit int) ([]Publication, error)
	// Builds returns the targets directly below or at typ that hold entries
	// in the latest version and were published to, most recently published
	// first, at most limit.
	Builds(ctx context.Context, typ manifest.Path, limit int) ([]manifest.Path, error)
	// Targets calls f for every target at or below dir that was published to, in
	// byte order of path: also for those that hold nothing any more, until
	// they are forgotten. An error of f ends it and is returned as it is.
	Targets(ctx context.Context, dir manifest.Path, f func(Target) error) error
	// Diff calls f for every entry below dir that differs between two versions,
	// in byte order of its directory, then of its name. dir must be a directory in
	// at least one of them. An error of f ends it and is returned as it is.
	Diff(ctx context.Context, dir manifest.Path, from, to Version, f func(Change) error) error
	// VersionAt returns the newest version published at or before t, 0 if there
	// is none. It takes time in proportion to the publications after t.
	VersionAt(ctx context.Context, t time.Time) (Version, error)
	// Similar returns files at the latest version at or below dir whose name
	// has the same [Stem] as name, newest published first, at most limit.
	Similar(ctx context.Context, dir manifest.Path, name string, limit int) ([]manifest.Entry, error)
}

// A Store is everything a server keeps.
type Store interface {
	Content
	Tree
	Records
	Maintenance
	// Close ends what is under way and gives up the lock on the folder. No
	// other method may be called during or after it.
	Close() error
}
