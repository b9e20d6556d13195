package disk

import (
	"fmt"
	"math"

	"golang.org/x/sys/windows"
)

// diskFree returns the bytes that the volume of dir has left for this user.
func diskFree(dir string) (int64, error) {
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, err
	}
	var free uint64
	if err := windows.GetDiskFreeSpaceEx(name, &free, nil, nil); err != nil {
		return 0, fmt.Errorf("free space of %s: %w", dir, err)
	}
	return int64(min(free, math.MaxInt64)), nil
}
