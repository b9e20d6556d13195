package token

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/pubsync/pubsync/server/store"
)

// A Record is what the server knows of a token. It holds no secret.
type Record struct {
	Accessor  string    `json:"accessor"`
	Scheduler string    `json:"scheduler"`        // name of the issuer
	Parent    string    `json:"parent,omitempty"` // accessor it was derived from
	Grant     Grant     `json:"grant"`
	Note      string    `json:"note,omitempty"` // the scheduler's own, at most MaxNote bytes
	Issued    time.Time `json:"issued"`

	Revoked time.Time  `json:"revoked,omitzero"` // zero: it is not
	Pinned  netip.Addr `json:"pinned,omitzero"`  // first address, with PinSource
	Spent   Spent      `json:"spent,omitzero"`
}

// Spent is what a token and those derived from it have used of its grant.
type Spent struct {
	Publications int64 `json:"publications,omitempty"` // committed
	InUse        int64 `json:"in_use,omitempty"`       // open, each holding a publication
	Calls        int64 `json:"calls,omitempty"`        // paid for; may run ahead of the requests made
	Files        int64 `json:"files,omitempty"`        // committed, or announced by open sessions
	Bytes        int64 `json:"bytes,omitempty"`        // committed, or announced by open sessions
}

// MaxNote is the greatest length in bytes of a note.
const MaxNote = 1000

// MaxDepth is how many times a token may be derived from a derived one.
const MaxDepth = 8

// The buckets, and how their keys are made.
const (
	bucketToken     = "token"          // accessor: hash of the secret, then the record
	bucketBy        = "token_by"       // scheduler "/" time of issue, newest first "-" accessor: nothing
	bucketEnd       = "token_end"      // last instant "-" accessor: nothing
	bucketUse       = "token_use"      // accessor "/" session hash: use
	bucketScheduler = "scheduler"      // name: scheduler
	bucketKey       = "scheduler_key"  // key id: hash of the secret, then the scheduler's name
	bucketRemoved   = "scheduler_gone" // key id that was removed: nothing
	bucketCert      = "scheduler_cert" // what a certificate shows: the scheduler's name
	bucketDecoy     = "token_decoy"    // see level
	bucketAudit     = "audit"          // time "-" random: event
)

// A stored token is its record and the hash of its secret.
type stored struct {
	hash [sha256.Size]byte
	Record
}

// hashSecret returns what is kept of a secret. A secret has 256 random bits, so
// that a plain hash cannot be searched and needs no salt.
func hashSecret(secret string) [sha256.Size]byte { return sha256.Sum256([]byte(secret)) }

func putToken(tx store.Tx, t *stored) error {
	body, err := json.Marshal(&t.Record)
	if err != nil {
		return fmt.Errorf("coding token %s: %w", t.Accessor, err)
	}
	return tx.Put(bucketToken, t.Accessor, append(t.hash[:], body...))
}

func getToken(tx store.Tx, accessor string) (*stored, error) {
	b, err := tx.Get(bucketToken, accessor)
	if err != nil {
		return nil, fmt.Errorf("token %s: %w", accessor, err)
	}
	return decodeToken(accessor, b)
}

func decodeToken(accessor string, b []byte) (*stored, error) {
	t := new(stored)
	if len(b) < len(t.hash) {
		return nil, fmt.Errorf("token %s: %w: record cut short", accessor, store.ErrDamaged)
	}
	if err := json.Unmarshal(b[copy(t.hash[:], b):], &t.Record); err != nil {
		return nil, fmt.Errorf("token %s: %w: %v", accessor, store.ErrDamaged, err)
	}
	return t, nil
}

// A chain is a token, its parent, its parent's parent and so on.
type chain []*stored

// loadChain reads the chain that begins with t.
func loadChain(tx store.Tx, t *stored) (chain, error) {
	c := chain{t}
	for t.Parent != "" {
		if len(c) > MaxDepth {
			return nil, fmt.Errorf("token %s: %w: more than %d ancestors", c[0].Accessor, store.ErrDamaged, MaxDepth)
		}
		p, err := getToken(tx, t.Parent)
		if errors.Is(err, store.ErrNotFound) {
			return nil, errInvalid() // its ancestor was pruned; so is it
		}
		if err != nil {
			return nil, err
		}
		c, t = append(c, p), p
	}
	return c, nil
}

// getChain reads the chain of an accessor.
func getChain(tx store.Tx, accessor string) (chain, error) {
	t, err := getToken(tx, accessor)
	if errors.Is(err, store.ErrNotFound) {
		return nil, errInvalid()
	}
	if err != nil {
		return nil, err
	}
	return loadChain(tx, t)
}

func (c chain) put(tx store.Tx) error {
	for _, t := range c {
		if err := putToken(tx, t); err != nil {
			return err
		}
	}
	return nil
}

// live returns the one answer to a revoked token, if c's token or an ancestor
// is revoked.
func (c chain) live() error {
	for _, t := range c {
		if !t.Revoked.IsZero() {
			return errInvalid()
		}
	}
	return nil
}

// timeKey returns t as text in whose order times sort; times before 1970 all
// sort first.
func timeKey(t time.Time) string { return fmt.Sprintf("%016x", max(t.UnixNano(), 0)) }

// newestKey is timeKey with the newest first.
func newestKey(t time.Time) string { return fmt.Sprintf("%016x", ^uint64(max(t.UnixNano(), 0))) }
