package session

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/pubsync/pubsync/delta/codec"
	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
	"github.com/pubsync/pubsync/sync/wire/connect"
)

// Terms are what an open asks of a token.
type Terms struct {
	Target manifest.Path
	Files  int
	Bytes  int64
	DryRun bool
	// Visibility is asked for what is published, "" for as it is.
	Visibility string
	Session    store.SessionID
	Hash       connect.SessionHash // of the session secret
}

// DryRunPrefix begins the names of sessions that only ask.
const DryRunPrefix = "dry-"

// An Authority is what the bearer of one request may do. Its errors reach the
// client as they are. It is used by one request at a time.
type Authority interface {
	// Accessor names the token in records and logs.
	Accessor() string
	// Owner is in whose name the token publishes: what its pushes keep counts
	// against the owner's quota.
	Owner() string
	// Base is the address at which the bearer reached the server, "https://HOST".
	Base() string
	// Target is the directory the token publishes under when the client names
	// none.
	Target() manifest.Path
	// Sight says which published paths the token may read.
	Sight() store.Sight
	// CanOpen checks the terms without spending anything.
	CanOpen(t Terms) error
	// Charge spends, beyond what was announced, what the list turns out to hold.
	Charge(tx store.Tx, t Terms) error
	// Bind gives one publication of the token to the session. The same terms
	// again are no error.
	Bind(tx store.Tx, t Terms) error
	// Overwrite reports whether published content may be changed or removed.
	Overwrite() bool
	// CanCommit checks, inside the transaction and before anything changes,
	// that a commit of what the list really holds is allowed now.
	CanCommit(tx store.Tx, t Terms, d manifest.Digest) error
	// Redeem spends the publication inside the transaction.
	Redeem(tx store.Tx, t Terms, d manifest.Digest, receipt []byte) error
	// Published is told that the commit went through.
	Published(t Terms, d manifest.Digest)
	// Asked is told how many digests were answered as absent, and Sent how many
	// of those asked about have come since: a token that asks and never sends
	// is fishing.
	Asked(absent int)
	Sent(n int)
	// Live returns an error as soon as the token is revoked or its time for
	// finishing is over. It is cheap: called for every frame.
	Live() error
}

// Config wires an [Engine].
type Config struct {
	Store store.Store
	Now   func() time.Time
	// Limits are told to clients. Of archives, each of which takes up to 64 MiB of memory,
	// one more than it says may be in work, for a session that has none.
	Limits wire.Limits
	Log    *slog.Logger
	// URL returns where people read a published path.
	URL func(manifest.Path) string
	// MaxEntries bounds a session's list.
	MaxEntries int
	// Spool makes a temporary file on the store's disk that goes when it is
	// closed.
	Spool func() (*os.File, error)
	// Reserve is the space on the store's disk, in bytes, that pushes leave free.
	Reserve int64
	// Quotas returns what bounds a push to target in the owner's name; nil: no
	// push is bounded.
	Quotas func(target manifest.Path, owner string) []Quota
	// Builds knows the names that show builds; nil: there are none.
	Builds Builds
}

// An Engine runs the sessions of a server. It is safe for concurrent use.
type Engine struct {
	cfg   Config
	coder *codec.Coder
	// readers are free *wire.Reader.
	readers sync.Pool
	zips    wire.Decoders
	room    *room
	turns   *turns // at taking archives apart and rebuilding them
	indexer *indexer

	mu       sync.Mutex
	sessions map[store.SessionID]*session
}

// New returns an engine.
func New(cfg Config) *Engine {
	if cfg.Quotas == nil {
		cfg.Quotas = func(manifest.Path, string) []Quota { return nil }
	}
	cfg.Limits.Archives = max(cfg.Limits.Archives, 1)
	return &Engine{cfg: cfg, coder: codec.NewCoder(), room: newRoom(&cfg), turns: newTurns(cfg.Limits.Archives), indexer: newIndexer(), sessions: map[store.SessionID]*session{}}
}

