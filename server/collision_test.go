package server_test

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/pubsync/pubsync/delta"
	"github.com/pubsync/pubsync/delta/archive"
	"github.com/pubsync/pubsync/delta/codec"
	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/sync/push"
	"github.com/pubsync/pubsync/sync/wire"
)

// colliding answers as the server does, but that in every signature the hashes
// of a basis are those of the new file: as if hashes were so short that each
// block of one collides with the block at its place in the other.
type colliding struct {
	s     *site
	news  map[int64][]byte      // new files or views, by their size
	once  bool                  // each is lied about only once
	sure  int                   // signatures asked for with hashes that are partly strong
	asked map[wire.Basis][]byte // what was to be hashed of a basis, last
	sizes map[wire.Basis]int64  // of the bases, as their first signatures tell
	lies  int                   // signatures that were changed
	again int                   // files that the server asked for again
	calls int
	stop  func()
}

// maxCalls is how many requests a push may take before it is stopped.
const maxCalls = 60

func (c *colliding) between(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c.calls++; c.calls > maxCalls {
			c.stop()
			panic(http.ErrAbortHandler)
		}
		asked, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		c.listen(asked)
		r.Body = io.NopCloser(bytes.NewReader(asked))
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		body := rec.Body.Bytes()
		if rec.Header().Get("Content-Type") == "" { // frames
			body = c.rewrite(body)
		}
		for k, v := range rec.Header() {
			if k != "Content-Length" {
				w.Header()[k] = v
			}
		}
		w.WriteHeader(rec.Code)
		_, _ = w.Write(body)
	})
}

// listen notes what hashes the frames of a request ask for.
func (c *colliding) listen(body []byte) {
	fr := wire.NewReader(bytes.NewReader(body))
	for {
		f, err := fr.Next()
		if err != nil {
			return // no frames, or no more of them
		}
		if f.Type == wire.FrameSign {
			q, err := wire.ParseSign(f.Payload)
			c.s.check(err)
			c.asked[q.Basis] = bytes.Clone(q.Params)
		}
	}
}

// rewrite changes the signatures among the frames of an answer.
func (c *colliding) rewrite(body []byte) (out []byte) {
	c.s.t.Helper()
	fr := wire.NewReader(bytes.NewReader(body))
	for {
		f, err := fr.Next()
		if err != nil {
			return out
		}
		switch f.Type {
		case wire.FrameSignature, wire.FrameHashes:
			out = wire.AppendSignature(out, f.Type, c.lie(f))
			continue
		case wire.FrameStored:
			ss, err := wire.ParseStored(f.Payload)
			c.s.check(err)
			for _, st := range ss {
				if st.Outcome == wire.Resend {
					c.again++
				}
			}
		}
		out = wire.AppendFrame(out, f.Type, f.Payload)
	}
}

// lie gives a basis the hashes of the new file of its size.
func (c *colliding) lie(f wire.Frame) wire.Signature {
	c.s.t.Helper()
	sig, err := wire.ParseSignature(f.Payload)
	c.s.check(err)
	basis := sig.Basis
	basis.Size = 0
	if f.Type == wire.FrameSignature {
		c.sizes[basis] = sig.Basis.Size
	}
	size := c.sizes[basis]
	var req delta.Request
	if f.Type == wire.FrameSignature {
		said, err := codec.DecodeSignature(sig.Body, size)
		c.s.check(err)
		req = said.Request
	} else {
		req, err = codec.DecodeRequest(c.asked[basis], size)
		c.s.check(err)
	}
	if req.StrongBits > 0 {
		c.sure++
	}
	content, ok := c.news[size]
	if !ok {
		return sig
	}
	forged, err := delta.Sign(delta.Source{ReaderAt: bytes.NewReader(content), Size: int64(len(content))}, req)
	c.s.check(err)
	if f.Type == wire.FrameSignature {
		sig.Body = codec.AppendSignature(nil, forged, size)
	} else {
		sig.Body = codec.AppendHashes(nil, forged)
	}
	c.lies++
	if c.once {
		delete(c.news, size)
	}
	return sig
}

