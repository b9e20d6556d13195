package walk

import (
	"io/fs"
	"os"
)

// A root is an open source directory. Paths below it are relative and
// slash-separated, "" being the directory itself; no method follows a symbolic
// link in any component of them. Methods may be called concurrently.
type root interface {
	// openDir opens a directory to list.
	openDir(rel string) (directory, error)
	// lstat examines what is at rel.
	lstat(rel string) (meta, error)
	// open opens what is at rel, which may be anything, without blocking, and
	// examines what it opened.
	open(rel string) (*os.File, meta, error)
	// read opens what is at rel, without blocking, fills buf from the beginning of
	// it, and examines it after that. What is no regular file, or shorter, is
	// examined and not read.
	read(rel string, buf []byte) (meta, error)
	// fstat examines what open returned.
	fstat(f *os.File) (meta, error)
	close() error
}

// A directory is one open directory, for one goroutine.
type directory interface {
	// read adds all names to l, except "." and "..".
	read(l *listing) error
	// lstat examines the name in the directory.
	lstat(name string) (meta, error)
	close() error
}

// meta is what examining a path tells.
type meta struct {
	kind fs.FileMode // type bits
	mode uint32      // as in manifest.Entry
	link string      // symlinks only
	Stamp
}

// kindUnknown stands for the type bits where the listing of a directory does
// not tell them.
const kindUnknown = fs.ModeType

// A listing collects the names of one directory, one after another in a single
// buffer: a string for each would cost an allocation for each.
type listing struct {
	prefix string // the directory's path and a slash, or ""
	buf    []byte
	ends   []nameEnd
	block  []byte // raw entries as the system returns them
	link   []byte // scratch for link targets
}

type nameEnd struct {
	end  int
	kind fs.FileMode
}

func (l *listing) reset(dir string) {
	l.prefix = ""
	if dir != "" {
		l.prefix = dir + "/"
	}
	l.buf, l.ends = l.buf[:0], l.ends[:0]
}

func addName[T ~string | ~[]byte](l *listing, name T, kind fs.FileMode) {
	l.buf = append(l.buf, l.prefix...)
	l.buf = append(l.buf, name...)
	l.ends = append(l.ends, nameEnd{len(l.buf), kind})
}