// readAtOnce is how many bytes of a body are read at once: each read costs a turn of
// the connection's own goroutine, which keeps its deadline.
const readAtOnce = 256 << 10

// reader returns a reader of a body. Give it back with putReader.
func (e *Engine) reader(body io.Reader) *wire.Reader {
	r, ok := e.readers.Get().(*wire.Reader)
	if !ok {
		return wire.NewReaderSize(body, readAtOnce, &e.zips)
	}
	r.Reset(body)
	return r
}

func (e *Engine) putReader(r *wire.Reader) {
	r.Reset(nil)
	e.readers.Put(r)
}

// Open answers an open message. See [wire.Open] and [wire.Opened].
func (e *Engine) Open(ctx context.Context, auth Authority, o wire.Open) (wire.Opened, error) {
	if o.Target == "" {
		o.Target = auth.Target()
	}
	if o.Mode == "" {
		o.Mode = wire.Merge
	}
	if err := e.checkOpen(&o); err != nil {
		return wire.Opened{}, err
	}
	var hash connect.SessionHash
	if err := hash.UnmarshalText([]byte(o.SessionHash)); err != nil {
		return wire.Opened{}, wire.Errorf(wire.CodeBadRequest, "session_hash: %v", err)
	}
	id := Name(auth.Accessor(), hash, o.DryRun)
	opened := wire.Opened{Status: wire.StatusOpen, Session: string(id), Target: o.Target, Limits: e.cfg.Limits}
	rec := record{
		Accessor: auth.Accessor(), Owner: auth.Owner(), Hash: hash, Target: o.Target, Mode: o.Mode, Entries: o.Entries,
		Files: o.Files, Bytes: o.Bytes, TreeDigest: o.TreeDigest, Checksum: o.Checksum, DryRun: o.DryRun, ByFile: o.ByFile,
		Visibility: o.Visibility, Aliases: o.Aliases, Opened: e.cfg.Now(),
	}
	e.settle(ctx, id)
	old, err := e.load(ctx, id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return wire.Opened{}, err
	}
	if err == nil && old.Receipt != nil {
		opened.Status, opened.Receipt, opened.TreeDigest = wire.StatusPublished, old.Receipt, old.TreeDigest
		return opened, nil
	}
	terms := rec.terms(id)
	if err := auth.CanOpen(terms); err != nil {
		return wire.Opened{}, err
	}
	stands, err := e.mayStand(ctx, &o)
	if err != nil {
		return wire.Opened{}, err
	}
	if stands {
		pub, err := e.cfg.Store.Standing(ctx, o.Target, o.TreeDigest, o.Mode == wire.Mirror)
		if err == nil {
			opened.Status, opened.Session, opened.Receipt = wire.StatusUnchanged, "", e.Receipt(&pub)
			return opened, nil
		}
		if !errors.Is(err, store.ErrNotFound) {
			return wire.Opened{}, err
		}
	}
	if old != nil && old.ByFile && rec.ByFile {
		rec.Placed = old.Placed
	}
	if old != nil && !old.same(&rec) {
		e.drop(id) // the tree changed since: its list is another, the bytes accepted stay
	}
	err = e.cfg.Store.Update(ctx, func(tx store.Tx) error {
		if err := unpublished(tx, id); err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if !o.DryRun {
			if err := auth.Bind(tx, terms); err != nil {
				return err
			}
		}
		return putRecord(tx, id, &rec)
	})
	var done published
	if errors.As(err, &done) { // by a request of the session that outlived the wait
		opened.Status, opened.Receipt, opened.TreeDigest = wire.StatusPublished, done.receipt, done.tree
		return opened, nil
	}
	if err != nil {
		return wire.Opened{}, err
	}
	opened.Empty, err = e.empty(ctx, o.Target)
	return opened, err
}

