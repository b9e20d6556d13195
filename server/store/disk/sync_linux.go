package disk

import (
	"os"

	"golang.org/x/sys/unix"
)

// dataSync is fdatasync(2): content and size, but not times.
func dataSync(f *os.File) error {
	c, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var serr error
	err = c.Control(func(fd uintptr) {
		for {
			if serr = unix.Fdatasync(int(fd)); serr != unix.EINTR {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	return os.NewSyscallError("fdatasync", serr)
}

// beginWriteback is sync_file_range(2) with no more than SYNC_FILE_RANGE_WRITE. What goes
// wrong with it goes wrong with the sync too, which tells.
func beginWriteback(f *os.File, off, n int64) {
	c, err := f.SyscallConn()
	if err != nil {
		return
	}
	_ = c.Control(func(fd uintptr) { _ = unix.SyncFileRange(int(fd), off, n, unix.SYNC_FILE_RANGE_WRITE) })
}
