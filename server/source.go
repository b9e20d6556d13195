package server

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/pubsync/pubsync/sync/wire/connect"
)

// source returns the address a request comes from: the peer's, or, if the peer
// is a trusted proxy, the last address in X-Forwarded-For that no trusted proxy
// wrote.
func (s *Server) source(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	addr := peer.Addr().Unmap().WithZone("")
	if !contains(s.cfg.TrustedProxies, addr) {
		return addr
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			return addr
		}
		addr = hop.Unmap().WithZone("")
		if !contains(s.cfg.TrustedProxies, addr) {
			return addr
		}
	}
	return addr
}

func contains(ps []netip.Prefix, a netip.Addr) bool {
	for _, p := range ps {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// bearer returns what the Authorization header carries: a Bearer, or the
// password of a Basic credential, for clients that know only that.
func bearer(r *http.Request) string {
	h := r.Header.Get("Authorization")
	if scheme, rest, ok := strings.Cut(h, " "); ok && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(rest)
	}
	if user, password, ok := r.BasicAuth(); ok && user != licenceUser {
		return password
	}
	return ""
}

func holdsBearer(s string) bool { return connect.Redact(s) != s }
