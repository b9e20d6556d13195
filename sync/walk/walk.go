package walk

import (
	"context"
	"errors"
	"io/fs"

	"github.com/pubsync/pubsync/sync/manifest"
)

// Errors of a walk. What wraps them names the local path.
var (
	// ErrDuplicate is the error for one path of the target that two local
	// paths claim; the error names both.
	ErrDuplicate = errors.New("two files for one path")
	// ErrChanged is the error for a file that is no longer what was walked, or
	// that changed while it was read. [Tree.Refresh] and a retry may help.
	ErrChanged = errors.New("changed while it was read")
	// ErrPattern is the error for a filter rule or glob that cannot be read.
	ErrPattern = errors.New("malformed pattern")
	// ErrStripped is the error for a file with no more path components than
	// are to be stripped.
	ErrStripped = errors.New("nothing left of the path after stripping")
	// ErrNoMatch is the error for a glob of [Source.Globs] that matches nothing.
	ErrNoMatch = errors.New("no such file, and no match")
)

// A Source is a directory to walk.
type Source struct {
	// Dir is the directory as given by the user; it is followed if it is a
	// symbolic link, and it is the start of the local paths in errors.
	Dir string
	// Globs, if there are any, select what is taken below Dir: slash-separated
	// doublestar patterns relative to Dir ("out/*.img", "**/*.deb",
	// "{a,b}/x"), or exact names. A directory that matches is taken with
	// everything below it. Directories that no glob can reach are not read.
	// Every glob must match something, else [ErrNoMatch].
	Globs []string
}

// Options says what to walk and what to take. The zero value walks nothing.
type Options struct {
	Sources []Source

	// Filter holds the --include and --exclude rules; nil takes everything.
	// Rules match paths as they are below a source, before stripping.
	Filter *Filter

	// Files, if not nil, is the list of --files-from: paths relative to the
	// one source (more than one source is then an error). As with rsync -a, a
	// directory named in it arrives empty unless the name ends in a slash,
	// which takes what it directly holds, and the directories above a listed
	// path arrive with it. A path that does not exist is an error, as is one
	// that leads through a symbolic link.
	Files []string

	// Shape is applied last.
	Shape Shape

	// Skipped, if not nil, is told of every device, socket and pipe that would
	// have been taken: its local path and its type bits. It is called in order
	// of path, from the goroutine that called Walk, before Walk returns.
	Skipped func(path string, kind fs.FileMode)

	// Parallel is the number of directories read at once; 0 means 4. One
	// file descriptor is held for each.
	Parallel int
}

// Walk lists what o selects. It stops when ctx ends.
//
// A directory or file that cannot be examined is an error, for a publication
// must not silently lack a part; a file that vanished between the reading of
// its directory and its examination was deleted and is left out. A name that
// [manifest.ParsePath] refuses is an error wrapping [manifest.ErrBadPath] (up to
// ten of them are reported, joined).
//
// The caller must Close the Tree.
func Walk(ctx context.Context, o Options) (*Tree, error) {
	return nil, errors.ErrUnsupported
}

// A Tree is what a walk found. Entries and the methods use the same index.
// Distinct indexes may be used concurrently.
type Tree struct {
	// Entries has every entry at its path below the target, in order, the
	// digests of files zero. The caller may set digests, and nothing else.
	Entries manifest.List
}

// Local returns the local path of entry i, for messages and as the key of a
// [Cache] (made absolute if the source was given so).
func (t *Tree) Local(i int) string { return "" }

// Stamp returns what the walk saw of entry i.
func (t *Tree) Stamp(i int) Stamp { return Stamp{} }

// Open opens the file entry i for reading. If it is not there any more or not
// the file that was walked (kind, size, mtime, inode), the error wraps
// [ErrChanged]; for any other failure it is an *[fs.PathError]. Nothing is ever
// opened through a symbolic link, and opening a pipe does not block.
func (t *Tree) Open(i int) (*File, error) { return nil, errors.ErrUnsupported }

// Refresh examines entry i again and updates Entries[i] and its stamp, for
// another try after [ErrChanged]; the digest becomes zero. An entry that
// vanished or became another kind stays as it was, with an error wrapping
// [ErrChanged].
func (t *Tree) Refresh(i int) error { return errors.ErrUnsupported }

// Close releases the source directories. Open files stay open.
func (t *Tree) Close() error { return nil }

// A Stamp is what tells whether a file was touched, as in git's index. On
// systems other than Unix, Dev, Inode and CTime are zero.
type Stamp struct {
	Size  int64  // bytes
	MTime int64  // modification, nanoseconds since the Unix epoch
	CTime int64  // change of content or metadata, nanoseconds since the Unix epoch
	Dev   uint64 // device number
	Inode uint64
}

// A File is a walked file opened for reading. Read and Close are for one
// goroutine; ReadAt may be called concurrently.
type File struct{}

// Size returns the size as walked, in bytes.
func (f *File) Size() int64 { return 0 }

// Read reads from the file, and never beyond the size that was walked.
func (f *File) Read(p []byte) (int, error) { return 0, errors.ErrUnsupported }

// ReadAt implements [io.ReaderAt], bounded like Read.
func (f *File) ReadAt(p []byte, off int64) (int, error) { return 0, errors.ErrUnsupported }

// Check returns an error wrapping [ErrChanged] if the open file's size, mtime
// or change time is not what was walked or the name now leads elsewhere. Call it
// after reading and before believing what was read: content that passes was not
// written to since the walk, to the resolution of the file system's clock.
func (f *File) Check() error { return errors.ErrUnsupported }

// Close closes the file.
func (f *File) Close() error { return nil }
