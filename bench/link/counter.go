package link

import (
	"encoding/binary"
	"fmt"
	"os"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Traffic is what TCP connections carried: payload bytes as the application (or
// its TLS) gave them to the socket, without headers and retransmissions.
type Traffic struct {
	Connections int
	Up, Down    int64 // from and to the client
	Resent      int64 // bytes the client had to send again
}

// Counter adds up the traffic of the connections that clients in one namespace had
// to certain ports.
type Counter struct {
	file  *os.File
	ended chan struct{}

	mu    sync.Mutex
	ports map[uint16]*Traffic
	last  time.Time // when the last connection was reported
}

// sockDiagTCPDestroy is SKNLGRP_INET_TCP_DESTROY of linux/sock_diag.h.
const sockDiagTCPDestroy = 1

// Count counts in the space, from now on.
func Count(s *Space) (*Counter, error) {
	c := &Counter{ports: map[uint16]*Traffic{}, ended: make(chan struct{})}
	err := s.Do(func() error {
		fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_SOCK_DIAG)
		if err != nil {
			return fmt.Errorf("link: counting at the socket: %w", err)
		}
		// A burst of connections that close at once must fit.
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4<<20)
		if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: 1 << (sockDiagTCPDestroy - 1)}); err != nil {
			unix.Close(fd)
			return fmt.Errorf("link: counting at the socket: %w", err)
		}
		c.file = os.NewFile(uintptr(fd), "sock_diag")
		return nil
	})
	if err != nil {
		return nil, err
	}
	go c.read()
	return c, nil
}

// Close ends counting.
func (c *Counter) Close() {
	c.file.Close()
	<-c.ended
}

// Reset forgets what was counted for the port.
func (c *Counter) Reset(port int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.ports, uint16(port))
}

// Take gives what connections to the port carried since the last reset, once no
// connection has ended for the time quiet (a few round trips: a connection is
// counted when its closing was acknowledged).
func (c *Counter) Take(port int, quiet time.Duration) Traffic {
	began := time.Now()
	for {
		c.mu.Lock()
		since := time.Since(later(c.last, began))
		t := c.ports[uint16(port)]
		c.mu.Unlock()
		if since >= quiet {
			if t == nil {
				return Traffic{}
			}
			return *t
		}
		time.Sleep(quiet - since + time.Millisecond)
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (c *Counter) read() {
	defer close(c.ended)
	buf := make([]byte, 64<<10)
	for {
		n, err := c.file.Read(buf)
		if err != nil {
			return
		}
		port, t, ok := parseDestroyed(buf[:n])
		if !ok {
			continue
		}
		c.mu.Lock()
		sum := c.ports[port]
		if sum == nil {
			sum = &Traffic{}
			c.ports[port] = sum
		}
		sum.Connections++
		sum.Up += t.Up
		sum.Down += t.Down
		sum.Resent += t.Resent
		c.last = time.Now()
		c.mu.Unlock()
	}
}

// Offsets in a message: struct nlmsghdr, then struct inet_diag_msg of
// linux/inet_diag.h, then attributes.
const (
	diagHeader    = unix.SizeofNlMsghdr
	diagDport     = diagHeader + 4 + 2
	diagAttribute = diagHeader + 72
	inetDiagInfo  = 2 // INET_DIAG_INFO: struct tcp_info
)

// parseDestroyed reads one report of a destroyed socket, seen from its own end.
func parseDestroyed(b []byte) (dport uint16, t Traffic, ok bool) {
	if len(b) < diagAttribute {
		return 0, Traffic{}, false
	}
	dport = binary.BigEndian.Uint16(b[diagDport:])
	for rest := b[diagAttribute:]; len(rest) >= unix.SizeofRtAttr; {
		size, kind := int(binary.NativeEndian.Uint16(rest)), binary.NativeEndian.Uint16(rest[2:])
		if size < unix.SizeofRtAttr || size > len(rest) {
			return 0, Traffic{}, false
		}
		if kind == inetDiagInfo {
			var info unix.TCPInfo
			raw := unsafe.Slice((*byte)(unsafe.Pointer(&info)), unsafe.Sizeof(info))
			copy(raw, rest[unix.SizeofRtAttr:size])
			return dport, Traffic{
				Up: int64(info.Bytes_acked), Down: int64(info.Bytes_received), Resent: int64(info.Bytes_retrans),
			}, true
		}
		next := (size + unix.RTA_ALIGNTO - 1) &^ (unix.RTA_ALIGNTO - 1)
		if next > len(rest) {
			break
		}
		rest = rest[next:]
	}
	return 0, Traffic{}, false
}
