package server

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/julienschmidt/httprouter"

	"github.com/pubsync/pubsync/server/build"
	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// maxPinNote bounds the note of a pin, in bytes.
const maxPinNote = 1000

// mayPin returns the scheduler of the request if its ceiling holds the target.
func (s *Server) mayPin(r *http.Request, target manifest.Path) (token.Scheduler, error) {
	by, err := s.scheduler(r)
	if err != nil {
		return by, err
	}
	return by, s.cfg.Tokens.RefuseScheduler(r.Context(), by, s.source(r), by.Ceiling.MayAct(target, false))
}

// putPin answers PUT /v1/pins/TARGET: keeps what is published there from
// retention.
func (s *Server) putPin(w http.ResponseWriter, r *http.Request, ps httprouter.Params) error {
	target, err := manifest.ParsePath(trimSlash(ps.ByName("target")))
	if err != nil {
		return err
	}
	by, err := s.mayPin(r, target)
	if err != nil {
		return err
	}
	var q wire.Pin
	if err := readJSON(w, r, &q); err != nil {
		return err
	}
	if len(q.Note) > maxPinNote {
		return wire.Errorf(wire.CodeBadRequest, "note: more than %d bytes", maxPinNote)
	}
	if _, err := s.cfg.Store.Lookup(r.Context(), target, store.Latest); errors.Is(err, store.ErrNotFound) {
		return wire.Errorf(wire.CodeNotFound, "nothing is published at %q", target)
	} else if err != nil {
		return err
	}
	err = s.cfg.Store.Update(r.Context(), func(tx store.Tx) error {
		p := build.Pin{Target: target, By: by.Name, Time: s.cfg.Now(), Note: q.Note}
		if err := build.PutPin(tx, p); err != nil {
			return err
		}
		return s.cfg.Tokens.Acted(tx, token.EventPin, by, s.source(r), target, q.Note)
	})
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// deletePin answers DELETE /v1/pins/TARGET.
func (s *Server) deletePin(w http.ResponseWriter, r *http.Request, ps httprouter.Params) error {
	target, err := manifest.ParsePath(trimSlash(ps.ByName("target")))
	if err != nil {
		return err
	}
	by, err := s.mayPin(r, target)
	if err != nil {
		return err
	}
	err = s.cfg.Store.Update(r.Context(), func(tx store.Tx) error {
		if err := build.Unpin(tx, target); err != nil {
			return err
		}
		return s.cfg.Tokens.Acted(tx, token.EventUnpin, by, s.source(r), target, "")
	})
	if errors.Is(err, store.ErrNotFound) {
		return wire.Errorf(wire.CodeNotFound, "%q is not pinned", target)
	}
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// pins answers GET /v1/pins/PATH with a line of JSON for each pin at or below it
// that the scheduler may set.
func (s *Server) pins(w http.ResponseWriter, r *http.Request, ps httprouter.Params) error {
	by, err := s.scheduler(r)
	if err != nil {
		return err
	}
	below, err := rootOrPath(ps.ByName("target"))
	if err != nil {
		return err
	}
	list, err := build.Pins(r.Context(), s.cfg.Store, below)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Cache-Control", "no-store")
	enc := json.NewEncoder(w)
	for _, p := range list {
		if by.Ceiling.MayAct(p.Target, false) != nil {
			continue
		}
		if err := enc.Encode(wire.Pinned{Target: escaped(p.Target), By: p.By, Time: p.Time, Note: p.Note}); err != nil {
			return delivered(err)
		}
	}
	return nil
}
