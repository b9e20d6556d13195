package link

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// MTU of the shaped links in bytes, as on Ethernet.
const MTU = 1500

// openTUN makes a TUN device in the space, with that address (with prefix length),
// and gives the file that its packets are read from and written to.
func openTUN(s *Space, name, address string) (*os.File, error) {
	var f *os.File
	err := s.Do(func() error {
		fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
		if err != nil {
			return fmt.Errorf("%w: /dev/net/tun: %w", ErrNotPermitted, err)
		}
		req, err := unix.NewIfreq(name)
		if err != nil {
			unix.Close(fd)
			return err
		}
		req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, req); err != nil {
			unix.Close(fd)
			return fmt.Errorf("%w: TUNSETIFF: %w", ErrNotPermitted, err)
		}
		// Known to the poller only now: before TUNSETIFF the file cannot be polled.
		f = os.NewFile(uintptr(fd), name)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, args := range [][]string{
		{"addr", "add", address, "dev", name},
		{"link", "set", name, "up", "mtu", fmt.Sprint(MTU), "txqueuelen", "10000"},
	} {
		if err := s.Run("ip", args...); err != nil {
			f.Close()
			return nil, err
		}
	}
	return f, nil
}
