package disk

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"

	"github.com/pubsync/pubsync/server/store"
)

// lockFile takes the lock on an open file, or returns ErrLocked.
func lockFile(f *os.File) error {
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, new(windows.Overlapped))
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return store.ErrLocked
	}
	return err
}
