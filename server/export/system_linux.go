package export

import (
	"io/fs"
	"os"
	"path"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// at calls f with the descriptor of the folder that holds name and name's last
// component.
func at(root *os.Root, name string, f func(dir int, base string) error) error {
	d, err := root.Open(path.Dir(name))
	if err != nil {
		return err
	}
	defer d.Close()
	return f(int(d.Fd()), path.Base(name))
}

// linkInto makes name, in root, a hard link to a file anywhere.
func linkInto(root *os.Root, file, name string) error {
	return at(root, name, func(dir int, base string) error {
		return unix.Linkat(unix.AT_FDCWD, file, dir, base, 0)
	})
}

// setLinkTime sets the mtime of a symlink itself.
func setLinkTime(root *os.Root, name string, t time.Time) error {
	ts, err := unix.TimeToTimespec(t)
	if err != nil {
		return err
	}
	return at(root, name, func(dir int, base string) error {
		return unix.UtimesNanoAt(dir, base, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW)
	})
}

// reflink lets to share from's extents (ioctl_ficlone(2)).
func reflink(to, from *os.File) error { return unix.IoctlFileClone(int(to.Fd()), int(from.Fd())) }

// linkCount returns how many names a file has.
func linkCount(fi fs.FileInfo) uint64 {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Nlink)
	}
	return 0
}

// syncAll makes everything written to root's file system durable.
func syncAll(root *os.Root) error {
	f, err := root.Open(".")
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Syncfs(int(f.Fd()))
}
