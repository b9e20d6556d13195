//go:build unix

package remote

import (
	"io/fs"
	"os"
	"syscall"
)

// private reports whether nobody but this user can have written a file or folder, nor,
// if it is a file, can read it. A ticket that somebody else put there would have
// their server taken for ours.
func private(fi fs.FileInfo) bool {
	others := fs.FileMode(0o077)
	if fi.IsDir() {
		others = 0o022
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Geteuid() && fi.Mode().Perm()&others == 0
}
