package token

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire/connect"
)

// A Use is a publication of a token that a session holds or has spent.
type Use struct {
	Session store.SessionID `json:"session"`
	Target  manifest.Path   `json:"target"`
	Opened  time.Time       `json:"opened"`
	Files   int64           `json:"files"` // taken from the token's budget
	Bytes   int64           `json:"bytes"`
	// Receipt is what the first commit answered, nil before it.
	Receipt json.RawMessage `json:"receipt,omitempty"`
	Done    time.Time       `json:"done,omitzero"` // when it was committed
}

// An Opening is what a session asks of its token when it opens.
type Opening struct {
	Hash    connect.SessionHash // of the client's session secret
	Session store.SessionID     // the session's name, should it be new
	Target  manifest.Path       // below the token's
	Files   int64               // announced, non-directories
	Bytes   int64               // announced, of their content
}

func useKey(accessor string, h connect.SessionHash) string {
	return accessor + "/" + hex.EncodeToString(h[:])
}

func getUse(tx store.Tx, accessor string, h connect.SessionHash) (*Use, error) {
	return readUse(tx, useKey(accessor, h))
}

func readUse(tx store.Tx, key string) (*Use, error) {
	b, err := tx.Get(bucketUse, key)
	if err != nil {
		return nil, fmt.Errorf("session %s: %w", key, err)
	}
	u := new(Use)
	if err := json.Unmarshal(b, u); err != nil {
		return nil, fmt.Errorf("session %s: %w: %v", key, store.ErrDamaged, err)
	}
	return u, nil
}

func putUse(tx store.Tx, accessor string, h connect.SessionHash, u *Use) error {
	b, err := json.Marshal(u)
	if err != nil {
		return fmt.Errorf("coding a session of token %s: %w", accessor, err)
	}
	return tx.Put(bucketUse, useKey(accessor, h), b)
}

// Open binds a publication of the token, and of its ancestors, to the session
// secret with the given hash, and takes what it announces from their budgets.
// The same hash again returns the same use, with the session it was first opened
// with and, once it is committed, the receipt. Run it in the transaction that
// stores the session, and pass its error to [Service.Refuse] afterwards. Errors: *Denied with
// CodeInUse, CodeConsumed, CodeFilesExhausted, CodeBytesExhausted,
// CodeVerbDenied, CodePathDenied, CodeInvalid.
func (s *Service) Open(tx store.Tx, p *Pass, o Opening) (*Use, error) {
	if o.Hash.IsZero() || o.Session == "" || o.Files < 0 || o.Bytes < 0 {
		return nil, errors.New("opening a session: incomplete request")
	}
	u, err := getUse(tx, p.Record.Accessor, o.Hash)
	if err == nil {
		return u, s.reopen(tx, p, u)
	}
	if !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	if err := p.May(Publish, o.Target); err != nil {
		return nil, err
	}
	c, err := liveChain(tx, p.Record.Accessor)
	if err != nil {
		return nil, err
	}
	if err := c.takeSlot(); err != nil {
		return nil, err
	}
	if err := c.take(o.Files, o.Bytes); err != nil {
		return nil, err
	}
	u = &Use{Session: o.Session, Target: o.Target, Opened: s.now(), Files: o.Files, Bytes: o.Bytes}
	if err := c.put(tx); err != nil {
		return nil, err
	}
	if err := putUse(tx, p.Record.Accessor, o.Hash, u); err != nil {
		return nil, err
	}
	s.cfg.Counters.Add(CountOpened, p.Record.Scheduler, 1)
	return u, s.audit(tx, p.event(EventOpen, u))
}

// reopen checks a repeated open of a session that has not committed.
func (s *Service) reopen(tx store.Tx, p *Pass, u *Use) error {
	if u.Receipt != nil {
		return nil
	}
	_, err := liveChain(tx, p.Record.Accessor)
	return err
}

func liveChain(tx store.Tx, accessor string) (chain, error) {
	c, err := getChain(tx, accessor)
	if err != nil {
		return nil, err
	}
	return c, c.live()
}

