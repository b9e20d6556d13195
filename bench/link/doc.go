// Package link makes the networks that the benchmarks run over, and counts what
// crosses them.
//
// A [Space] is a network namespace of this process, held by one thread of its
// own; commands started in it see only it. [Shape] joins two of them with a pair of
// TUN devices and a relay in user space that gives each direction a rate, a delay
// and a drop-tail queue (a kernel's netem would do the same, where there is one).
// Both need root; without it only the loopback device is there.
//
// A [Counter] reads what each closed TCP connection carried from the kernel
// (sock_diag(7), group of destroyed TCP sockets), so counting costs the programs
// nothing. Where the kernel refuses that, [Relay] is a TCP proxy that counts.
package link
