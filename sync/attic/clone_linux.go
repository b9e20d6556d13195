package attic

import (
	"os"

	"golang.org/x/sys/unix"
)

// clone makes t a copy of f that shares its blocks, where the file system can.
func clone(t, f *os.File) error {
	from, err := f.SyscallConn()
	if err != nil {
		return err
	}
	to, err := t.SyscallConn()
	if err != nil {
		return err
	}
	var cerr error
	err = from.Control(func(src uintptr) {
		if err := to.Control(func(dst uintptr) { cerr = unix.IoctlFileClone(int(dst), int(src)) }); err != nil {
			cerr = err
		}
	})
	if err != nil {
		return err
	}
	return cerr
}