// takeSlot counts one more publication in use in every token of the chain.
func (c chain) takeSlot() error {
	for i, t := range c {
		if t.Spent.Publications+t.Spent.InUse >= t.Grant.Publications {
			d := noSlot(&t.Record)
			if i > 0 {
				d.alert = "" // a sibling has it: no sign of theft
			}
			return d
		}
		t.Spent.InUse++
	}
	return nil
}

// ErrNoSession is the error for a session secret that holds nothing of a token
// which nobody else holds either: the session was cancelled, reset or has
// expired. The client may open a new one. It is a [store.ErrNotFound].
var ErrNoSession = fmt.Errorf("the session is gone, open it again: %w", store.ErrNotFound)

// notHeld returns the refusal for a session secret that holds no publication
// of r.
func notHeld(r *Record) error {
	if r.Spent.InUse == 0 && r.Spent.Publications == 0 {
		return ErrNoSession
	}
	return noSlot(r)
}

// noSlot returns the refusal for a session for which r has no publication.
func noSlot(r *Record) *Denied {
	d := deny(CodeInUse, "another session holds the token; its scheduler can reset it")
	if r.Spent.InUse == 0 {
		d = deny(CodeConsumed, "the token's publications (%d) are spent", r.Grant.Publications)
	}
	d.alert = AlertReuse
	return d
}

// take spends files and bytes from every token of the chain, or gives them back
// if they are negative.
func (c chain) take(files, bytes int64) error {
	for _, t := range c {
		if left := t.Grant.Files - t.Spent.Files; files > left {
			return exhausted(deny(CodeFilesExhausted, "%d files more, and the token has %d left", files, max(left, 0)), files, left)
		}
		if left := t.Grant.Bytes - t.Spent.Bytes; bytes > left {
			return exhausted(deny(CodeBytesExhausted, "%d bytes more, and the token has %d left", bytes, max(left, 0)), bytes, left)
		}
		t.Spent.Files += files
		t.Spent.Bytes += bytes
	}
	return nil
}

func exhausted(d *Denied, asked, left int64) *Denied {
	d.Asked, d.Left = asked, max(left, 0)
	return d
}

// Charge raises what an open session has taken from the budgets to the given
// totals, should they turn out above what it announced; it never lowers it. Errors as those of
// [Service.Open], and for a session that holds nothing CodeInUse or CodeConsumed.
func (s *Service) Charge(tx store.Tx, p *Pass, h connect.SessionHash, files, bytes int64) error {
	c, u, err := heldUse(tx, p, h)
	if err != nil {
		return err
	}
	files, bytes = max(files, u.Files), max(bytes, u.Bytes)
	if files == u.Files && bytes == u.Bytes || u.Receipt != nil {
		return nil
	}
	if err := c.take(files-u.Files, bytes-u.Bytes); err != nil {
		return err
	}
	u.Files, u.Bytes = files, bytes
	if err := c.put(tx); err != nil {
		return err
	}
	return putUse(tx, p.Record.Accessor, h, u)
}

// heldUse returns the token's live chain and what the session holds of it.
func heldUse(tx store.Tx, p *Pass, h connect.SessionHash) (chain, *Use, error) {
	c, err := liveChain(tx, p.Record.Accessor)
	if err != nil {
		return nil, nil, err
	}
	u, err := getUse(tx, p.Record.Accessor, h)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil, notHeld(&c[0].Record)
	}
	return c, u, err
}

// Release gives back the publication that a session holds and what it took
// from the budgets: the session was cancelled, has expired, or found nothing to
// publish. The accessor is that of its token. It does nothing for a session
// that holds nothing or has committed.
func (s *Service) Release(tx store.Tx, accessor string, h connect.SessionHash) error {
	return release(tx, accessor, useKey(accessor, h))
}

func release(tx store.Tx, accessor, key string) error {
	u, err := readUse(tx, key)
	if errors.Is(err, store.ErrNotFound) || err == nil && u.Receipt != nil {
		return nil
	}
	if err != nil {
		return err
	}
	if err := tx.Delete(bucketUse, key); err != nil {
		return err
	}
	c, err := getChain(tx, accessor)
	if errors.Is(err, CodeInvalid) {
		return nil // the token is gone
	}
	if err != nil {
		return err
	}
	if err := c.take(-u.Files, -u.Bytes); err != nil {
		return err
	}
	for _, t := range c {
		t.Spent.InUse--
	}
	return c.put(tx)
}
