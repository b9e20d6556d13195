package server_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/pubsync/pubsync/delta"
	"github.com/pubsync/pubsync/delta/codec"
	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/sync/wire"
)

// colliding answers as the server does, but that in every signature the hashes
// of a basis are those of the new file: as if hashes were so short that each
// block of one collides with the block at its place in the other.
type colliding struct {
	s     *site
	news  map[int64][]byte // new files, by their size
	lies  int              // signatures that were changed
	again int              // files that the server asked for again
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
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		body := rec.Body.Bytes()
		if rec.Header().Get("Content-Type") == wire.ContentType {
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
		case wire.FrameSignature:
			out = wire.AppendSignature(out, f.Type, c.lie(f.Payload))
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
func (c *colliding) lie(payload []byte) wire.Signature {
	c.s.t.Helper()
	sig, err := wire.ParseSignature(payload)
	c.s.check(err)
	content, ok := c.news[sig.Basis.Size]
	if !ok {
		return sig
	}
	said, err := codec.DecodeSignature(sig.Body, sig.Basis.Size)
	c.s.check(err)
	forged, err := delta.Sign(delta.Source{ReaderAt: bytes.NewReader(content), Size: int64(len(content))}, said.Request)
	c.s.check(err)
	sig.Body = codec.AppendSignature(nil, forged, sig.Basis.Size)
	c.lies++
	return sig
}

// TestStrongCollision pushes files whose every block has the strong hash of
// another block of the server's (threats, row 26). Whole, they have another
// SHA-256: each is asked for again, and sent whole.
func TestStrongCollision(t *testing.T) {
	s := newSite(t)
	old, dir := t.TempDir(), t.TempDir()
	r := rand.New(rand.NewPCG(26, 0))
	c := &colliding{s: s, news: map[int64][]byte{}}
	// What fits a pack, what is rebuilt in memory, what is staged.
	sizes := map[string]int{"small": 20_000, "medium": 300_000, "large": 1_500_000}
	for name, size := range sizes {
		was, is := noise(r, size), noise(r, size)
		s.write(old, name, was)
		s.write(dir, name, is)
		c.news[int64(size)] = is
	}
	s.builder(s.issue(token.Grant{Target: "t"}), old).mustPush()
	b := s.builder(s.issue(token.Grant{Target: "t", Overwrite: true}), dir)
	b.opts.Parallel, b.opts.Checksum = 1, true
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	c.stop = stop
	s.put(c.between)
	got, err := b.push(ctx)
	s.put(nil)
	if err != nil {
		t.Fatalf("after %d requests: %v", c.calls, err)
	}
	s.wantTree("t", dir)
	if c.lies < len(sizes) || c.again < len(sizes) {
		t.Errorf("%d signatures were forged and %d files asked for again, want %d each: the test tests nothing", c.lies, c.again, len(sizes))
	}
	if got.Whole.Files != int64(len(sizes)) || got.Delta.Files != 0 {
		t.Errorf("%d files went whole and %d as deltas", got.Whole.Files, got.Delta.Files)
	}
}
