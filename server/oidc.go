package server

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/julienschmidt/httprouter"

	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/sync/wire"
)

// An Exchanger issues a one-shot token for a job's identity token.
type Exchanger interface {
	Exchange(ctx context.Context, identity string, from netip.Addr) (bearer string, r token.Record, err error)
}

// The URNs of RFC 8693, sections 2.1 and 3.
const (
	grantExchange = "urn:ietf:params:oauth:grant-type:token-exchange"
	typeJWT       = "urn:ietf:params:oauth:token-type:jwt"
	typeIDToken   = "urn:ietf:params:oauth:token-type:id_token"
	typeAccess    = "urn:ietf:params:oauth:token-type:access_token"
)

// exchanged is the answer of RFC 8693, section 2.2.1.
type exchanged struct {
	AccessToken     string `json:"access_token"`
	IssuedTokenType string `json:"issued_token_type"`
	TokenType       string `json:"token_type"`
	ExpiresIn       int64  `json:"expires_in"` // seconds
}

// exchangeToken answers POST /v1/exchange, a form as RFC 8693 has it: a job
// shows its identity token and gets a token under a policy.
func (s *Server) exchangeToken(w http.ResponseWriter, r *http.Request, _ httprouter.Params) error {
	if s.cfg.Exchange == nil {
		return wire.Errorf(wire.CodeNotFound, "this server exchanges no identity tokens")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxJSON)
	if err := r.ParseForm(); err != nil {
		return wire.Errorf(wire.CodeBadRequest, "the body is no form: %v", err)
	}
	form := r.PostForm
	if form.Get("grant_type") != grantExchange {
		return wire.Errorf(wire.CodeBadRequest, "grant_type must be %s", grantExchange)
	}
	if t := form.Get("subject_token_type"); t != typeJWT && t != typeIDToken {
		return wire.Errorf(wire.CodeBadRequest, "subject_token_type must be %s or %s", typeJWT, typeIDToken)
	}
	bearer, rec, err := s.cfg.Exchange.Exchange(r.Context(), form.Get("subject_token"), s.source(r))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, exchanged{
		AccessToken: s.cfg.Connect(bearer), IssuedTokenType: typeAccess, TokenType: "Bearer",
		ExpiresIn: int64(rec.Grant.NotAfter.Sub(s.cfg.Now()) / time.Second),
	})
}
