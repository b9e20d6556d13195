//go:build unix

package walk

import (
	"io/fs"
	"os"
	"syscall"
)

// ownFile reports whether only the user running this may write the file.
func ownFile(st fs.FileInfo) bool {
	sys, ok := st.Sys().(*syscall.Stat_t)
	return ok && int(sys.Uid) == os.Geteuid() && st.Mode().Perm()&0o022 == 0
}
