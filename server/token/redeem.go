package token

import (
	"encoding/json"
	"fmt"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire/connect"
)

// A Redemption is what a session is about to publish.
type Redemption struct {
	Hash       connect.SessionHash // of the client's session secret
	Files      int64               // non-directories
	Bytes      int64               // of their content
	Manifest   manifest.Digest     // of the list as pushed
	Visibility Visibility          // asked for; "" is that of the target as it is
}

// A Redeemed is the error for a session that has committed before. Answer the
// repeated commit with the receipt.
type Redeemed struct {
	Receipt json.RawMessage
}

func (r *Redeemed) Error() string { return "this session has been published already" }

// CheckRedeem tells whether [Service.Redeem] would succeed, and changes
// nothing. It is for [store.Commit].Before; Redeem makes the same checks.
func (s *Service) CheckRedeem(tx store.Tx, p *Pass, r Redemption) error {
	_, _, err := s.redeemable(tx, p, r)
	return err
}

// Redeem spends the publication that the session holds and stores the receipt,
// for [store.Commit].After: the tree and the token change in one transaction.
// What was announced beyond the files and bytes published is given back. Pass
// an error of the commit to [Service.Refuse]. Errors: *[Redeemed], and *Denied with CodeExpired,
// CodeSessionExpired, CodeInvalid, CodeInUse, CodeConsumed, CodeFilesExhausted,
// CodeBytesExhausted, CodeVerbDenied, CodeVisibilityDenied or
// CodeManifestMismatch.
func (s *Service) Redeem(tx store.Tx, p *Pass, r Redemption, receipt json.RawMessage) error {
	if len(receipt) == 0 || !json.Valid(receipt) {
		return fmt.Errorf("redeeming token %s: the receipt is not JSON", p.Record.Accessor)
	}
	c, u, err := s.redeemable(tx, p, r)
	if err != nil {
		return err
	}
	for _, t := range c {
		t.Spent.InUse--
		t.Spent.Publications++
	}
	u.Files, u.Bytes, u.Receipt, u.Done = r.Files, r.Bytes, receipt, s.now()
	if err := c.put(tx); err != nil {
		return err
	}
	if err := putUse(tx, p.Record.Accessor, r.Hash, u); err != nil {
		return err
	}
	return s.audit(tx, p.event(EventCommit, u))
}

// redeemable makes every check of a commit. The chain it returns has the
// files and bytes of r spent in place of those announced.
func (s *Service) redeemable(tx store.Tx, p *Pass, r Redemption) (chain, *Use, error) {
	c, u, err := heldUse(tx, p, r.Hash)
	if err != nil {
		return nil, nil, err
	}
	if u.Receipt != nil {
		return nil, nil, &Redeemed{Receipt: u.Receipt}
	}
	g := &c[0].Grant
	if err := checkEnd(g, Finish, s.now()); err != nil {
		return nil, nil, err
	}
	if err := p.May(Publish, u.Target); err != nil {
		return nil, nil, err
	}
	if err := g.mayShow(r.Visibility); err != nil {
		return nil, nil, err
	}
	if !g.Manifest.IsZero() && g.Manifest != r.Manifest {
		return nil, nil, deny(CodeManifestMismatch, "the token is for the manifest %s and this is %s", g.Manifest, r.Manifest)
	}
	return c, u, c.take(r.Files-u.Files, r.Bytes-u.Bytes)
}

// Published tells the service that a transaction with Redeem has committed.
func (s *Service) Published(p *Pass, r Redemption) {
	s.cfg.Counters.Add(CountPublished, p.Record.Scheduler, 1)
	s.cfg.Counters.Add(CountBytes, p.Record.Scheduler, r.Bytes)
	s.volume(p.Record.Scheduler, p.From, 0, r.Bytes)
}