// push publishes a tree over what stands, past the forger.
func (c *colliding) push(dir string, through push.Through) push.Result {
	s := c.s
	s.t.Helper()
	b := s.builder(s.issue(token.Grant{Target: "t", Overwrite: true}), dir)
	b.opts.Parallel, b.opts.Checksum, b.opts.Through = 1, true, through
	ctx, stop := context.WithCancel(s.t.Context())
	defer stop()
	c.stop = stop
	s.put(c.between)
	defer s.put(nil)
	got, err := b.push(ctx)
	if err != nil {
		s.t.Fatalf("after %d requests: %v", c.calls, err)
	}
	s.wantTree("t", dir)
	return got
}

// TestStrongCollision pushes files whose every block has the hash of another block of
// the server's, however long that is (threats, row 26). Whole, they have another
// SHA-256: each is asked for again, matched with long hashes, and at last sent whole.
func TestStrongCollision(t *testing.T) {
	s := newSite(t)
	old, dir := t.TempDir(), t.TempDir()
	r := rand.New(rand.NewPCG(26, 0))
	c := &colliding{s: s, news: map[int64][]byte{}, asked: map[wire.Basis][]byte{}, sizes: map[wire.Basis]int64{}}
	// What fits a pack, what is rebuilt in memory, what is staged.
	sizes := map[string]int{"small": 20_000, "medium": 300_000, "large": 1_500_000}
	for name, size := range sizes {
		was, is := noise(r, size), noise(r, size)
		s.write(old, name, was)
		s.write(dir, name, is)
		c.news[int64(size)] = is
	}
	s.builder(s.issue(token.Grant{Target: "t"}), old).mustPush()
	got := c.push(dir, push.Auto)
	if want := 2 * len(sizes); c.lies < want || c.again < want {
		t.Errorf("%d signatures were forged and %d files asked for again, want %d each: the test tests nothing", c.lies, c.again, want)
	}
	if got.Whole.Files != int64(len(sizes)) || got.Delta.Files != 0 {
		t.Errorf("%d files went whole and %d as deltas", got.Whole.Files, got.Delta.Files)
	}
}

// TestWrongMatchesAreMatchedAgain pushes an archive and a file of bytes that seem to
// have nothing new, by hashes that are too short: each goes as a delta all the same,
// the second time with hashes that are not.
func TestWrongMatchesAreMatchedAgain(t *testing.T) {
	s := newSite(t)
	old, dir := t.TempDir(), t.TempDir()
	c := &colliding{s: s, news: map[int64][]byte{}, asked: map[wire.Basis][]byte{}, sizes: map[wire.Basis]int64{}, once: true}
	ms := members(4, 100)
	was := tgz(t, ms, time.Unix(1_700_000_000, 0), 6)
	copy(ms[50][100:], "an edit")
	is := tgz(t, ms, time.Unix(1_700_000_000, 0), 6)
	view := &spool{}
	_, err := archive.Sample(t.Context(), bytes.NewReader(is), int64(len(is)), view, archive.DefaultLimits())
	s.check(err)
	c.news[int64(len(view.b))] = view.b
	plain := noise(rand.New(rand.NewPCG(27, 0)), 300_000)
	edited := bytes.Clone(plain)
	copy(edited[100_000:], "an edit")
	c.news[int64(len(edited))] = edited
	s.write(old, "a.tgz", was)
	s.write(old, "b", plain)
	s.write(dir, "a.tgz", is)
	s.write(dir, "b", edited)
	s.builder(s.issue(token.Grant{Target: "t"}), old).mustPush()
	got := c.push(dir, push.Always)
	if c.lies != 2 {
		t.Errorf("%d signatures were forged, want 2: the test tests nothing", c.lies)
	}
	if c.sure < 2 {
		t.Errorf("%d signatures were of long hashes, want one of each file at least", c.sure)
	}
	if got.Archive.Files != 1 || got.Delta.Files != 1 || got.Whole.Files != 0 || got.Archive.Sent+got.Delta.Sent > 8<<10 {
		t.Errorf("archives %+v, deltas %+v, whole %+v: want one of each but the last, for 8 KiB", got.Archive, got.Delta, got.Whole)
	}
}

// A spool keeps what is written to it.
type spool struct{ b []byte }

func (s *spool) WriteAt(b []byte, off int64) (int, error) {
	if n := int(off) + len(b) - len(s.b); n > 0 {
		s.b = append(s.b, make([]byte, n)...)
	}
	return copy(s.b[off:], b), nil
}

func (s *spool) ReadAt(b []byte, off int64) (int, error) { return bytes.NewReader(s.b).ReadAt(b, off) }
