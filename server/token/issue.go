package token

import (
	"context"
	"fmt"
	"net/netip"
	"unicode/utf8"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/wire/connect"
)

// IssueOptions are what accompanies a grant without being part of it.
type IssueOptions struct {
	Note string     // the scheduler's own, e.g. the URL of a job; at most MaxNote bytes of UTF-8
	From netip.Addr // address of the request, for the audit log
}

// Issue makes a token for the grant in the name of the scheduler and returns
// its bearer, which is kept nowhere, and its record. Add the server's address
// with [connect.Format]. Errors: *Denied with CodeBadGrant or CodeCeiling.
func (s *Service) Issue(ctx context.Context, by Scheduler, g Grant, o IssueOptions) (bearer string, r Record, err error) {
	err = s.cfg.Records.Update(ctx, func(tx store.Tx) error {
		bearer, r, err = s.IssueTx(tx, by, g, o)
		return err
	})
	if err != nil {
		return "", Record{}, s.RefuseScheduler(ctx, by, o.From, err)
	}
	s.issued(r, o)
	return bearer, r, nil
}

// IssueTx is Issue within a transaction of the caller's, who must call
// [Service.Issued] once it has committed.
func (s *Service) IssueTx(tx store.Tx, by Scheduler, g Grant, o IssueOptions) (string, Record, error) {
	now := s.now()
	g = by.Ceiling.lower(g, now).withDefaults(now).normal()
	if err := g.check(now); err != nil {
		return "", Record{}, err
	}
	if err := by.Ceiling.allows(&g, now); err != nil {
		return "", Record{}, err
	}
	return s.mint(tx, Record{Scheduler: by.Name, Grant: g, Note: o.Note}, o)
}

// Derive makes a token from one of the scheduler's own, given by its accessor.
// Unset fields of the grant take the parent's value; none may be wider. What
// the new token uses is spent from the parent as well, so that siblings share
// its budget, and it dies with its parent. Errors: *Denied with CodeCeiling,
// naming the field, CodeBadGrant, or CodeInvalid for a parent that is unknown,
// somebody else's or revoked.
func (s *Service) Derive(ctx context.Context, by Scheduler, parent string, g Grant, o IssueOptions) (bearer string, r Record, err error) {
	err = s.cfg.Records.Update(ctx, func(tx store.Tx) error {
		bearer, r, err = s.derive(tx, by, parent, g, o)
		return err
	})
	if err != nil {
		return "", Record{}, s.RefuseScheduler(ctx, by, o.From, err)
	}
	s.issued(r, o)
	return bearer, r, nil
}

func (s *Service) derive(tx store.Tx, by Scheduler, parent string, g Grant, o IssueOptions) (string, Record, error) {
	c, err := getChain(tx, parent)
	if err != nil {
		return "", Record{}, err
	}
	if c[0].Scheduler != by.Name {
		return "", Record{}, errInvalid()
	}
	if err := c.live(); err != nil {
		return "", Record{}, err
	}
	if len(c) > MaxDepth {
		return "", Record{}, &Denied{Code: CodeCeiling, Field: "parent", Reason: fmt.Sprintf("parent: derived %d times already", MaxDepth)}
	}
	now := s.now()
	g = g.inherit(&c[0].Grant).normal()
	if err := g.check(now); err != nil {
		return "", Record{}, err
	}
	if err := g.within(&c[0].Grant); err != nil {
		return "", Record{}, err
	}
	// The ceiling may have been lowered since the parent was issued.
	if err := by.Ceiling.allows(&g, now); err != nil {
		return "", Record{}, err
	}
	r := Record{Scheduler: by.Name, Parent: parent, Grant: g, Note: o.Note, Pinned: c[0].Pinned}
	return s.mint(tx, r, o)
}

// mint makes the bearer for r and stores r.
func (s *Service) mint(tx store.Tx, r Record, o IssueOptions) (string, Record, error) {
	if len(r.Note) > MaxNote || !utf8.ValidString(r.Note) {
		return "", Record{}, badGrant("note", fmt.Sprintf("it must be UTF-8 of at most %d bytes", MaxNote))
	}
	bearer := connect.NewBearer(connect.Token)
	_, accessor, secret, err := connect.SplitBearer(bearer)
	if err != nil {
		return "", Record{}, fmt.Errorf("a new token does not parse: %w", err)
	}
	r.Accessor, r.Issued = accessor, s.now()
	// The first calls are paid for here, so that using the token costs no
	// transaction of its own for them; see callBook.
	if n := callBlock(r.Grant.Calls); n > 1 {
		r.Spent.Calls = n
	}
	if err := putToken(tx, &stored{hash: hashSecret(secret), Record: r}); err != nil {
		return "", Record{}, err
	}
	if err := index(tx, &r); err != nil {
		return "", Record{}, err
	}
	err = s.audit(tx, Event{
		Kind: EventIssue, Accessor: r.Accessor, Scheduler: r.Scheduler, Parent: r.Parent, From: plainAddr(o.From),
		Target: r.Grant.Target, Files: r.Grant.Files, Bytes: r.Grant.Bytes, Publications: r.Grant.Publications, Note: r.Note,
	})
	return bearer, r, err
}

// index writes the keys by which a token is found.
func index(tx store.Tx, r *Record) error {
	if err := tx.Put(bucketBy, byKey(r), nil); err != nil {
		return err
	}
	return tx.Put(bucketEnd, endKey(r), nil)
}

func byKey(r *Record) string  { return r.Scheduler + "/" + newestKey(r.Issued) + "-" + r.Accessor }
func endKey(r *Record) string { return timeKey(r.Grant.end()) + "-" + r.Accessor }

// Issued tells the service that a transaction with IssueTx has committed.
func (s *Service) Issued(r Record, o IssueOptions) { s.issued(r, o) }

func (s *Service) issued(r Record, o IssueOptions) {
	s.calls.add(r.Accessor, r.Spent.Calls)
	s.cfg.Counters.Add(CountIssued, r.Scheduler, 1)
	s.volume(r.Scheduler, o.From, 1, 0)
}
