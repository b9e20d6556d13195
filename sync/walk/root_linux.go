package walk

import (
	"bytes"
	"encoding/binary"
	"io/fs"

	"golang.org/x/sys/unix"
)

// openBeneath opens rel below fd with openat2(2), which refuses links in every
// component in one call however deep the path is.
func openBeneath(fd int, rel string, flags int) (int, error) {
	how := unix.OpenHow{
		Flags:   uint64(flags | unix.O_LARGEFILE),
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS,
	}
	for {
		got, err := unix.Openat2(fd, rel, &how)
		// EAGAIN: the kernel could not rule out a race with a rename.
		if err != unix.EINTR && err != unix.EAGAIN {
			return got, err
		}
	}
}

// canOpenBeneath reports whether openat2 is there: not before Linux 5.6, nor
// under a filter that does not know it.
func canOpenBeneath(fd int) bool {
	got, err := openBeneath(fd, ".", dirFlags)
	if err != nil {
		return false
	}
	unix.Close(got)
	return true
}

// The layout of struct linux_dirent64, getdents(2).
const (
	direntLen  = 16 // uint16, bytes of the whole record
	direntType = 18 // uint8
	direntName = 19 // NUL-terminated
)

func (d *unixDir) read(l *listing) error {
	if l.block == nil {
		l.block = make([]byte, 32<<10)
	}
	for {
		n, err := retry(func() (int, error) { return unix.Getdents(d.fd, l.block) })
		if err != nil || n <= 0 {
			return err
		}
		for b := l.block[:n]; len(b) > direntName; {
			rec := b[:min(int(binary.NativeEndian.Uint16(b[direntLen:])), len(b))]
			b = b[len(rec):]
			if len(rec) <= direntName {
				return unix.EIO
			}
			name, _, _ := bytes.Cut(rec[direntName:], []byte{0})
			if string(name) != "." && string(name) != ".." {
				addName(l, name, kindOfDirent(rec[direntType]))
			}
		}
	}
}

func kindOfDirent(t byte) fs.FileMode {
	if t == unix.DT_UNKNOWN {
		return kindUnknown
	}
	return kindOf(uint32(t) << 12) // as DTTOIF in dirent.h
}
