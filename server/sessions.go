package server

import (
	"bytes"
	"encoding/hex"
	"io"
	"net/http"
	"strings"

	"github.com/julienschmidt/httprouter"

	"github.com/pubsync/pubsync/server/session"
	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/sync/wire"
	"github.com/pubsync/pubsync/sync/wire/connect"
	"github.com/pubsync/pubsync/sync/wire/gather"
)

// openSession answers POST /v1/sessions: an open message, as JSON alone or as
// the first frame of several.
func (s *Server) openSession(w http.ResponseWriter, r *http.Request, _ httprouter.Params) error {
	if r.Header.Get("Content-Type") != wire.ContentType {
		return s.openJSON(w, r)
	}
	body := s.body(w, r)
	open, err := firstFrame(r, body)
	if err != nil {
		return err
	}
	auth, opened, err := s.open(r, open)
	if err != nil {
		return err
	}
	defer auth.release()
	reply := wire.AppendOpened(nil, opened)
	if opened.Status == wire.StatusOpen {
		secret := r.Header.Get(wire.SessionHeader)
		more, err := s.cfg.Sessions.Exchange(r.Context(), auth, store.SessionID(opened.Session), secret, body)
		if err != nil {
			return auth.refuse(err)
		}
		reply = append(reply, more...)
	} else {
		drain(body)
	}
	return writeFrames(w, r, openStatus(opened), reply)
}

func (s *Server) openJSON(w http.ResponseWriter, r *http.Request) error {
	var open wire.Open
	if err := readJSON(w, r, &open); err != nil {
		return err
	}
	auth, opened, err := s.open(r, open)
	if err != nil {
		return err
	}
	defer auth.release()
	return writeJSON(w, openStatus(opened), opened)
}

func openStatus(o wire.Opened) int {
	if o.Status == wire.StatusOpen {
		return http.StatusCreated
	}
	return http.StatusOK
}

// open admits and answers an open message.
func (s *Server) open(r *http.Request, open wire.Open) (*authority, wire.Opened, error) {
	var hash connect.SessionHash
	if err := hash.UnmarshalText([]byte(open.SessionHash)); err != nil {
		return nil, wire.Opened{}, wire.Errorf(wire.CodeBadRequest, "session_hash: %v", err)
	}
	auth, err := s.admit(r, token.Outside, hash)
	if err != nil {
		return nil, wire.Opened{}, err
	}
	opened, err := s.cfg.Sessions.Open(r.Context(), auth, open)
	if err != nil {
		err = auth.refuse(err)
		auth.release()
		return nil, wire.Opened{}, err
	}
	return auth, opened, nil
}

// firstFrame reads the open frame off a body. The hash of the session secret is
// that of the header.
func firstFrame(r *http.Request, body io.Reader) (wire.Open, error) {
	payload, err := wire.ReadOpen(body)
	if err != nil {
		return wire.Open{}, wire.Errorf(wire.CodeBadRequest, "%v", err)
	}
	open, err := wire.ParseOpen(payload)
	if err != nil {
		return open, wire.Errorf(wire.CodeBadRequest, "open: %v", err)
	}
	secret := r.Header.Get(wire.SessionHeader)
	if secret == "" {
		return open, wire.Errorf(wire.CodeBadRequest, "an open frame comes with the session secret in the header %s", wire.SessionHeader)
	}
	hash := connect.HashSession(secret)
	open.SessionHash = hex.EncodeToString(hash[:])
	return open, nil
}

// exchange answers POST /v1/sessions/ID.
func (s *Server) exchange(w http.ResponseWriter, r *http.Request, ps httprouter.Params) error {
	reply, err := s.run(r, ps.ByName("id"), s.body(w, r))
	if err != nil {
		return err
	}
	return writeFrames(w, r, http.StatusOK, reply)
}

// run hands frames to a session in the name of the request's bearer.
func (s *Server) run(r *http.Request, id string, body io.Reader) ([]byte, error) {
	secret := r.Header.Get(wire.SessionHeader)
	auth, err := s.admit(r, phase(id), connect.HashSession(secret))
	if err != nil {
		return nil, err
	}
	defer auth.release()
	reply, err := s.cfg.Sessions.Exchange(r.Context(), auth, store.SessionID(id), secret, body)
	return reply, auth.refuse(err)
}

// phase tells which of a token's times a request of a session must keep to. A
// dry run binds nothing, so its requests stand on the token alone.
func phase(id string) token.Phase {
	if strings.HasPrefix(id, session.DryRunPrefix) {
		return token.Outside
	}
	return token.Within
}

// commitSession answers POST /v1/sessions/ID/commit with a receipt, for
// clients that speak JSON only.
func (s *Server) commitSession(w http.ResponseWriter, r *http.Request, ps httprouter.Params) error {
	var c wire.Commit
	if err := readJSON(w, r, &c); err != nil {
		return err
	}
	c.IfComplete = false
	reply, err := s.run(r, ps.ByName("id"), bytes.NewReader(wire.AppendCommit(nil, c)))
	if err != nil {
		return err
	}
	frames := wire.NewReader(bytes.NewReader(reply))
	for {
		f, err := frames.Next()
		if err != nil {
			return err
		}
		if f.Type == wire.FrameReceipt {
			receipt, err := wire.ParseReceipt(f.Payload, c.ManifestDigest)
			if err != nil {
				return err
			}
			return writeJSON(w, http.StatusOK, receipt)
		}
	}
}

// abandonSession answers DELETE /v1/sessions/ID.
func (s *Server) abandonSession(w http.ResponseWriter, r *http.Request, ps httprouter.Params) error {
	id, secret := ps.ByName("id"), r.Header.Get(wire.SessionHeader)
	auth, err := s.admit(r, phase(id), connect.HashSession(secret))
	if err != nil {
		return err
	}
	defer auth.release()
	if err := s.cfg.Sessions.Abandon(r.Context(), auth, store.SessionID(id), secret); err != nil {
		return auth.refuse(err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// writeFrames answers with frames, which only our clients ask for.
func writeFrames(w http.ResponseWriter, r *http.Request, status int, frames []byte) error {
	if c, ok := gather.FromContext(r.Context()); ok {
		c.Answers()
	}
	w.Header().Set("Content-Type", wire.ContentType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, err := w.Write(frames)
	return delivered(err)
}

// drain reads what is left of a small body, so that its connection can be used
// again.
func drain(body io.Reader) {
	_, _ = io.CopyN(io.Discard, body, maxJSON)
}
