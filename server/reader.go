package server

import (
	"net/http"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire/connect"
)

// readerSight returns what the sender of a request that reads may see: what is
// public, and with a token what that may read. A bad token is refused rather
// than ignored, so that its owner learns of it.
func (s *Server) readerSight(r *http.Request) (store.Sight, error) {
	if bearer(r) == "" {
		return s.cfg.Public, nil
	}
	auth, err := s.admit(r, token.Outside, connect.SessionHash{})
	if err != nil {
		return nil, err
	}
	defer auth.release()
	return auth.downloads(), nil
}

// FilesSight is what a handler of published files asks: what the sender may
// see, which is only what is public if its token is no good.
func (s *Server) FilesSight(r *http.Request) store.Sight {
	sight, err := s.readerSight(r)
	if err != nil {
		return func(p manifest.Path) bool { return s.cfg.Public(p) }
	}
	return sight
}
