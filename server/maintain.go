package server

import (
	"encoding/json"
	"net/http"

	"github.com/julienschmidt/httprouter"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/wire"
)

// admin lets only the scheduler through that may maintain the store.
func (s *Server) admin(r *http.Request) error {
	by, err := s.scheduler(r)
	if err != nil {
		return err
	}
	if by.Name != s.cfg.Admin {
		return wire.Errorf(wire.CodeCeiling, "only the server's own credential may do this")
	}
	return nil
}

// collect answers POST /v1/admin/collect: frees what nothing refers to.
func (s *Server) collect(w http.ResponseWriter, r *http.Request, _ httprouter.Params) error {
	if err := s.admin(r); err != nil {
		return err
	}
	var q struct {
		DryRun bool `json:"dry_run"`
	}
	if err := readJSON(w, r, &q); err != nil {
		return err
	}
	c, err := s.cfg.Store.Collect(r.Context(), store.CollectOptions{DryRun: q.DryRun, Live: s.cfg.Sessions.Live(r.Context())})
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, c)
}

// finding is a line of the answer to a check.
type finding struct {
	Digest string   `json:"digest"`
	Size   int64    `json:"size"`
	Error  string   `json:"error"`
	Paths  []string `json:"paths"`
}

// checkStore answers POST /v1/admin/check with a line of JSON for each finding
// and one for the sum.
func (s *Server) checkStore(w http.ResponseWriter, r *http.Request, _ httprouter.Params) error {
	if err := s.admin(r); err != nil {
		return err
	}
	var q struct {
		Content, Repair bool
	}
	if err := readJSON(w, r, &q); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	enc := json.NewEncoder(w)
	o := store.CheckOptions{Content: q.Content}
	if q.Repair {
		done, err := s.cfg.Store.Repair(r.Context(), o)
		if err != nil {
			return err
		}
		if err := enc.Encode(map[string]any{"repaired": done}); err != nil {
			return delivered(err)
		}
	}
	sum, err := s.cfg.Store.Check(r.Context(), o, func(f store.Finding) error {
		line := finding{Digest: f.Digest.String(), Size: f.Size, Error: f.Err.Error()}
		for _, u := range f.Uses {
			line.Paths = append(line.Paths, string(u.Path))
		}
		return enc.Encode(line)
	})
	if err != nil {
		return err
	}
	return delivered(enc.Encode(map[string]any{"checked": sum}))
}

// backup answers POST /v1/admin/backup: a copy of the store in a folder of the
// server's machine.
func (s *Server) backup(w http.ResponseWriter, r *http.Request, _ httprouter.Params) error {
	if err := s.admin(r); err != nil {
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
	if err := s.cfg.Store.Backup(r.Context(), q.Dir); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
