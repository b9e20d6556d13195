package disk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/pubsync/pubsync/server/store"
)

// FS is the file system as a store uses it. Names are slash-separated and
// relative to the store's folder. Errors are those of package os. It is safe
// for concurrent use. Tests put one beneath a store that fails.
type FS interface {
	OpenFile(name string, flag int, perm fs.FileMode) (File, error)
	Stat(name string) (fs.FileInfo, error) // of a symbolic link, not what it leads to
	ReadDir(name string) ([]fs.DirEntry, error)
	Mkdir(name string, perm fs.FileMode) error
	Rename(from, to string) error
	Remove(name string) error
	// SyncDir makes the names in a directory survive a power cut.
	SyncDir(name string) error
	// Path returns the path by which other programs find the file, and whether
	// there is one.
	Path(name string) (string, bool)
	// Free returns the bytes that can still be written.
	Free() (int64, error)
	Close() error
}

// File is an open file of an [FS].
type File interface {
	io.ReaderAt
	io.WriterAt
	Size() (int64, error)
	Truncate(size int64) error
	// Begin has n bytes from off on begin their way to the disk, so that a Sync later
	// finds less to do. It promises nothing, and waits for them only where the disk's
	// queue is full.
	Begin(off, n int64)
	// Sync makes content and size survive a power cut.
	Sync() error
	Close() error
}

// osFS is the real file system below a folder. Symbolic links that lead out of
// the folder are not followed.
type osFS struct {
	root *os.Root
	dir  string
}

// NewFS returns the real file system below the folder dir, which must exist.
func NewFS(dir string) (FS, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(abs)
	if err != nil {
		return nil, err
	}
	return osFS{root, abs}, nil
}

func (o osFS) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	f, err := o.root.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (o osFS) ReadDir(name string) ([]fs.DirEntry, error) {
	d, err := o.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.ReadDir(-1)
}

func (o osFS) SyncDir(name string) error {
	d, err := o.root.Open(name)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

func (o osFS) Stat(name string) (fs.FileInfo, error)     { return o.root.Lstat(name) }
func (o osFS) Mkdir(name string, perm fs.FileMode) error { return o.root.Mkdir(name, perm) }
func (o osFS) Rename(from, to string) error              { return o.root.Rename(from, to) }
func (o osFS) Remove(name string) error                  { return o.root.Remove(name) }
func (o osFS) Path(name string) (string, bool) {
	return filepath.Join(o.dir, filepath.FromSlash(name)), true
}
func (o osFS) Free() (int64, error) { return diskFree(o.dir) }
func (o osFS) Close() error         { return o.root.Close() }

type osFile struct{ *os.File }

func (f osFile) Size() (int64, error) {
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return st.Size(), nil
}

func (f osFile) Begin(off, n int64) { beginWriteback(f.File, off, n) }
func (f osFile) Sync() error        { return dataSync(f.File) }

// full gives the errors of a full disk the store's sentinel.
func full(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", store.ErrFull, err)
	}
	return err
}

// mkdir makes a directory that may exist, and makes it last.
func mkdir(fsys FS, parent, name string) error {
	if err := fsys.Mkdir(join(parent, name), 0o700); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil
		}
		return err
	}
	if parent == "" {
		parent = "."
	}
	return fsys.SyncDir(parent)
}

func join(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}
