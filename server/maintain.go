package server

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"

	"github.com/julienschmidt/httprouter"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/server/upkeep"
	"github.com/pubsync/pubsync/sync/wire"
)

// admin lets only the scheduler through that may maintain the store.
func (s *Server) admin(r *http.Request) (token.Scheduler, error) {
	by, err := s.scheduler(r)
	if err == nil && (by.Name != s.cfg.Admin || s.cfg.Upkeep == nil) {
		err = wire.Errorf(wire.CodeCeiling, "only the server's own credential may do this")
	}
	return by, err
}

// collect answers POST /v1/admin/collect with an [upkeep.Report]: retention, then
// what nothing refers to is freed.
func (s *Server) collect(w http.ResponseWriter, r *http.Request, _ httprouter.Params) error {
	by, err := s.admin(r)
	if err != nil {
		return err
	}
	var q struct {
		DryRun bool `json:"dry_run"`
	}
	if err := readJSON(w, r, &q); err != nil {
		return err
	}
	report, err := s.cfg.Upkeep.Collect(r.Context(), upkeep.Actor{Scheduler: by.Name, From: s.source(r)}, q.DryRun)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, report)
}

// checkStore answers POST /v1/admin/check with an [upkeep.Line] of JSON for each
// finding as it is found, and one for the sum. Without that one the check was
// cut short.
func (s *Server) checkStore(w http.ResponseWriter, r *http.Request, _ httprouter.Params) error {
	if _, err := s.admin(r); err != nil {
		return err
	}
	var q upkeep.CheckOptions
	if err := readJSON(w, r, &q); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Cache-Control", "no-store")
	enc, flush := json.NewEncoder(w), http.NewResponseController(w).Flush
	err := s.cfg.Upkeep.Check(r.Context(), q, func(l upkeep.Line) error {
		if err := enc.Encode(l); err != nil {
			return err
		}
		return delivered(flush())
	})
	if err != nil {
		s.cfg.Log.Error("check cut short", "error", err)
	}
	return nil
}

// backup answers POST /v1/admin/backup, a copy of the store in a folder of the
// server's machine, with an [upkeep.Backup].
func (s *Server) backup(w http.ResponseWriter, r *http.Request, _ httprouter.Params) error {
	if _, err := s.admin(r); err != nil {
		return err
	}
	var q struct {
		Dir string `json:"dir"`
	}
	if err := readJSON(w, r, &q); err != nil {
		return err
	}
	if q.Dir == "" {
		return wire.Errorf(wire.CodeBadRequest, "dir: which folder?")
	}
	lacking, err := s.cfg.Upkeep.Backup(r.Context(), q.Dir)
	switch {
	case errors.Is(err, store.ErrInvalid), errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrNotExist):
		return wire.Errorf(wire.CodeBadRequest, "%v", err).WithHint("give a folder that is not there or empty, in one the server may write to")
	case err != nil:
		return err
	}
	return writeJSON(w, http.StatusOK, upkeep.Backup{Lacking: lacking})
}
