package server_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/push"
	"github.com/pubsync/pubsync/sync/wire"
)

// TestViewsGoOn kills a builder in the midst of a large archive that goes by its
// views, at points spread over all it sends, and pushes again from nothing but
// the session's secret: as a new process does, and to a server that was started
// anew, or with another file of the tree changed. What the server had of the views
// is not sent again.
func TestViewsGoOn(t *testing.T) {
	s := newSite(t, func(s *site) { s.limit = 512 << 10 })
	old, r := members(50, 60), rand.New(rand.NewPCG(50, 50))
	update := func(n int) (first, second string) {
		first, second = t.TempDir(), t.TempDir()
		fresh := members(50, 60)
		for i := 5; i < len(fresh); i += 10 {
			fresh[i] = noise(r, 200_000)
		}
		at := time.Unix(1_700_000_000+int64(n), 0)
		s.write(first, "a-1.tgz", tgz(t, old, at, 6))
		s.write(second, "a-2.tgz", tgz(t, fresh, at.Add(time.Hour), 6))
		s.write(second, "z.txt", text(r, 300))
		return first, second
	}
	line, pushes := s.relay(), 0
	var under, lost atomic.Int64 // requests under way, and those whose body ended early
	kills := int64(0)
	s.put(func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			under.Add(1)
			defer under.Add(-1)
			body := &ending{ReadCloser: r.Body}
			r.Body = body
			h.ServeHTTP(w, r)
			if body.err != nil && body.err != io.EOF {
				lost.Add(1)
			}
		})
	})
	run := func(between func(dir string), cuts ...int64) int64 {
		pushes++
		target := manifest.Path(fmt.Sprintf("on/%d", pushes))
		first, second := update(pushes)
		s.builder(s.issue(token.Grant{Target: target}), first).mustPush()
		b := s.builder(s.issue(token.Grant{Target: target, Overwrite: true}), second)
		b.via = line.url()
		b.opts.Through, b.opts.Parallel, b.opts.Mirror = push.Always, 1, true
		start := line.sent.Load()
		for _, after := range append(cuts, 0) {
			ctx, kill := context.WithCancel(t.Context())
			if after > 0 {
				line.when(line.sent.Load()+after, func() int64 { kill(); return 0 })
			}
			res, err := b.push(ctx)
			kill()
			if (err == nil) != (after == 0) {
				t.Fatalf("%s, killed after %d bytes: %v", target, after, err)
			}
			if err == nil && res.Archive.Files != 1 {
				t.Errorf("%s: %+v", target, res)
			}
			if err == nil {
				continue
			}
			// That none is under way would not do: the last one may not have begun.
			for kills++; lost.Load() < kills; {
				<-time.After(time.Millisecond)
			}
			if between != nil {
				between(second)
			}
		}
		s.wantTree(target, second)
		return line.sent.Load() - start
	}
	clean := run(nil)
	within := func(what string, sent int64) {
		t.Helper()
		if sent > clean*21/20 {
			t.Errorf("%s: %d bytes sent in all, a clean push sends %d", what, sent, clean)
		}
	}
	const points = 5
	for i := range int64(points) {
		at := clean * (2*i + 1) / (2 * points)
		between := map[int64]func(string){
			1: func(string) { s.restart() },
			2: func(dir string) { s.write(dir, "z.txt", text(r, 301)) },
		}[i%3]
		within(fmt.Sprintf("killed after %d bytes", at), run(between, at))
	}
	within("killed three times", run(nil, clean/5, clean/4, clean/3))
	drops := 0
	line.when(line.sent.Load()+clean/4, func() int64 {
		none(&under)
		drops++
		return line.sent.Load() + clean/4
	})
	if within("dropped", run(nil)); drops < 3 {
		t.Errorf("%d drops", drops)
	}
	line.when(0, func() int64 { return 0 })
}

// An ending remembers how a body ended.
type ending struct {
	io.ReadCloser
	err error
}

func (e *ending) Read(b []byte) (n int, err error) {
	n, err = e.ReadCloser.Read(b)
	if err != nil {
		e.err = err
	}
	return n, err
}

// TestKilledBeforeTheOtherRecipe kills a builder when the server has just asked for
// another recipe than the one made from samples. The one that comes after knows by
// what is staged, and sends that recipe and nothing of the plain view.
func TestKilledBeforeTheOtherRecipe(t *testing.T) {
	s := newSite(t)
	r := rand.New(rand.NewPCG(5, 5))
	plain := text(r, 3<<20)
	edited := append([]byte("a first line\n"), append(plain, noise(r, 60<<10)...)...)
	first, second := t.TempDir(), t.TempDir()
	s.write(first, "a.gz", patchy(t, plain, 0, 0))
	s.write(second, "a.gz", patchy(t, edited, 2300<<10, 2400<<10))
	s.builder(s.issue(token.Grant{Target: "t/1"}), first).mustPush()
	b := s.builder(s.issue(token.Grant{Target: "t/1", Overwrite: true}), second)
	b.opts.Through = push.Always
	ctx, kill := context.WithCancel(t.Context())
	s.put(func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer := httptest.NewRecorder()
			h.ServeHTTP(answer, r)
			if outcomes(answer.Body)[wire.Remodel] && ctx.Err() == nil {
				kill()
				panic(http.ErrAbortHandler)
			}
			maps.Copy(w.Header(), answer.Header())
			w.WriteHeader(answer.Code)
			_, _ = answer.Body.WriteTo(w)
		})
	})
	if _, err := b.push(ctx); err == nil || ctx.Err() == nil {
		t.Fatalf("it was not killed: %v", err)
	}
	s.put(nil)
	if res := b.mustPush(); res.Archive.Files != 1 || res.Archive.Sent > 40<<10 {
		t.Errorf("%+v, the new bytes are 60 KiB", res)
	}
	s.wantTree("t/1", second)
}

// outcomes are those that an answer tells.
func outcomes(answer *bytes.Buffer) map[wire.Outcome]bool {
	out := map[wire.Outcome]bool{}
	frames := wire.NewReader(bytes.NewReader(answer.Bytes()))
	for f, err := frames.Next(); err == nil; f, err = frames.Next() {
		if f.Type != wire.FrameStored {
			continue
		}
		ss, _ := wire.ParseStored(f.Payload)
		for _, st := range ss {
			out[st.Outcome] = true
		}
	}
	return out
}
