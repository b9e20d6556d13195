//go:build linux || darwin || freebsd

package disk

import (
	"fmt"
	"math"

	"golang.org/x/sys/unix"
)

// diskFree returns the bytes that the file system of dir has left for those
// who are not root.
func diskFree(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("free space of %s: %w", dir, err)
	}
	blocks, size := max(int64(st.Bavail), 0), int64(st.Bsize)
	if size > 0 && blocks > math.MaxInt64/size {
		return math.MaxInt64, nil
	}
	return blocks * size, nil
}
