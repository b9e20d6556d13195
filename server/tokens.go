package server

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/julienschmidt/httprouter"

	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// issueRequest is the JSON body of POST /v1/tokens: a grant, where a time to
// live in seconds may stand for its end.
type issueRequest struct {
	token.Grant
	TTL int64 `json:"ttl,omitempty"` // seconds from not_before, or from now
}

func (q *issueRequest) grant(now time.Time) (token.Grant, error) {
	g := q.Grant
	if q.TTL < 0 || q.TTL > int64(token.MaxLifetime/time.Second) {
		return g, wire.Errorf(wire.CodeBadRequest, "ttl: %d is not a number of seconds a token can live", q.TTL)
	}
	if q.TTL > 0 && g.NotAfter.IsZero() {
		from := g.NotBefore
		if from.IsZero() {
			from = now
		}
		g.NotAfter = from.Add(time.Duration(q.TTL) * time.Second)
	}
	return g, nil
}

// issued answers the making of a token.
type issued struct {
	Token string `json:"token"` // for the builder; shown this once
	shown
}

// shown is a token as its scheduler sees it.
type shown struct {
	token.Record
	State token.State `json:"state"`
	Uses  []token.Use `json:"uses,omitempty"`
}

func (s *Server) scheduler(r *http.Request) (token.Scheduler, error) {
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 && bearer(r) == "" {
		return s.cfg.Tokens.SchedulerOfCert(r.Context(), r.TLS.PeerCertificates[0], len(r.TLS.VerifiedChains) > 0, s.source(r))
	}
	return s.cfg.Tokens.Scheduler(r.Context(), bearer(r), s.source(r))
}

func (s *Server) issueToken(w http.ResponseWriter, r *http.Request, _ httprouter.Params) error {
	by, err := s.scheduler(r)
	if err != nil {
		return err
	}
	g, err := s.readGrant(w, r)
	if err != nil {
		return err
	}
	if s.cfg.Defaults != nil {
		g = s.cfg.Defaults(g, by.Ceiling, s.cfg.Now())
	}
	bearer, rec, err := s.cfg.Tokens.Issue(r.Context(), by, g, token.IssueOptions{From: s.source(r)})
	if err != nil {
		return err
	}
	return s.writeIssued(w, bearer, rec)
}

func (s *Server) deriveToken(w http.ResponseWriter, r *http.Request, ps httprouter.Params) error {
	by, err := s.scheduler(r)
	if err != nil {
		return err
	}
	g, err := s.readGrant(w, r)
	if err != nil {
		return err
	}
	bearer, rec, err := s.cfg.Tokens.Derive(r.Context(), by, ps.ByName("accessor"), g, token.IssueOptions{From: s.source(r)})
	if err != nil {
		return err
	}
	return s.writeIssued(w, bearer, rec)
}

func (s *Server) readGrant(w http.ResponseWriter, r *http.Request) (token.Grant, error) {
	var q issueRequest
	if err := readJSON(w, r, &q); err != nil {
		return token.Grant{}, err
	}
	return q.grant(s.cfg.Now())
}

func (s *Server) writeIssued(w http.ResponseWriter, bearer string, rec token.Record) error {
	return writeJSON(w, http.StatusCreated, issued{Token: s.cfg.Connect(bearer), shown: s.shown(rec)})
}

func (s *Server) shown(rec token.Record) shown {
	return shown{Record: rec, State: rec.State(s.cfg.Now())}
}

// listTokens answers GET /v1/tokens with one JSON object a line, newest first.
func (s *Server) listTokens(w http.ResponseWriter, r *http.Request, _ httprouter.Params) error {
	by, err := s.scheduler(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	recs, err := s.cfg.Tokens.List(r.Context(), by, token.ListQuery{
		Target: manifest.Path(q.Get("target")), State: token.State(q.Get("state")),
		Parent: q.Get("parent"), After: q.Get("after"),
	})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Cache-Control", "no-store")
	enc := json.NewEncoder(w)
	for _, rec := range recs {
		if err := enc.Encode(s.shown(rec)); err != nil {
			return delivered(err)
		}
	}
	return nil
}

func (s *Server) showToken(w http.ResponseWriter, r *http.Request, ps httprouter.Params) error {
	by, err := s.scheduler(r)
	if err != nil {
		return err
	}
	rec, uses, err := s.cfg.Tokens.Show(r.Context(), by, ps.ByName("accessor"))
	if err != nil {
		return err
	}
	v := s.shown(rec)
	v.Uses = uses
	return writeJSON(w, http.StatusOK, v)
}

func (s *Server) revokeToken(w http.ResponseWriter, r *http.Request, ps httprouter.Params) error {
	by, err := s.scheduler(r)
	if err != nil {
		return err
	}
	if err := s.cfg.Tokens.Revoke(r.Context(), by, ps.ByName("accessor")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// resetToken frees the publication that a builder holds whose session secret
// is lost, and what that session had staged.
func (s *Server) resetToken(w http.ResponseWriter, r *http.Request, ps httprouter.Params) error {
	by, err := s.scheduler(r)
	if err != nil {
		return err
	}
	ids, err := s.cfg.Tokens.ResetSession(r.Context(), by, ps.ByName("accessor"))
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := s.cfg.Sessions.Discard(r.Context(), id); err != nil {
			return err
		}
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// rootOrPath reads what a route's wildcard caught, with its leading slash.
func rootOrPath(s string) (manifest.Path, error) {
	if s == "/" || s == "" {
		return "", nil
	}
	return manifest.ParsePath(s[1:])
}
