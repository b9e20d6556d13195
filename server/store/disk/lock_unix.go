//go:build unix

package disk

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"github.com/pubsync/pubsync/server/store"
)

// lockFile takes the lock on an open file, or returns ErrLocked. The system
// gives it up when the file is closed, also by the death of the process.
func lockFile(f *os.File) error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return store.ErrLocked
	}
	return os.NewSyscallError("flock", err)
}
