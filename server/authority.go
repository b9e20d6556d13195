package server

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/pubsync/pubsync/server/access"
	"github.com/pubsync/pubsync/server/session"
	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire/connect"
)

// authority lets a session ask the token of its request. It implements
// [session.Authority].
type authority struct {
	ctx    context.Context // outlives the request: what arrived before the client went is kept, and audited
	tokens *token.Service
	pass   *token.Pass
	access *access.Rules
	base   string
}

var _ session.Authority = (*authority)(nil)

// admit checks the bearer of a request and spends one call of it.
func (s *Server) admit(r *http.Request, phase token.Phase, h connect.SessionHash) (*authority, error) {
	pass, err := s.cfg.Tokens.Admit(r.Context(), token.Request{Bearer: bearer(r), From: s.source(r), Phase: phase, Session: h})
	if err != nil {
		return nil, err
	}
	return &authority{ctx: context.WithoutCancel(r.Context()), tokens: s.cfg.Tokens, pass: pass, access: s.cfg.Access, base: "https://" + r.Host}, nil
}

func (a *authority) release() { a.pass.Release() }

// refuse puts a refusal into the audit log and returns it.
func (a *authority) refuse(err error) error {
	if err == nil {
		return nil
	}
	return a.tokens.Refuse(a.ctx, a.pass, token.Exists(err))
}

func (a *authority) Accessor() string      { return a.pass.Record.Accessor }
func (a *authority) Base() string          { return a.base }
func (a *authority) Owner() string         { return a.pass.Record.Scheduler }
func (a *authority) Target() manifest.Path { return a.pass.Record.Grant.Target }
func (a *authority) Overwrite() bool       { return a.pass.Record.Grant.Overwrite }
func (a *authority) Live() error           { return a.pass.Live(a.ctx) }

func (a *authority) Sight() store.Sight {
	own := a.pass.Sight()
	return func(p manifest.Path) bool { return a.access.Public(p) || own(p) }
}

func (a *authority) Asked(absent int) { a.tokens.Asked(a.ctx, a.pass, absent) }
func (a *authority) Sent(n int)       { a.tokens.Sent(a.pass, n) }

func (a *authority) CanOpen(t session.Terms) error {
	verbs := token.Publish
	if t.DryRun {
		verbs = token.Check
	}
	if err := a.pass.May(verbs, t.Target); err != nil {
		return err
	}
	if err := a.pass.MayShow(token.Visibility(t.Visibility)); err != nil {
		return err
	}
	return a.access.Check(t.Target, token.Visibility(t.Visibility), a.Overwrite())
}

func (a *authority) Bind(tx store.Tx, t session.Terms) error {
	_, err := a.tokens.Open(tx, a.pass, token.Opening{
		Hash: t.Hash, Session: t.Session, Target: t.Target, Files: int64(t.Files), Bytes: t.Bytes,
	})
	return err
}

func (a *authority) Charge(tx store.Tx, t session.Terms) error {
	return a.tokens.Charge(tx, a.pass, t.Hash, int64(t.Files), t.Bytes)
}

func (a *authority) CanCommit(tx store.Tx, t session.Terms, d manifest.Digest) error {
	return a.tokens.CheckRedeem(tx, a.pass, redemption(t, d))
}

func (a *authority) Redeem(tx store.Tx, t session.Terms, d manifest.Digest, receipt []byte) error {
	if err := a.tokens.Redeem(tx, a.pass, redemption(t, d), json.RawMessage(receipt)); err != nil {
		return err
	}
	return a.access.Put(tx, t.Target, token.Visibility(t.Visibility))
}

func (a *authority) Published(t session.Terms, d manifest.Digest) {
	a.access.Published(t.Target, token.Visibility(t.Visibility))
	a.tokens.Published(a.pass, redemption(t, d))
}

func redemption(t session.Terms, d manifest.Digest) token.Redemption {
	return token.Redemption{
		Hash: t.Hash, Files: int64(t.Files), Bytes: t.Bytes, Manifest: d, Visibility: token.Visibility(t.Visibility),
	}
}
