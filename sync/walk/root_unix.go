//go:build linux || darwin || freebsd || netbsd || openbsd

package walk

import (
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/pubsync/pubsync/sync/manifest"
	"golang.org/x/sys/unix"
)

const (
	dirFlags  = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	fileFlags = unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_NOFOLLOW | unix.O_CLOEXEC
)

// errTime is the error for an mtime that nanoseconds in 64 bits cannot hold.
var errTime = errors.New("its modification time is out of range; set another with touch(1)")

// unixRoot implements [root] with the *at system calls. [os.Root] would do but
// for two things: it follows links that stay inside, and it gives no way to
// examine a name below an open directory without building an [fs.FileInfo].
type unixRoot struct {
	dir     *os.File
	beneath bool // one call resolves a whole path, see openBeneath
}

func openRoot(name string) (root, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && !st.IsDir() {
		err = &fs.PathError{Op: "walk", Path: name, Err: unix.ENOTDIR}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &unixRoot{dir: f, beneath: canOpenBeneath(int(f.Fd()))}, nil
}

func (r *unixRoot) close() error { return r.dir.Close() }

// openAt opens rel below the root, following no link in any component.
func (r *unixRoot) openAt(rel string, flags int) (int, error) {
	fd := int(r.dir.Fd())
	if rel == "" {
		rel = "."
	}
	if r.beneath {
		return openBeneath(fd, rel, flags)
	}
	return openSteps(fd, rel, flags)
}

// openSteps opens one component of rel after another, each in the directory
// before, for systems where no single call does it.
func openSteps(fd int, rel string, flags int) (int, error) {
	for at := fd; ; {
		name, rest, more := strings.Cut(rel, "/")
		step := flags
		if more {
			step = dirFlags
		}
		next, err := retry(func() (int, error) { return unix.Openat(at, name, step, 0) })
		if at != fd {
			unix.Close(at)
		}
		if err != nil || !more {
			return next, err
		}
		at, rel = next, rest
	}
}

// retry repeats a call that a signal interrupted.
func retry(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if err != unix.EINTR {
			return n, err
		}
	}
}

func (r *unixRoot) openDir(rel string) (directory, error) {
	fd, err := r.openAt(rel, dirFlags)
	if err != nil {
		return nil, err
	}
	return &unixDir{fd: fd}, nil
}

func (r *unixRoot) lstat(rel string) (meta, error) {
	parent, name := "", rel
	if i := strings.LastIndexByte(rel, '/'); i >= 0 {
		parent, name = rel[:i], rel[i+1:]
	}
	d, err := r.openDir(parent)
	if err != nil {
		return meta{}, err
	}
	defer d.close()
	return d.lstat(name)
}

func (r *unixRoot) open(rel string) (*os.File, meta, error) {
	fd, err := r.openAt(rel, fileFlags)
	if err != nil {
		return nil, meta{}, err
	}
	// O_NONBLOCK was only for pipes; os.File would try to poll.
	unix.SetNonblock(fd, false)
	f := os.NewFile(uintptr(fd), rel)
	m, err := r.fstat(f)
	if err != nil {
		f.Close()
		return nil, meta{}, err
	}
	return f, m, nil
}

func (r *unixRoot) read(rel string, buf []byte) (meta, error) {
	fd, err := r.openAt(rel, fileFlags)
	if err != nil {
		return meta{}, err
	}
	defer unix.Close(fd)
	if m, err := statFile(fd); err != nil || m.kind != 0 || m.Size < int64(len(buf)) {
		return m, err
	}
	for done := 0; done < len(buf); {
		n, err := retry(func() (int, error) { return unix.Pread(fd, buf[done:], int64(done)) })
		if err != nil {
			return meta{}, err
		}
		if n == 0 { // it was cut short just now
			break
		}
		done += n
	}
	return statFile(fd)
}

func statFile(fd int) (meta, error) {
	var st unix.Stat_t
	if _, err := retry(func() (int, error) { return 0, unix.Fstat(fd, &st) }); err != nil {
		return meta{}, err
	}
	return metaOf(&st)
}

func (r *unixRoot) fstat(f *os.File) (meta, error) { return statFile(int(f.Fd())) }

// unixDir implements [directory].
type unixDir struct {
	fd   int
	st   unix.Stat_t
	link []byte
}

func (d *unixDir) close() error { return unix.Close(d.fd) }

func (d *unixDir) lstat(name string) (meta, error) {
	for {
		err := unix.Fstatat(d.fd, name, &d.st, unix.AT_SYMLINK_NOFOLLOW)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return meta{}, err
		}
		break
	}
	m, err := metaOf(&d.st)
	if err == nil && m.kind == fs.ModeSymlink {
		m.link, err = d.readlink(name)
	}
	return m, err
}

func (d *unixDir) readlink(name string) (string, error) {
	if d.link == nil {
		d.link = make([]byte, manifest.MaxLink+1)
	}
	n, err := retry(func() (int, error) { return unix.Readlinkat(d.fd, name, d.link) })
	if err != nil {
		return "", err
	}
	return string(d.link[:n]), nil
}

func metaOf(st *unix.Stat_t) (meta, error) {
	mtime, err := nanoseconds(st.Mtim)
	if err != nil {
		return meta{}, err
	}
	// A change time out of range only ever has to compare equal to itself.
	csec, cnsec := st.Ctim.Unix()
	return meta{
		kind: kindOf(uint32(st.Mode)),
		mode: uint32(st.Mode) & manifest.MaxMode,
		Stamp: Stamp{
			Size:  st.Size,
			MTime: mtime,
			CTime: csec*1e9 + cnsec,
			Dev:   uint64(st.Dev),
			Inode: uint64(st.Ino),
		},
	}, nil
}

func nanoseconds(ts unix.Timespec) (int64, error) {
	const most = 9_000_000_000 // seconds; 2^63 ns are a little more
	sec, nsec := ts.Unix()
	if sec > most || sec < -most {
		return 0, errTime
	}
	return sec*1e9 + nsec, nil
}

func kindOf(mode uint32) fs.FileMode {
	switch mode & unix.S_IFMT {
	case unix.S_IFREG:
		return 0
	case unix.S_IFDIR:
		return fs.ModeDir
	case unix.S_IFLNK:
		return fs.ModeSymlink
	case unix.S_IFIFO:
		return fs.ModeNamedPipe
	case unix.S_IFSOCK:
		return fs.ModeSocket
	case unix.S_IFCHR:
		return fs.ModeDevice | fs.ModeCharDevice
	case unix.S_IFBLK:
		return fs.ModeDevice
	}
	return fs.ModeIrregular
}