func (e *Engine) checkOpen(o *wire.Open) error {
	if o.Version != wire.Version {
		return wire.Errorf(wire.CodeBadVersion, "protocol version %d is not spoken here; this server speaks %d", o.Version, wire.Version)
	}
	if _, err := manifest.ParsePath(string(o.Target)); err != nil {
		return err
	}
	if e.cfg.Builds != nil {
		if err := e.cfg.Builds.Check(o.Target, o.Aliases); err != nil {
			return err
		}
	} else if len(o.Aliases) > 0 {
		return wire.Errorf(wire.CodeBadRequest, "this server has no aliases")
	}
	if o.Mode != wire.Merge && o.Mode != wire.Mirror {
		return wire.Errorf(wire.CodeBadRequest, "mode %q is neither %q nor %q", o.Mode, wire.Merge, wire.Mirror)
	}
	if o.Entries < 0 || o.Files < 0 || o.Files > o.Entries && !o.ByFile || o.Bytes < 0 {
		return wire.Errorf(wire.CodeBadRequest, "counts out of range")
	}
	if o.ByFile && (o.DryRun || o.Entries > 0) {
		return wire.Errorf(wire.CodeBadRequest, "a session by file has no list and no dry run")
	}
	if o.Entries > e.cfg.MaxEntries {
		return wire.Errorf(wire.CodeFilesExhausted, "%d entries are more than the %d this server takes in one push", o.Entries, e.cfg.MaxEntries)
	}
	return nil
}

// empty reports whether nothing is published under target.
func (e *Engine) empty(ctx context.Context, target manifest.Path) (bool, error) {
	es, err := e.cfg.Store.ReadDir(ctx, target, store.Latest, "", 1)
	if errors.Is(err, store.ErrNotFound) {
		return true, nil
	}
	return len(es) == 0, err
}

// find returns the record of the session if it is the bearer's: same token,
// and the secret whose hash it was opened with.
func (e *Engine) find(ctx context.Context, auth Authority, id store.SessionID, secret string) (*record, error) {
	rec, err := e.load(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, wire.Errorf(wire.CodeNotFound, "no session %q", id).WithHint("it was abandoned or has expired: push again")
	}
	if err != nil {
		return nil, err
	}
	if rec.Accessor != auth.Accessor() {
		return nil, wire.Errorf(wire.CodeNotFound, "no session %q", id).WithHint("it was abandoned or has expired: push again")
	}
	sum := connect.HashSession(secret)
	if subtle.ConstantTimeCompare(rec.Hash[:], sum[:]) != 1 {
		return nil, wire.Errorf(wire.CodeTokenInUse, "this token is in use by another session")
	}
	return rec, nil
}

// get returns the session's state in memory, making it if need be.
func (e *Engine) get(id store.SessionID, rec *record) *session {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.sessions[id]
	if s == nil {
		s = newSession(e, id, rec)
		e.sessions[id] = s
	}
	s.users++
	return s
}

func (e *Engine) put(s *session) {
	e.mu.Lock()
	s.users--
	s.used = e.cfg.Now()
	over := s.users == 0 && s.published && e.sessions[s.id] == s
	if over { // a repeated commit finds its receipt on record
		delete(e.sessions, s.id)
	}
	e.mu.Unlock()
	if over {
		s.close()
	}
}

func (e *Engine) drop(id store.SessionID) {
	e.mu.Lock()
	s := e.sessions[id]
	delete(e.sessions, id)
	e.mu.Unlock()
	if s != nil {
		s.close()
	}
}

// Receipt returns the receipt of a publication.
func (e *Engine) Receipt(p *store.Publication) *wire.Receipt {
	r := &wire.Receipt{
		Publication: int64(p.Number), Target: p.Target, Time: p.Time, Entries: p.Entries,
		Added: p.Added, Replaced: p.Replaced, Removed: p.Removed, URL: e.cfg.URL(p.Target),
	}
	var n Note
	if json.Unmarshal([]byte(p.Note), &n) == nil {
		r.ManifestDigest = n.Manifest
	}
	return r
}

// A Note is the JSON note of a publication.
type Note struct {
	Accessor string          `json:"accessor,omitempty"`
	Manifest manifest.Digest `json:"manifest_digest,omitzero"`
	By       string          `json:"by,omitempty"` // what made it; absent: a push
	To       int64           `json:"to,omitempty"` // of a rollback: the version
}
