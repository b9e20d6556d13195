package server_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/walk"
)

// A state is a file as it stands at one time.
type state struct {
	mtime   int64
	content []byte
}

// become gives the file new content, all of one byte, and returns the state.
func (s *site) become(dir string, c byte, size int) state {
	s.t.Helper()
	b := bytes.Repeat([]byte{c}, size)
	s.write(dir, "busy", b)
	st, err := os.Stat(filepath.Join(dir, "busy"))
	s.check(err)
	return state{st.ModTime().UnixNano(), b}
}

// TestFileChangedAtEveryRequest changes a file before each request of a push in
// turn (threats, row 39). The push goes through, and what is published is the file
// as it stood at one time: bytes and mtime. Its size does not change.
func TestFileChangedAtEveryRequest(t *testing.T) {
	s := newSite(t)
	for at := int64(1); ; at++ {
		dir := t.TempDir()
		s.write(dir, "large", noise(rand.New(rand.NewPCG(uint64(at), 39)), 2<<20))
		states := []state{s.become(dir, 'a', 200_000)}
		count := s.before(at, func() { states = append(states, s.become(dir, 'b', 200_000)) })
		target := manifest.Path(fmt.Sprintf("busy/%d", at))
		b := s.builder(s.issue(token.Grant{Target: target}), dir)
		b.opts.Parallel = 1
		b.mustPush()
		s.put(nil)
		e, err := s.store.Lookup(t.Context(), target.Join("busy"), store.Latest)
		s.check(err)
		whole := false
		for _, st := range states {
			whole = whole || e.MTime == st.mtime && e.Size == int64(len(st.content)) && bytes.Equal(s.content(e), st.content)
		}
		if !whole {
			t.Errorf("changed before request %d: %+v was published", at, e)
		}
		if count.Load() > 6 {
			t.Errorf("changed before request %d: %d requests, want one more than the 5 of a file at rest", at, count.Load())
		}
		if count.Load() < at {
			if at < 5 {
				t.Errorf("only %d requests", count.Load())
			}
			return
		}
	}
}

// TestRestlessFile changes a file before every request of a push: it ends with an
// error that names the file, after a bounded number of requests, and nothing is
// published.
func TestRestlessFile(t *testing.T) {
	s := newSite(t)
	dir := t.TempDir()
	s.write(dir, "large", noise(rand.New(rand.NewPCG(39, 1)), 5<<20)) // so that not all goes in one request
	s.become(dir, 'a', 200_000)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	n := 0
	s.put(func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if n++; n > maxCalls {
				stop()
			}
			s.become(dir, 'a'+byte(n%26), 200_000+n)
			h.ServeHTTP(w, r)
		})
	})
	b := s.builder(s.issue(token.Grant{Target: "t"}), dir)
	b.opts.Parallel = 1
	_, err := b.push(ctx)
	s.put(nil)
	if !errors.Is(err, walk.ErrChanged) || !bytes.Contains([]byte(err.Error()), []byte("busy")) {
		t.Errorf("after %d requests: %v", n, err)
	}
	if s.publications() != 0 {
		t.Error("it was published")
	}
}

// TestBuildersClock pushes from builders whose clocks are years off, with files
// dated so too (threats, row 40): whether the token holds goes by the server's
// clock, mtimes stay as given, and the publication has the server's time.
func TestBuildersClock(t *testing.T) {
	s := newSite(t)
	for i, off := range []time.Duration{-40 * 365 * 24 * time.Hour, 60 * 365 * 24 * time.Hour} {
		now := s.now()
		bearer := s.issue(token.Grant{Target: manifest.Path(fmt.Sprintf("skew/%d", i)), NotBefore: now.Add(-time.Minute), NotAfter: now.Add(time.Minute), Publications: 9})
		dir := t.TempDir()
		s.write(dir, "f", fmt.Appendf(nil, "from a builder that is %v off", off))
		at := now.Add(off).Truncate(0).Add(-time.Duration(now.Nanosecond()) + 123_456_789)
		s.check(os.Chtimes(filepath.Join(dir, "f"), at, at))
		b := s.builder(bearer, dir)
		b.clock = func() time.Time { return time.Now().Add(off) }
		receipt := b.mustPush().Receipt
		s.wantTree(b.mustPush().Target, dir)
		if d := receipt.Time.Sub(now); d < 0 || d > time.Minute {
			t.Errorf("off by %v: published at %v, by the server's clock it was %v", off, receipt.Time, now)
		}
		// The server's clock moves on, the builder's stands wherever it likes.
		s.skew.Store(int64(2 * time.Minute))
		s.write(dir, "late", []byte("late"))
		late := s.builder(bearer, dir)
		late.clock = b.clock
		if _, err := late.push(t.Context()); codeOf(err) != "token_expired" {
			t.Errorf("off by %v: a token that has expired: %v", off, err)
		}
		s.skew.Store(0)
	}
}
