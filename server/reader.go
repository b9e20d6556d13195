package server

import (
	"net/http"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire/connect"
)

// readerSight returns what the sender of a request that reads may see: what is
// public, what is under a licence that the request accepts, and with a token what
// that may read. A bad token is refused rather than ignored, so that its owner
// learns of it.
func (s *Server) readerSight(r *http.Request) (store.Sight, error) {
	open := s.openSight(r)
	if bearer(r) == "" {
		return open, nil
	}
	auth, err := s.admit(r, token.Outside, connect.SessionHash{})
	if err != nil {
		return nil, err
	}
	defer auth.release()
	own := auth.pass.Downloads()
	return func(p manifest.Path) bool { return open(p) || own(p) }, nil
}

// openSight is what may be seen without a token.
func (s *Server) openSight(r *http.Request) store.Sight {
	return func(p manifest.Path) bool { return s.cfg.Access.Public(p) || s.licensed(r, p) }
}

// FilesSight is what a handler of published files asks: what the sender may
// see, which is only what needs no token if its token is no good, and the one
// path that a signed link in its URL leads to.
func (s *Server) FilesSight(r *http.Request) store.Sight {
	sight, err := s.readerSight(r)
	if err != nil {
		sight = s.openSight(r)
	}
	if at := s.linkedPath(r); at != "" {
		return func(p manifest.Path) bool { return p == at || sight(p) }
	}
	return sight
}
