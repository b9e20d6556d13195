package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
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
	by, err := s.restorer(r, target)
	if err != nil {
		return err
	}
	defer by.release()
	b, err := s.restoring(r.Context(), target, store.Version(q.To))
	if err != nil {
		return err
	}
	receipt, err := s.restore(r, by, b)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, receipt)
}

// restoring is the commit of a rollback.
type restoring struct {
	store.Commit
	of      manifest.Path // what is rolled back: the commit's target, or an alias
	to      store.Version
	receipt []byte
}

// restoring makes the commit that takes a target, or an alias, back to version v.
func (s *Server) restoring(ctx context.Context, target manifest.Path, v store.Version) (*restoring, error) {
	if v < 0 {
		return nil, wire.Errorf(wire.CodeBadRequest, "to: %d is no publication number", v)
	}
	b := &restoring{Commit: store.Commit{Target: target, Time: s.cfg.Now()}, of: target, to: v}
	e, err := s.cfg.Store.Lookup(ctx, target, v)
	if err == nil && e.Kind == manifest.Symlink {
		return b, s.restoreAlias(ctx, b, e)
	}
	if err == nil {
		err = s.cfg.Store.Walk(ctx, target, v, func(e manifest.Entry) error {
			b.Entries = append(b.Entries, e)
			return nil
		})
	}
	if errors.Is(err, store.ErrNotFound) {
		return nil, wire.Errorf(wire.CodeNotFound, "%q cannot be read as it was in version %d", target, v).
			WithHint("it was not there then, or its history is no longer kept; see \"pubsync log\"")
	}
	b.Entries.Sort()
	b.TreeDigest, b.Mirror = b.Entries.TreeDigest(), true
	b.Build = target // no alias follows it
	return b, err
}

// restoreAlias has the commit move an alias to the build that it showed, which
// must still be there beside it.
func (s *Server) restoreAlias(ctx context.Context, b *restoring, alias manifest.Entry) (err error) {
	gone := wire.Errorf(wire.CodeNotFound, "%q led to %q in version %d, where nothing is published now", b.of, alias.Link, b.to)
	if _, err := manifest.ParsePath(alias.Link); err != nil || b.of.Dir() == "" {
		return gone.WithHint("only a link to a build beside it can be rolled back by itself; roll back what holds it")
	}
	b.Target = b.of.Dir().Join(manifest.Path(alias.Link))
	if b.Seen, err = s.cfg.Store.Version(ctx); err != nil {
		return err
	}
	build, err := s.cfg.Store.Lookup(ctx, b.Target, store.Latest)
	if errors.Is(err, store.ErrNotFound) || err == nil && build.Kind != manifest.Dir {
		return gone
	}
	alias.MTime = b.Time.UnixNano()
	b.Aliases = manifest.List{alias}
	return err
}

func (b *restoring) note() string { return fmt.Sprintf("to version %d", b.to) }

// A restorer is whoever rolls back: the bearer of a token, or a scheduler.
type restorer struct {
	auth      *authority // nil for a scheduler
	scheduler token.Scheduler
}

func (w *restorer) release() {
	if w.auth != nil {
		w.auth.release()
	}
}

// restorer returns who asks for a rollback of target, if they may publish there.
// Nobody else is told what there is, or was.
func (s *Server) restorer(r *http.Request, target manifest.Path) (w *restorer, err error) {
	w = &restorer{}
	if w.auth, err = s.tokenFor(r); err != nil {
		return nil, err
	}
	if w.auth != nil {
		if err := w.auth.pass.May(token.Publish, target); err != nil {
			defer w.release()
			return nil, w.auth.refuse(err)
		}
		return w, nil
	}
	if w.scheduler, err = s.scheduler(r); err != nil {
		return nil, err
	}
	if err := w.scheduler.Ceiling.MayAct(target, true); err != nil {
		return nil, s.cfg.Tokens.RefuseScheduler(r.Context(), w.scheduler, s.source(r), err)
	}
	return w, nil
}

// restore commits in the name of whoever asked, and returns the receipt.
func (s *Server) restore(r *http.Request, by *restorer, b *restoring) (json.RawMessage, error) {
	done := func() {}
	if by.auth != nil {
		done = s.byToken(r, by.auth, b)
	} else {
		s.byScheduler(r, by.scheduler, b)
	}
	if len(b.Aliases) > 0 && !b.Overwrite { // which the store would not ask for
		return nil, by.auth.refuse(&store.ConflictError{Paths: []manifest.Path{b.of}, Total: 1})
	}
	settle := s.reserve(r.Context(), b)
	_, err := s.cfg.Store.Commit(r.Context(), b.Commit)
	settle(err == nil)
	var before *token.Redeemed
	switch {
	case err == nil:
		done()
		return b.receipt, nil
	case errors.As(err, &before):
		return before.Receipt, nil
	case errors.Is(err, store.ErrStale):
		return nil, wire.Errorf(wire.CodeBusy, "%q changed meanwhile: nothing was done", b.Target)
	case errors.Is(err, store.ErrGone):
		return nil, wire.Errorf(wire.CodeNotFound, "content of version %d is damaged: nothing was changed", b.to).
			WithHint("push the same files again: that heals it")
	case by.auth != nil:
		return nil, by.auth.refuse(err)
	}
	return nil, err
}

// reserve promises the commit the space that it takes. Where there is not so
// much, the commit fails, unless it is one that was made before.
func (s *Server) reserve(ctx context.Context, b *restoring) (settle func(published bool)) {
	settle, full := s.cfg.Sessions.Reserve(ctx, b.Target, b.Owner, b.Entries)
	if full == nil {
		return settle
	}
	before := b.Before
	b.Before = func(tx store.Tx) error {
		if before != nil {
			if err := before(tx); err != nil {
				return err
			}
		}
		return full
	}
	return func(bool) {}
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
	terms := session.Terms{Target: b.of, Files: files, Bytes: bytes, Hash: connect.HashSession(r.Header.Get(wire.SessionHeader))}
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
		if err := s.cfg.Tokens.ActedWith(tx, token.EventRollback, auth.pass, b.of, b.note()); err != nil {
			return err
		}
		return auth.Redeem(tx, terms, digest, b.receipt)
	}
	return func() { auth.Published(terms, digest) }
}

// byScheduler has the commit made in a scheduler's name.
func (s *Server) byScheduler(r *http.Request, by token.Scheduler, b *restoring) {
	b.Overwrite, b.Owner = true, by.Name
	b.After = func(tx store.Tx, p *store.Publication) error {
		if err := s.writeReceipt(b, p, ""); err != nil {
			return err
		}
		return s.cfg.Tokens.Acted(tx, token.EventRollback, by, s.source(r), b.of, b.note())
	}
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
