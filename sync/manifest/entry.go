package manifest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Bounds of an entry's fields.
const (
	MaxMode = 0o7777
	MaxSize = 1 << 50 // bytes of one file
	MaxLink = 4095    // bytes of a link target
)

// ErrBadEntry is the error for an entry or list that breaks a rule other than
// a path's.
var ErrBadEntry = errors.New("entry not allowed")

// A Kind tells what an entry is. The numbers are those of the list coding.
type Kind uint8

// The kinds of entry. Devices, sockets and pipes are never published.
const (
	Dir     Kind = 1
	File    Kind = 2
	Symlink Kind = 3
)

// String returns "directory", "file" or "symlink".
func (k Kind) String() string {
	switch k {
	case Dir:
		return "directory"
	case File:
		return "file"
	case Symlink:
		return "symlink"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// An Entry is one path of a tree.
type Entry struct {
	Path   Path
	Kind   Kind
	Mode   uint32 // permission, set-id and sticky bits as in stat(2), at most MaxMode
	Size   int64  // bytes; files only
	MTime  int64  // nanoseconds since the Unix epoch
	Link   string // target as in readlink(2), uninterpreted; symlinks only
	Digest Digest // of the content; files only, zero while not known
}

// ModTime returns the entry's modification time in UTC.
func (e *Entry) ModTime() time.Time { return time.Unix(0, e.MTime).UTC() }

// SameAs reports whether e and f agree in kind, mode, size, mtime and link: the
// quick check. It looks at neither path nor digest.
func (e *Entry) SameAs(f *Entry) bool {
	return e.Kind == f.Kind && e.Mode == f.Mode && e.Size == f.Size && e.MTime == f.MTime && e.Link == f.Link
}

// Check returns an error wrapping [ErrBadPath] or [ErrBadEntry] if e breaks a
// rule of this package.
func (e *Entry) Check() error {
	if _, err := ParsePath(string(e.Path)); err != nil {
		return err
	}
	bad := func(what string) error { return fmt.Errorf("%w: %q: %s", ErrBadEntry, e.Path, what) }
	switch {
	case e.Kind < Dir || e.Kind > Symlink:
		return bad("unknown kind")
	case e.Mode > MaxMode:
		return bad("mode out of range")
	case e.Size < 0 || e.Size > MaxSize || e.Kind != File && e.Size != 0:
		return bad("size out of range")
	case e.Kind == Symlink && (e.Link == "" || len(e.Link) > MaxLink || strings.IndexByte(e.Link, 0) >= 0):
		return bad("link target out of range")
	case e.Kind != Symlink && e.Link != "":
		return bad("link target on what is no symlink")
	case e.Kind != File && !e.Digest.IsZero():
		return bad("digest on what is no file")
	}
	return nil
}

// A List is a tree: entries in ascending byte order of path, no path twice.
type List []Entry

// Sort puts the entries in order.
func (l List) Sort() {
	slices.SortFunc(l, func(a, b Entry) int { return strings.Compare(string(a.Path), string(b.Path)) })
}

// Find returns the index of the entry at p, and whether there is one.
func (l List) Find(p Path) (int, bool) {
	return slices.BinarySearchFunc(l, p, func(e Entry, p Path) int { return strings.Compare(string(e.Path), string(p)) })
}

// Check returns the first error of an entry's own [Entry.Check], or an error
// wrapping [ErrBadEntry] where the order is broken, a path occurs twice, or an
// entry lies below one that is no directory.
func (l List) Check() error {
	// Non-directories whose path is a byte prefix of the current entry's: in
	// byte order "a", "a.b", "a/b" the culprit need not be the one before.
	var above []Path
	for i := range l {
		e := &l[i]
		if err := e.Check(); err != nil {
			return err
		}
		if i > 0 && l[i-1].Path >= e.Path {
			return fmt.Errorf("%w: %q: out of order or twice", ErrBadEntry, e.Path)
		}
		for len(above) > 0 && !strings.HasPrefix(string(e.Path), string(above[len(above)-1])) {
			above = above[:len(above)-1]
		}
		for _, p := range above {
			if e.Path.Within(p) {
				return fmt.Errorf("%w: %q: lies below %q, which is no directory", ErrBadEntry, e.Path, p)
			}
		}
		if e.Kind != Dir {
			above = append(above, e.Path)
		}
	}
	return nil
}

// Totals returns the number of entries that are no directories and the bytes
// of all files.
func (l List) Totals() (files int, bytes int64) {
	for i := range l {
		if l[i].Kind != Dir {
			files++
			bytes += l[i].Size
		}
	}
	return files, bytes
}
