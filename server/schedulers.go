package server

import (
	"errors"
	"net/http"

	"github.com/julienschmidt/httprouter"

	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/sync/wire"
)

// listSchedulers answers GET /v1/schedulers, for the server's own credential
// only: all schedulers with their ceilings and the ids of their keys.
func (s *Server) listSchedulers(w http.ResponseWriter, r *http.Request, _ httprouter.Params) error {
	if err := s.keeper(r); err != nil {
		return err
	}
	all, err := s.cfg.Tokens.Schedulers(r.Context())
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, all)
}

// addKey answers POST /v1/schedulers/NAME/keys with a new credential, the only
// time it is seen. Two can be in use at once, the old and the new.
func (s *Server) addKey(w http.ResponseWriter, r *http.Request, ps httprouter.Params) error {
	if err := s.keeper(r); err != nil {
		return err
	}
	credential, err := s.cfg.Tokens.NewKey(r.Context(), ps.ByName("name"))
	if err != nil {
		return ofScheduler(err)
	}
	return writeJSON(w, http.StatusCreated, struct {
		Credential string `json:"credential"`
	}{s.cfg.Connect(credential)})
}

// removeKey answers DELETE /v1/schedulers/NAME/keys/ID.
func (s *Server) removeKey(w http.ResponseWriter, r *http.Request, ps httprouter.Params) error {
	if err := s.keeper(r); err != nil {
		return err
	}
	if err := s.cfg.Tokens.RemoveKey(r.Context(), ps.ByName("name"), ps.ByName("id")); err != nil {
		return ofScheduler(err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// keeper lets only the server's own credential through.
func (s *Server) keeper(r *http.Request) error {
	by, err := s.scheduler(r)
	if err == nil && by.Name != s.cfg.Admin {
		err = wire.Errorf(wire.CodeCeiling, "only the server's own credential may do this")
	}
	return err
}

func ofScheduler(err error) error {
	switch {
	case errors.Is(err, token.ErrNoScheduler):
		return wire.Errorf(wire.CodeNotFound, "%v", err)
	case errors.Is(err, token.ErrKeys):
		return wire.Errorf(wire.CodeBadRequest, "%v", err)
	}
	return err
}
