package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/julienschmidt/httprouter"

	"github.com/pubsync/pubsync/server/session"
	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
	"github.com/pubsync/pubsync/sync/wire/connect"
)

// rollback answers POST /v1/rollback/TARGET with the receipt of a publication
// whose tree below the target is that of an older version. It takes a token that
// may publish and overwrite there, of which it spends a publication, with a
// session secret that makes repeating it safe; or a scheduler's credential.
func (s *Server) rollback(w http.ResponseWriter, r *http.Request, ps httprouter.Params) error {
	target, err := manifest.ParsePath(trimSlash(ps.ByName("target")))
	if err != nil {
		return err
	}
	var q wire.Rollback
	if err := readJSON(w, r, &q); err != nil {
		return err
	}
	list, err := s.treeAt(r.Context(), target, store.Version(q.To))
	if err != nil {
		return err
	}
	b := restoring{
		Commit: store.Commit{
			Target: target, Entries: list, TreeDigest: list.TreeDigest(), Mirror: true, Time: s.cfg.Now(),
			Build: target, // no alias follows it
		},
		to: store.Version(q.To),
	}
	receipt, err := s.restore(r, &b)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, receipt)
}

func trimSlash(wildcard string) string { return wildcard[1:] }

// treeAt returns what was published below target at version v.
func (s *Server) treeAt(ctx context.Context, target manifest.Path, v store.Version) (list manifest.List, err error) {
	if v < 0 {
		return nil, wire.Errorf(wire.CodeBadRequest, "to: %d is no publication number", v)
	}
	err = s.cfg.Store.Walk(ctx, target, v, func(e manifest.Entry) error {
		list = append(list, e)
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, wire.Errorf(wire.CodeNotFound, "%q cannot be read as it was in version %d", target, v).
			WithHint("it was not there then, or its history is no longer kept; see \"pubsync log\"")
	}
	list.Sort()
	return list, err
}

// restoring is the commit of a rollback.
type restoring struct {
	store.Commit
	to      store.Version
	receipt []byte
}

func (b *restoring) note() string { return fmt.Sprintf("to version %d", b.to) }

// restore commits in the name of the request's bearer, and returns the receipt.
func (s *Server) restore(r *http.Request, b *restoring) (json.RawMessage, error) {
	var done func()
	auth, err := s.tokenFor(r)
	switch {
	case err != nil:
		return nil, err
	case auth != nil:
		defer auth.release()
		done = s.byToken(r, auth, b)
	default:
		err = s.byScheduler(r, b)
	}
	if err != nil {
		return nil, err
	}
	_, err = s.cfg.Store.Commit(r.Context(), b.Commit)
	var before *token.Redeemed
	switch {
	case errors.As(err, &before):
		return before.Receipt, nil
	case errors.Is(err, store.ErrGone):
		return nil, wire.Errorf(wire.CodeNotFound, "content of version %d is damaged: nothing was changed", b.to).
			WithHint("push the same files again: that heals it")
	case err != nil && auth != nil:
		return nil, auth.refuse(err)
	case err != nil:
		return nil, err
	}
	if done != nil {
		done()
	}
	return b.receipt, nil
}

// tokenFor admits the bearer of a request if it is a token; nil if it is a
// scheduler's credential.
func (s *Server) tokenFor(r *http.Request) (*authority, error) {
	if b := bearer(r); b == "" || strings.HasPrefix(b, string(connect.Credential)) {
		return nil, nil
	}
	secret := r.Header.Get(wire.SessionHeader)
	if secret == "" {
		return nil, wire.Errorf(wire.CodeBadRequest, "a token needs a session secret in the header %s", wire.SessionHeader)
	}
	return s.admit(r, token.Outside, connect.HashSession(secret))
}

// byToken has the commit spend a publication of the token. The function it
// returns is to be called after the commit.
func (s *Server) byToken(r *http.Request, auth *authority, b *restoring) (done func()) {
	files, bytes := b.Entries.Totals()
	terms := session.Terms{Target: b.Target, Files: files, Bytes: bytes, Hash: connect.HashSession(r.Header.Get(wire.SessionHeader))}
	terms.Session = store.SessionID("rollback-" + auth.Accessor())
	digest := b.Entries.ManifestDigest()
	b.Overwrite, b.Owner = auth.Overwrite(), auth.Owner()
	b.Before = func(tx store.Tx) error {
		if err := auth.Bind(tx, terms); err != nil {
			return err
		}
		return auth.CanCommit(tx, terms, digest)
	}
	b.After = func(tx store.Tx, p *store.Publication) error {
		if err := s.writeReceipt(b, p, auth.Accessor()); err != nil {
			return err
		}
		if err := s.cfg.Tokens.ActedWith(tx, token.EventRollback, auth.pass, b.Target, b.note()); err != nil {
			return err
		}
		return auth.Redeem(tx, terms, digest, b.receipt)
	}
	return func() { auth.Published(terms, digest) }
}

// byScheduler has the commit check a scheduler's ceiling.
func (s *Server) byScheduler(r *http.Request, b *restoring) error {
	by, err := s.scheduler(r)
	if err != nil {
		return err
	}
	if err := by.Ceiling.MayAct(b.Target, true); err != nil {
		return s.cfg.Tokens.RefuseScheduler(r.Context(), by, s.source(r), err)
	}
	b.Overwrite, b.Owner = true, by.Name
	b.After = func(tx store.Tx, p *store.Publication) error {
		if err := s.writeReceipt(b, p, ""); err != nil {
			return err
		}
		return s.cfg.Tokens.Acted(tx, token.EventRollback, by, s.source(r), b.Target, b.note())
	}
	return nil
}

// writeReceipt makes the receipt of a rollback and notes in its publication what
// it was.
func (s *Server) writeReceipt(b *restoring, p *store.Publication, accessor string) (err error) {
	digest := b.Entries.ManifestDigest()
	note, err := json.Marshal(session.Note{Accessor: accessor, Manifest: digest, By: "rollback", To: int64(b.to)})
	if err != nil {
		return err
	}
	p.Note = string(note)
	b.receipt, err = json.Marshal(s.cfg.Sessions.Receipt(p))
	return err
}

// diff answers GET /v1/diff/TARGET?from=N&to=M with a line of JSON for each entry
// that differs and one for the sum. Without that one the answer was cut short.
func (s *Server) diff(w http.ResponseWriter, r *http.Request, ps httprouter.Params) error {
	target, err := rootOrPath(ps.ByName("target"))
	if err != nil {
		return err
	}
	sight, err := s.readerSight(r)
	if err != nil {
		return err
	}
	if target != "" && !sight(target) {
		return store.ErrNotFound
	}
	from, err := versionParam(r, "from", 0)
	if err != nil {
		return err
	}
	to, err := versionParam(r, "to", store.Latest)
	if err != nil {
		return err
	}
	d := differences{w: w}
	err = s.cfg.Store.Diff(r.Context(), target, from, to, func(c store.Change) error {
		if !sight(target.Join(c.Path)) {
			return nil
		}
		return d.add(&c)
	})
	if err != nil && !d.begun {
		return err
	}
	if err != nil {
		return delivered(err)
	}
	return d.end()
}

func versionParam(r *http.Request, name string, absent store.Version) (store.Version, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return absent, nil
	}
	n, err := strconv.ParseUint(text, 10, 62)
	if err != nil {
		return 0, wire.Errorf(wire.CodeBadRequest, "%s=%q is no publication number", name, text)
	}
	return store.Version(n), nil
}
