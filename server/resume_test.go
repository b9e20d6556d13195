package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/pubsync/pubsync/server/session"
	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
	"github.com/pubsync/pubsync/sync/wire/connect"
)

// cutter stands between a builder and the server. It counts the bytes of bodies
// and ends the one in which a given count is reached; nothing gets through after.
type cutter struct {
	at   int64 // 0: never
	kill func()
	read atomic.Int64
}

var errCut = errors.New("the builder was killed")

func (c *cutter) between(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c.over() {
			panic(http.ErrAbortHandler)
		}
		r.Body = &cutBody{ReadCloser: r.Body, c: c}
		h.ServeHTTP(w, r)
		if c.over() {
			c.kill()
			panic(http.ErrAbortHandler)
		}
	})
}

func (c *cutter) over() bool { return c.at > 0 && c.read.Load() >= c.at }

type cutBody struct {
	io.ReadCloser
	c *cutter
}

func (b *cutBody) Read(p []byte) (int, error) {
	if b.c.at > 0 {
		left := b.c.at - b.c.read.Load()
		if left <= 0 {
			return 0, errCut
		}
		p = p[:min(int64(len(p)), left)]
	}
	n, err := b.ReadCloser.Read(p)
	b.c.read.Add(int64(n))
	return n, err
}

// TestCutInsideBodies kills a builder at ten points of a push, most of them
// inside a body (threats, row 38): what arrived is not sent again, but for one
// block of compression at most, the list, and the questions.
func TestCutInsideBodies(t *testing.T) {
	s := newSite(t)
	s.limit = 64 << 20
	s.restart()
	dir := s.fill(30)
	r := rand.New(rand.NewPCG(30, 0))
	for i := range 200 {
		s.write(dir, fmt.Sprintf("many/f%d", i), noise(r, 4000+i*40))
	}
	push := func(target manifest.Path, cuts ...int64) (sent int64) {
		b := s.builder(s.issue(token.Grant{Target: target}), dir)
		b.opts.Parallel = 1
		for _, at := range append(cuts, 0) {
			ctx, cancel := context.WithCancel(t.Context())
			c := &cutter{at: at, kill: cancel}
			s.put(c.between)
			_, err := b.push(ctx)
			cancel()
			if (err == nil) != (at == 0) {
				t.Fatalf("%s, cut at %d: %v", target, at, err)
			}
			sent += c.read.Load()
		}
		s.put(nil)
		s.wantTree(target, dir)
		return sent
	}
	// The tokens cannot read each other's target, so each push sends all.
	clean := push("private/0")
	const block, overhead = 128 << 10, 16 << 10
	for i := range int64(10) {
		at := clean * (2*i + 1) / 20
		sent := push(manifest.Path(fmt.Sprintf("private/%d", i+1)), at)
		if sent > clean+block+overhead || sent > clean*11/10 {
			t.Errorf("killed after %d of %d bytes: %d sent in all", at, clean, sent)
		}
	}
	sent := push("private/often", clean/7, clean/6, clean/5, clean/4)
	if sent > clean+4*(block+overhead) {
		t.Errorf("killed four times: %d sent in all, a clean push sends %d", sent, clean)
	}
}

// TestStagedWhole resumes a push of which a file is staged to its last byte, but
// was never taken in, as a server that is killed at that moment leaves it: it is
// taken in then, and not one byte of it asked for.
func TestStagedWhole(t *testing.T) {
	for _, c := range []struct {
		name   string
		staged func([]byte) []byte
		sent   bool
	}{
		{"right", func(b []byte) []byte { return b }, false},
		{"wrong", func(b []byte) []byte { return append(b[:len(b)-1:len(b)-1], b[len(b)-1]^1) }, true},
	} {
		s := newSite(t)
		dir := t.TempDir()
		content := noise(rand.New(rand.NewPCG(31, 0)), 3<<20)
		s.write(dir, "large", content)
		b := s.builder(s.issue(token.Grant{Target: "whole/1"}), dir)
		ctx, kill := context.WithCancel(t.Context())
		s.put(func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasPrefix(r.URL.Path, wire.SessionsPath+"/") {
					kill()
					panic(http.ErrAbortHandler)
				}
				h.ServeHTTP(w, r)
			})
		})
		if _, err := b.push(ctx); err == nil {
			t.Fatal("the builder was not killed")
		}
		s.put(nil)
		p, err := s.store.OpenPartial(session.Name(accessorOf(b.bearer), connect.HashSession(b.secret), false), manifest.DigestOf(content))
		s.check(err)
		_, err = p.Write(c.staged(content))
		s.check(err)
		s.check(p.Close())
		s.restart()
		r := b.mustPush()
		if sent := r.Whole.Bytes > 0; sent != c.sent {
			t.Errorf("%s bytes staged: %d sent", c.name, r.Whole.Bytes)
		}
		s.wantTree("whole/1", dir)
	}
}
