package walk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/pubsync/pubsync/sync/manifest"
)

// errKind is what opening gives for what is no regular file.
var errKind = errors.New("not the file that was listed")

// A File is a walked file opened for reading, from its first byte to the size
// it was walked with and no further. Read, Seek and Close are for one goroutine;
// ReadAt and Size may be called concurrently.
type File struct {
	*io.SectionReader
	f     *os.File
	root  root
	stamp Stamp
	name  string // local path
}

// Open opens the file entry i for reading. If it is not there any more or not
// the file that was walked (kind, size, mtime, inode, change time), the error
// wraps [ErrChanged]; any other failure is an *[fs.PathError]. Nothing is ever
// opened through a symbolic link, and opening a pipe does not block.
func (t *Tree) Open(i int) (*File, error) {
	name := t.Local(i)
	if t.Entries[i].Kind != manifest.File {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errKind}
	}
	r := t.roots[t.origins[i].source]
	f, m, err := r.open(t.rel(i))
	if err != nil {
		return nil, openError(name, err)
	}
	if m.kind != 0 || m.Stamp != t.Stamp(i) {
		f.Close()
		return nil, changed(name)
	}
	return &File{io.NewSectionReader(f, 0, m.Size), f, r, m.Stamp, name}, nil
}

// Read reads the file entry i whole into buf, which has its size. The errors are those
// of [Tree.Open], reading and [File.Check] together: without one, buf holds the content
// that was walked. For small files it takes half the calls of these.
func (t *Tree) Read(i int, buf []byte) error {
	if t.Entries[i].Kind != manifest.File || int64(len(buf)) != t.Entries[i].Size {
		return &fs.PathError{Op: "read", Path: t.Local(i), Err: errKind}
	}
	m, err := t.roots[t.origins[i].source].read(t.rel(i), buf)
	if err != nil {
		return openError(t.Local(i), err)
	}
	if m.kind != 0 || m.Stamp != t.Stamp(i) {
		return changed(t.Local(i))
	}
	return nil
}

// Handle returns the open file itself, for the system's own ways of copying. It
// is closed with f.
func (f *File) Handle() *os.File { return f.f }

func changed(name string) error { return fmt.Errorf("%w: %q", ErrChanged, name) }

// openError tells what a change of the tree explains from other failures. A
// link put in the way shows as ELOOP, ENOTDIR or, on some BSDs, EMLINK.
func openError(name string, err error) error {
	for _, e := range []error{fs.ErrNotExist, syscall.ELOOP, syscall.ENOTDIR, syscall.EMLINK, syscall.ENXIO, errKind} {
		if errors.Is(err, e) {
			return fmt.Errorf("%w: %q: %w", ErrChanged, name, cause(err))
		}
	}
	return &fs.PathError{Op: "open", Path: name, Err: cause(err)}
}

// cause strips the path, which is only relative to the source.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// Check returns an error wrapping [ErrChanged] if the open file's size, mtime
// or change time is not what was walked. Call it after reading and before
// believing what was read: content that passes was not written to since the
// walk, to the resolution of the file system's clock.
func (f *File) Check() error {
	m, err := f.root.fstat(f.f)
	if err != nil {
		return &fs.PathError{Op: "stat", Path: f.name, Err: cause(err)}
	}
	if m.Stamp != f.stamp {
		return changed(f.name)
	}
	return nil
}

// Close closes the file.
func (f *File) Close() error { return f.f.Close() }

// Refresh examines entry i again and updates Entries[i] and its stamp, for
// another try after [ErrChanged]; the digest becomes zero. An entry that
// vanished or became another kind stays as it was, with an error wrapping
// [ErrChanged].
func (t *Tree) Refresh(i int) error {
	name, o := t.Local(i), &t.origins[i]
	m, err := t.roots[o.source].lstat(t.rel(i))
	if err != nil {
		return openError(name, err)
	}
	p := placed{item: &item{kind: m.kind, mode: uint16(m.mode), link: m.link, Stamp: m.Stamp}, path: string(t.Entries[i].Path)}
	e := p.entry()
	if isSpecial(m.kind) || e.Kind != t.Entries[i].Kind {
		return changed(name)
	}
	if err := e.Check(); err != nil {
		return fmt.Errorf("%q: %w", name, err)
	}
	t.Entries[i] = e
	o.ctime, o.dev, o.inode = m.CTime, m.Dev, m.Inode
	return nil
}
