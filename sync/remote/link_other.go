//go:build !linux

package remote

import "net"

// readLink knows nothing: only Linux is asked.
func readLink(net.Conn) (r reading, ok bool) { return r, false }

// shorten does nothing: only Linux is asked.
func shorten(net.Conn) {}
