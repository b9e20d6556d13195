package session_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/pubsync/pubsync/server/session"
	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/server/store/disk"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// bearer may do everything and spends nothing.
type bearer struct{}

func (bearer) Base() string                                                  { return "https://here" }
func (bearer) Accessor() string                                              { return "a" }
func (bearer) Target() manifest.Path                                         { return "t" }
func (bearer) Sight() store.Sight                                            { return func(manifest.Path) bool { return true } }
func (bearer) CanOpen(session.Terms) error                                   { return nil }
func (bearer) Bind(store.Tx, session.Terms) error                            { return nil }
func (bearer) Overwrite() bool                                               { return true }
func (bearer) CanCommit(store.Tx, session.Terms, manifest.Digest) error      { return nil }
func (bearer) Redeem(store.Tx, session.Terms, manifest.Digest, []byte) error { return nil }
func (bearer) Owner() string                                                 { return "o" }
func (bearer) Charge(store.Tx, session.Terms) error                          { return nil }
func (bearer) Asked(int)                                                     {}
func (bearer) Sent(int)                                                      {}
func (bearer) Published(session.Terms, manifest.Digest)                      {}
func (bearer) Live() error                                                   { return nil }

// counting counts what a request asks of a store.
type counting struct {
	store.Store
	batches, partials int
	standing          int // entries of the last commit that are said to stand
}

func (c *counting) Commit(ctx context.Context, commit store.Commit) (store.Publication, error) {
	c.standing = 0
	for _, stands := range commit.Standing {
		if stands {
			c.standing++
		}
	}
	return c.Store.Commit(ctx, commit)
}

func (c *counting) NewBatch(id store.SessionID) (store.Batch, error) {
	c.batches++
	return c.Store.NewBatch(id)
}

func (c *counting) OpenPartial(id store.SessionID, d manifest.Digest) (store.Partial, error) {
	c.partials++
	return c.Store.OpenPartial(id, d)
}

// server is an engine over a store, without HTTP.
type server struct {
	*testing.T
	store   *counting
	engine  *session.Engine
	pushes  int
	session store.SessionID // of the push under way
	secret  string
}

func newServer(t *testing.T) *server {
	st, err := disk.Open(t.Context(), disk.Options{Dir: t.TempDir(), Volatile: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	s := &server{T: t, store: &counting{Store: st}}
	s.restart()
	return s
}

// restart makes the engine forget what it has in memory.
func (s *server) restart() {
	s.Helper()
	if s.engine != nil {
		if err := s.engine.Expire(s.Context(), -1, time.Time{}); err != nil {
			s.Fatal(err)
		}
	}
	s.engine = session.New(session.Config{
		Store: s.store, Now: func() time.Time { return time.Unix(1e9, 0) }, Limits: wire.Limits{Body: 64 << 20, Parallel: 8, Archives: 2},
		Log: slog.New(slog.DiscardHandler), URL: func(p manifest.Path) string { return string(p) }, MaxEntries: 1 << 17,
		Spool: func() (*os.File, error) { return os.CreateTemp(s.TempDir(), "") },
	})
}

// open opens a session of its own for a list.
func (s *server) open(l manifest.List) wire.Opened {
	s.Helper()
	return s.openAt("", l)
}

// openAt is open for another target than the bearer's.
func (s *server) openAt(target manifest.Path, l manifest.List) wire.Opened {
	s.Helper()
	s.pushes++
	s.secret = fmt.Sprint("secret ", s.pushes)
	hash := sha256.Sum256([]byte(s.secret))
	files, size := l.Totals()
	opened, err := s.engine.Open(s.Context(), bearer{}, wire.Open{
		Version: wire.Version, SessionHash: hex.EncodeToString(hash[:]), Target: target, Entries: len(l), Files: files, Bytes: size, TreeDigest: l.TreeDigest(),
	})
	if err != nil {
		s.Fatal(err)
	}
	s.session = store.SessionID(opened.Session)
	return opened
}

// exchange sends frames to the session and returns those of the answer.
func (s *server) exchange(frames ...[]byte) (answer []wire.Frame, err error) {
	reply, err := s.engine.Exchange(s.Context(), bearer{}, s.session, s.secret, bytes.NewReader(slices.Concat(frames...)))
	if err != nil {
		return nil, err
	}
	r := wire.NewReader(bytes.NewReader(reply))
	for {
		f, err := r.Next()
		if err != nil {
			return answer, nil
		}
		answer = append(answer, wire.Frame{Type: f.Type, Payload: slices.Clone(f.Payload)})
	}
}

// mustExchange is exchange where no error is expected.
func (s *server) mustExchange(frames ...[]byte) []wire.Frame {
	s.Helper()
	answer, err := s.exchange(frames...)
	if err != nil {
		s.Fatal(err)
	}
	return answer
}

// file is the entry of a file with the content.
func file(path manifest.Path, content []byte) manifest.Entry {
	return manifest.Entry{Path: path, Kind: manifest.File, Mode: 0o644, Size: int64(len(content)), Digest: manifest.DigestOf(content)}
}

// digests is the frame with the digests of all files of a list.
func digests(l manifest.List) []byte {
	var ds []wire.Digest
	for i := range l {
		if l[i].Kind == manifest.File {
			ds = append(ds, wire.Digest{Index: i, Digest: l[i].Digest})
		}
	}
	return wire.AppendDigests(nil, ds)
}

// commit is the frame that commits a list all of whose digests the client gave.
func commit(l manifest.List) []byte {
	return wire.AppendCommit(nil, wire.Commit{ManifestDigest: l.ManifestDigest()})
}

// outcomes are what an answer says of the contents that came, by index.
func (s *server) outcomes(answer []wire.Frame) map[int]wire.Outcome {
	s.Helper()
	out := map[int]wire.Outcome{}
	for _, f := range answer {
		if f.Type != wire.FrameStored {
			continue
		}
		ss, err := wire.ParseStored(f.Payload)
		if err != nil {
			s.Fatal(err)
		}
		for _, st := range ss {
			out[st.Index] = st.Outcome
		}
	}
	return out
}

// receipt is the receipt in an answer.
func (s *server) receipt(answer []wire.Frame) (r wire.Receipt) {
	s.Helper()
	for _, f := range answer {
		if f.Type == wire.FrameReceipt {
			r, err := wire.ParseReceipt(f.Payload, wire.Receipt{})
			if err != nil {
				s.Fatal(err)
			}
			return r
		}
	}
	s.Fatal("no receipt in the answer")
	return r
}

// published is the content published at a path.
func (s *server) published(p manifest.Path) []byte {
	s.Helper()
	e, err := s.store.Lookup(s.Context(), p, store.Latest)
	if err != nil {
		s.Fatal(err)
	}
	b, err := s.store.Open(context.Background(), e.Digest)
	if err != nil {
		s.Fatal(err)
	}
	defer b.Close()
	got := make([]byte, b.Size())
	if _, err := b.ReadAt(got, 0); err != nil && len(got) > 0 {
		s.Fatal(err)
	}
	return got
}
