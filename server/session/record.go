package session

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
	"github.com/pubsync/pubsync/sync/wire/connect"
)

// bucket holds the records of sessions.
const bucket = "session"

// record is what of a session survives a restart.
type record struct {
	Accessor   string              `json:"accessor"`
	Owner      string              `json:"owner,omitempty"`
	Hash       connect.SessionHash `json:"hash"` // of the session secret
	Target     manifest.Path       `json:"target"`
	Mode       string              `json:"mode"`
	Entries    int                 `json:"entries"`
	Files      int                 `json:"files"`
	Bytes      int64               `json:"bytes"`
	TreeDigest manifest.Digest     `json:"tree_digest"`
	Checksum   bool                `json:"checksum,omitempty"`
	DryRun     bool                `json:"dry_run,omitempty"`
	ByFile     bool                `json:"by_file,omitempty"`
	Visibility string              `json:"visibility,omitempty"` // asked for
	Placed     placedTotals        `json:"placed,omitzero"`      // by a session by file, so far
	Aliases    []string            `json:"aliases,omitempty"`
	Opened     time.Time           `json:"opened"`
	Used       time.Time           `json:"used,omitzero"`     // to the hour
	Receipt    *wire.Receipt       `json:"receipt,omitempty"` // once published
}

// placedTotals are what the files put so far come to.
type placedTotals struct {
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
}

// same reports whether a repeated open asks for what the session was opened
// for.
func (r *record) same(q *record) bool {
	return r.Target == q.Target && r.Mode == q.Mode && r.TreeDigest == q.TreeDigest && r.Checksum == q.Checksum && r.Entries == q.Entries &&
		r.ByFile == q.ByFile && r.Visibility == q.Visibility && slices.Equal(r.Aliases, q.Aliases)
}

func (r *record) terms(id store.SessionID) Terms {
	return Terms{Target: r.Target, Files: r.Files, Bytes: r.Bytes, DryRun: r.DryRun, Visibility: r.Visibility, Session: id, Hash: r.Hash}
}

// Name derives the name of a session from what identifies it, so that an open
// repeated after a lost answer meets the session of the first.
func Name(accessor string, hash connect.SessionHash, dryRun bool) store.SessionID {
	h := sha256.New()
	fmt.Fprintf(h, "pubsync session 1\n%s\n%x\n%v", accessor, hash[:], dryRun)
	id := strings.ToLower(base32.StdEncoding.EncodeToString(h.Sum(nil)[:15]))
	if dryRun {
		id = DryRunPrefix + id
	}
	return store.SessionID(id)
}

func (e *Engine) load(ctx context.Context, id store.SessionID) (rec *record, err error) {
	err = e.cfg.Store.View(ctx, func(tx store.Tx) error {
		rec, err = getRecord(tx, id)
		return err
	})
	return rec, err
}

func getRecord(tx store.Tx, id store.SessionID) (*record, error) {
	b, err := tx.Get(bucket, string(id))
	if err != nil {
		return nil, err
	}
	rec := new(record)
	if err := json.Unmarshal(b, rec); err != nil {
		return nil, fmt.Errorf("session %s: %w: %v", id, store.ErrDamaged, err)
	}
	return rec, nil
}

func putRecord(tx store.Tx, id store.SessionID, rec *record) error {
	b, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	return tx.Put(bucket, string(id), b)
}

// last is when the session was used last, as far as it is on record.
func (r *record) last() time.Time {
	if r.Used.After(r.Opened) {
		return r.Used
	}
	return r.Opened
}

// touch puts on record that a session is in use, once an hour.
func (e *Engine) touch(ctx context.Context, id store.SessionID, rec *record) error {
	now := e.cfg.Now()
	if now.Sub(rec.last()) < time.Hour {
		return nil
	}
	return e.cfg.Store.Update(ctx, func(tx store.Tx) error {
		b, err := tx.Get(bucket, string(id))
		if err != nil {
			return err // ended meanwhile
		}
		var on record
		if err := json.Unmarshal(b, &on); err != nil {
			return err
		}
		on.Used = now
		return putRecord(tx, id, &on)
	})
}
