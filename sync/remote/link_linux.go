package remote

import (
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// unsent is how many bytes of a connection may wait in the kernel to be sent for the
// first time. What is written later waits behind them: a small question behind the
// megabyte of content that a kernel takes otherwise.
const unsent = 128 << 10

// shorten has the kernel keep no more than unsent bytes waiting on a connection. Where
// it does not take that, all works as well.
func shorten(conn net.Conn) {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return
	}
	if raw, err := sc.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) { unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsent) })
	}
}

// linkOf asks the kernel what it measured on a TCP connection: the least round
// trip time, and the rate in bytes per second at which bytes were delivered (the
// highest of late, where it was the sender that paused). Zero is unknown.
func linkOf(conn net.Conn) (rtt time.Duration, rate float64) {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return 0, 0
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return 0, 0
	}
	var info *unix.TCPInfo
	cerr := raw.Control(func(fd uintptr) { info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) })
	if cerr != nil || err != nil || info.Min_rtt == 0 || info.Min_rtt == ^uint32(0) {
		return 0, 0
	}
	rtt = time.Duration(info.Min_rtt) * time.Microsecond
	if info.Bytes_acked < enoughAcked {
		return rtt, 0
	}
	return rtt, float64(info.Delivery_rate)
}

// enoughAcked is how many bytes a connection must have carried for its rate to be
// that of the link: before, the window of TCP is what bounds it.
const enoughAcked = 128 << 10
