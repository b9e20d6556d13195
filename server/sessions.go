package server

import (
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
	body := s.body(w, r)
	first := make([]byte, 1)
	n, err := io.ReadFull(body, first)
	if err != nil && err != io.EOF {
		return err
	}
	if first[0] != byte(wire.FrameOpen) { // as no JSON begins
		r.Body = io.NopCloser(body.after(first[:n]))
		return s.openJSON(w, r)
	}
	open, err := firstFrame(r, body.after(first))
	if err != nil {
		return err
	}
	auth, err := s.admitOpen(r, open)
	if err != nil {
		return err
	}
	defer auth.release()
	if body, err = withTree(&open, body); err != nil {
		return err
	}
	opened, err := s.cfg.Sessions.Open(r.Context(), auth, open)
	if err != nil {
		return auth.refuse(err)
	}
	name := store.SessionID(opened.Session)
	if !open.DryRun {
		opened.Session = "" // the client has it by the credentials
	}
	reply := wire.AppendOpened(nil, opened)
	if opened.Status == wire.StatusOpen {
		secret := r.Header.Get(wire.SessionHeader)
		more, err := s.cfg.Sessions.Exchange(r.Context(), auth, name, secret, body)
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
	auth, err := s.admitOpen(r, open)
	if err != nil {
		return err
	}
	defer auth.release()
	opened, err := s.cfg.Sessions.Open(r.Context(), auth, open)
	if err != nil {
		return auth.refuse(err)
	}
	return writeJSON(w, openStatus(opened), opened)
}

func openStatus(o wire.Opened) int {
	if o.Status == wire.StatusOpen {
		return http.StatusCreated
	}
	return http.StatusOK
}

// admitOpen admits the bearer of an open message. Release what it returns.
func (s *Server) admitOpen(r *http.Request, open wire.Open) (*authority, error) {
	var hash connect.SessionHash
	if err := hash.UnmarshalText([]byte(open.SessionHash)); err != nil {
		return nil, wire.Errorf(wire.CodeBadRequest, "session_hash: %v", err)
	}
	return s.admit(r, token.Outside, hash)
}

// withTree completes an open that leaves the tree digest to the list behind it, and
// returns the body as it was.
func withTree(open *wire.Open, body stoppable) (stoppable, error) {
	if !open.TreeDigest.IsZero() || open.Entries == 0 {
		return body, nil
	}
	read, l, err := wire.ReadList(body, open.Entries)
	if err != nil {
		return body, err
	}
	if len(l) == open.Entries {
		open.TreeDigest = l.TreeDigest()
	}
	return body.after(read), nil
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
	auth, id, secret, err := s.join(r, ps)
	if err != nil {
		return err
	}
	defer auth.release()
	reply, err := s.cfg.Sessions.Exchange(r.Context(), auth, id, secret, s.body(w, r))
	if err != nil {
		return auth.refuse(err)
	}
	return writeFrames(w, r, http.StatusOK, reply)
}

// join admits the bearer of a request of a session, and returns which one that is and
// the secret it came with. Release what it returns.
func (s *Server) join(r *http.Request, ps httprouter.Params) (auth *authority, id store.SessionID, secret string, err error) {
	name := ps.ByName("id")
	secret = r.Header.Get(wire.SessionHeader)
	hash := connect.HashSession(secret)
	if auth, err = s.admit(r, phase(name), hash); err != nil {
		return nil, "", "", err
	}
	if name == wire.OwnSession {
		return auth, session.Name(auth.Accessor(), hash, false), secret, nil
	}
	return auth, store.SessionID(name), secret, nil
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
	auth, id, secret, err := s.join(r, ps)
	if err != nil {
		return err
	}
	defer auth.release()
	receipt, err := s.cfg.Sessions.Commit(r.Context(), auth, id, secret, c)
	if err != nil {
		return auth.refuse(err)
	}
	return writeJSON(w, http.StatusOK, receipt)
}

// abandonSession answers DELETE /v1/sessions/ID.
func (s *Server) abandonSession(w http.ResponseWriter, r *http.Request, ps httprouter.Params) error {
	auth, id, secret, err := s.join(r, ps)
	if err != nil {
		return err
	}
	defer auth.release()
	if err := s.cfg.Sessions.Abandon(r.Context(), auth, id, secret); err != nil {
		return auth.refuse(err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// writeFrames answers with frames, which only our clients ask for. They know their type,
// no cache keeps an answer to POST that does not say so, and of an answer of HTTP/2 the
// end is seen without a length.
func writeFrames(w http.ResponseWriter, r *http.Request, status int, frames []byte) error {
	if c, ok := gather.FromContext(r.Context()); ok {
		c.Answers()
	}
	w.Header()["Content-Type"] = nil
	if r.ProtoMajor == 2 {
		w.Header()["Content-Length"] = nil
	}
	w.WriteHeader(status)
	_, err := w.Write(frames)
	return delivered(err)
}

// drain reads what is left of a small body, so that its connection can be used
// again.
func drain(body io.Reader) {
	_, _ = io.CopyN(io.Discard, body, maxJSON)
}
