package cli

import (
	"os"
	"runtime"
)

// unnamed makes a temporary file in dir that is gone when it is closed, or,
// where open files cannot be unlinked, when the process ends in good order.
func unnamed(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, ".spool-*")
	if err != nil {
		return nil, err
	}
	if runtime.GOOS != "windows" {
		if err := os.Remove(f.Name()); err != nil {
			f.Close()
			return nil, err
		}
	}
	return f, nil
}
