package token

import (
	"net/netip"
	"time"
)

// plainAddr returns a as it is compared and kept: an IPv4 address for one
// mapped into IPv6 (::ffff:a.b.c.d), and without a zone.
func plainAddr(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

// plainPrefix is plainAddr for networks, with the host bits cleared.
func plainPrefix(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked()
}

func plainPrefixes(ps []netip.Prefix) []netip.Prefix {
	if len(ps) == 0 {
		return nil
	}
	out := make([]netip.Prefix, len(ps))
	for i, p := range ps {
		out[i] = plainPrefix(p)
	}
	return out
}

func plainTime(t time.Time) time.Time { return t.UTC().Round(0) }

// contains reports whether one of the networks holds the plain address.
func contains(nets []netip.Prefix, a netip.Addr) bool {
	for _, n := range nets {
		if n.Contains(a) {
			return true
		}
	}
	return false
}

// covers reports whether every network of inner lies within one of outer.
func covers(outer, inner []netip.Prefix) bool {
	for _, in := range inner {
		held := false
		for _, out := range outer {
			held = held || out.Bits() <= in.Bits() && out.Contains(in.Addr())
		}
		if !held {
			return false
		}
	}
	return true
}
