//go:build darwin || freebsd || netbsd || openbsd

package walk

import (
	"errors"

	"golang.org/x/sys/unix"
)

// openBeneath is for Linux.
func openBeneath(int, string, int) (int, error) { return -1, errors.ErrUnsupported }

func canOpenBeneath(int) bool { return false }

func (d *unixDir) read(l *listing) error {
	if l.block == nil {
		l.block = make([]byte, 32<<10)
	}
	for {
		n, err := retry(func() (int, error) { return unix.ReadDirent(d.fd, l.block) })
		if err != nil || n <= 0 {
			return err
		}
		_, _, names := unix.ParseDirent(l.block[:n], -1, nil)
		for _, name := range names {
			addName(l, name, kindUnknown)
		}
	}
}
