package session

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// maxIndices bounds the entries an incomplete commit names.
const maxIndices = 1000

// Commit publishes a session, or returns the receipt of the commit before. Errors are as
// of [Engine.Exchange].
func (e *Engine) Commit(ctx context.Context, auth Authority, id store.SessionID, secret string, c wire.Commit) (*wire.Receipt, error) {
	keep := context.WithoutCancel(ctx)
	s, leave, err := e.enter(keep, auth, id, secret)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := auth.Live(); err != nil {
		return nil, err
	}
	receipt, err := s.commit(keep, auth, c)
	s.noteRoom(err)
	return receipt, badBody(err)
}

// abridge takes note that not all of the list and its digests is given whole.
func (s *session) abridge() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.abridged = true
}

// commit publishes the session, or returns the receipt of the commit before.
func (s *session) commit(ctx context.Context, auth Authority, c wire.Commit) (*wire.Receipt, error) {
	e := s.engine
	if rec, err := e.load(ctx, s.id); err == nil && rec.Receipt != nil {
		return rec.Receipt, nil
	}
	if s.rec.DryRun {
		return nil, wire.Errorf(wire.CodeBadRequest, "a dry run publishes nothing")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rec.ByFile {
		if err := s.loadFiles(ctx, auth); err != nil {
			return nil, err
		}
	} else if err := s.complete(); err != nil {
		return nil, err
	}
	digest := s.list.ManifestDigest()
	if s.rec.ByFile && c.ManifestDigest.IsZero() {
		c.ManifestDigest = digest // who has no more than curl cannot compute it
	}
	if c.Short && s.abridged {
		return nil, wire.Errorf(wire.CodeManifestMismatch, "where not all was given whole, the whole manifest digest is to be announced")
	}
	if !c.Announces(digest) && !c.Announces(s.list.AnnouncedDigest(s.each(func(f *listed) bool { return f.given }))) {
		return nil, wire.Errorf(wire.CodeManifestMismatch, "the manifest announced is not that of the entries sent")
	}
	if err := s.list.Check(); err != nil {
		return nil, err
	}
	files, bytes := s.list.Totals()
	terms := s.rec.terms(s.id)
	terms.Files, terms.Bytes = files, bytes
	n, err := json.Marshal(Note{Accessor: s.rec.Accessor, Manifest: digest})
	if err != nil {
		return nil, err
	}
	rec := *s.rec
	now := e.cfg.Now()
	commit := store.Commit{
		Session: s.id, Target: s.rec.Target, Entries: s.list, TreeDigest: s.list.TreeDigest(),
		Mirror: s.rec.Mode == wire.Mirror, Overwrite: auth.Overwrite(), Time: now, Owner: s.rec.Owner, Note: string(n),
		Standing: s.each(func(f *listed) bool { return f.stands == stood }), StandingAt: s.stoodAt,
		Before: func(tx store.Tx) error { return s.beforeCommit(tx, auth, terms, digest) },
		After: func(tx store.Tx, p *store.Publication) error {
			rec.Receipt = e.Receipt(p)
			receipt, err := json.Marshal(rec.Receipt)
			if err != nil {
				return err
			}
			if err := auth.Redeem(tx, terms, digest, receipt); err != nil {
				return err
			}
			if rec.ByFile {
				if err := forgetFiles(tx, s.id); err != nil {
					return err
				}
			}
			return putRecord(tx, s.id, &rec)
		},
	}
	if e.cfg.Builds != nil {
		commit.Build, commit.Follow, commit.Aliases = e.cfg.Builds.Names(s.rec.Target, s.rec.Aliases, now)
		commit.Newer = e.cfg.Builds.Newer
	}
	_, err = s.store().Commit(ctx, commit)
	var done published
	switch {
	case errors.As(err, &done):
		return done.receipt, nil
	case errors.Is(err, store.ErrGone):
		// Content was collected between the quick check and now: ask anew.
		s.forgetList()
		return nil, listNeeded(0)
	case err != nil:
		return nil, err
	}
	s.claim.end(true)
	e.indexer.add(s.arrived)
	auth.Published(terms, digest)
	e.mu.Lock()
	s.published = true
	e.mu.Unlock()
	// What the session held back from collection is published now.
	if err := s.store().Release(ctx, s.id); err != nil {
		e.cfg.Log.Warn("leases of a published session not released; they will expire", "session", s.id, "error", err)
	}
	return rec.Receipt, nil
}

// published aborts what an unpublished session may do, as another request of the
// session has committed.
type published struct {
	receipt *wire.Receipt
	tree    manifest.Digest
}

func (published) Error() string { return "published already" }

func (s *session) beforeCommit(tx store.Tx, auth Authority, t Terms, d manifest.Digest) error {
	if err := unpublished(tx, s.id); err != nil {
		return err
	}
	return auth.CanCommit(tx, t, d)
}

// unpublished returns a [published] error if the session has published, and
// [store.ErrNotFound] if there is none.
func unpublished(tx store.Tx, id store.SessionID) error {
	b, err := tx.Get(bucket, string(id))
	if err != nil {
		return err
	}
	var now record
	if err := json.Unmarshal(b, &now); err != nil {
		return err
	}
	if now.Receipt != nil {
		return published{now.Receipt, now.TreeDigest}
	}
	return nil
}

// complete returns an error unless the whole list and all content are here.
func (s *session) complete() error {
	if len(s.list) < s.rec.Entries {
		return listNeeded(len(s.list))
	}
	var missing []int
	total := 0
	for i := range s.listed {
		if s.listed[i].held {
			continue
		}
		if total++; len(missing) < maxIndices {
			missing = append(missing, i)
		}
	}
	if total == 0 {
		return nil
	}
	err := wire.Errorf(wire.CodeIncomplete, "content of %d files is missing", total)
	err.Indices, err.Total = missing, total
	return err
}
