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

// readLink asks the kernel what it measured on a TCP connection; ok is false if it does
// not tell.
func readLink(conn net.Conn) (r reading, ok bool) {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return r, false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return r, false
	}
	var info *unix.TCPInfo
	cerr := raw.Control(func(fd uintptr) { info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) })
	if cerr != nil || err != nil || info.Min_rtt == 0 || info.Min_rtt == ^uint32(0) {
		return r, false
	}
	return reading{
		trip: time.Duration(info.Min_rtt) * time.Microsecond, rate: float64(info.Delivery_rate), acked: int64(info.Bytes_acked),
		busy: time.Duration(info.Busy_time) * time.Microsecond, held: time.Duration(info.Rwnd_limited) * time.Microsecond,
	}, true
}
