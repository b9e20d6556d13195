package server_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/push"
	"github.com/pubsync/pubsync/sync/wire"
	"github.com/pubsync/pubsync/sync/wire/connect"
)

func TestPushIsComplete(t *testing.T) {
	s := newSite(t)
	dir := s.fill(1)
	b := s.builder(s.issue(token.Grant{Target: "a/1"}), dir)
	r := b.mustPush()
	if r.Status != "published" || r.Whole.Files != 42 {
		t.Errorf("result %+v", r)
	}
	s.wantTree("a/1", dir)
	if got := s.publications(); got != 1 {
		t.Errorf("%d publications", got)
	}
}

// silent swallows an answer.
type silent struct{ http.ResponseWriter }

func (*silent) Header() http.Header         { return http.Header{} }
func (*silent) WriteHeader(int)             {}
func (*silent) Write(p []byte) (int, error) { return len(p), nil }

// TestEveryAnswerLostOnce drops the answer to each request of a push in turn
// (threats, row 2): every push still ends published, once.
func TestEveryAnswerLostOnce(t *testing.T) {
	s := newSite(t)
	dir := s.fill(2)
	for lost := int64(1); ; lost++ {
		target := manifest.Path(fmt.Sprintf("lost/%d", lost))
		s.write(dir, "large.bin", noise(rand.New(rand.NewPCG(uint64(lost), 9)), 3<<20))
		var n atomic.Int64
		s.put(func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if n.Add(1) != lost {
					h.ServeHTTP(w, r)
					return
				}
				h.ServeHTTP(&silent{w}, r)
				panic(http.ErrAbortHandler)
			})
		})
		before := s.publications()
		r, err := s.builder(s.issue(token.Grant{Target: target}), dir).push(t.Context())
		if err != nil {
			t.Fatalf("answer %d lost: %v", lost, err)
		}
		if r.Status != "published" || s.publications() != before+1 {
			t.Errorf("answer %d lost: %s, %d publications", lost, r.Status, s.publications()-before)
		}
		s.wantTree(target, dir)
		if n.Load() < lost {
			if lost < 5 {
				t.Errorf("only %d requests: the push is too small to show anything", n.Load())
			}
			return
		}
	}
}

// TestRestartAtEveryRequest restarts the server after each request of a push
// in turn: what it had accepted is not sent again.
func TestRestartAtEveryRequest(t *testing.T) {
	s := newSite(t)
	dir := s.fill(3)
	for at := int64(1); ; at++ {
		target := manifest.Path(fmt.Sprintf("restart/%d", at))
		s.write(dir, "large.bin", noise(rand.New(rand.NewPCG(uint64(at), 8)), 3<<20))
		var n atomic.Int64
		s.put(func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if n.Add(1) == at+1 {
					s.restart()
					s.mu.RLock()
					h = s.handler
					s.mu.RUnlock()
				}
				h.ServeHTTP(w, r)
			})
		})
		b := s.builder(s.issue(token.Grant{Target: target}), dir)
		b.opts.Parallel = 1
		before := s.publications()
		r := b.mustPush()
		if r.Status != "published" || s.publications() != before+1 {
			t.Errorf("restart after request %d: %s, %d publications", at, r.Status, s.publications()-before)
		}
		s.wantTree(target, dir)
		if n.Load() <= at {
			return
		}
	}
}

// TestKilledBuilderResumes cancels a push after each request in turn and runs
// it again: it ends published, and no content is sent twice but what was under
// way.
func TestKilledBuilderResumes(t *testing.T) {
	s := newSite(t)
	for at := int64(2); at < 8; at++ {
		dir := s.fill(100 + uint64(at))
		target := manifest.Path(fmt.Sprintf("killed/%d", at))
		ctx, kill := context.WithCancel(t.Context())
		var n atomic.Int64
		s.put(func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if n.Add(1) >= at {
					kill()
					panic(http.ErrAbortHandler)
				}
				h.ServeHTTP(w, r)
			})
		})
		b := s.builder(s.issue(token.Grant{Target: target}), dir)
		b.opts.Parallel = 1
		first, err := b.push(ctx)
		kill()
		if err == nil {
			t.Fatalf("killed at request %d: it went through", at)
		}
		s.put(nil)
		second := b.mustPush()
		s.wantTree(target, dir)
		total := second.Bytes
		if sent := first.Whole.Bytes + second.Whole.Bytes; sent > total+int64(s.limit)*2 {
			t.Errorf("killed at request %d: %d bytes sent of %d", at, sent, total)
		}
		if at > 4 && second.Whole.Bytes >= total {
			t.Errorf("killed at request %d: everything was sent again", at)
		}
	}
}

// TestProxyWithSmallBodies stands a proxy in between that refuses bodies over
// 64 KiB in its own words.
func TestProxyWithSmallBodies(t *testing.T) {
	s := newSite(t)
	dir := s.fill(4)
	s.put(func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.ContentLength > 64<<10 {
				http.Error(w, "<html>413 Request Entity Too Large</html>", http.StatusRequestEntityTooLarge)
				return
			}
			h.ServeHTTP(w, r)
		})
	})
	s.builder(s.issue(token.Grant{Target: "proxied/1"}), dir).mustPush()
	s.wantTree("proxied/1", dir)
}

// TestParallelOpens opens with one token and 64 session secrets at once
// (threats, row 1): one session, 63 refusals, and an alert.
func TestParallelOpens(t *testing.T) {
	s := newSite(t)
	bearer := s.issue(token.Grant{Target: "a/1", Parallel: 64})
	codes := make(chan int, 64)
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			status, _, _ := s.post("POST", "/v1/sessions", bearer, map[string]string{"Content-Type": "application/json"},
				openBody(connect.NewSessionSecret(), "a/1"))
			codes <- status
		})
	}
	wg.Wait()
	close(codes)
	got := map[int]int{}
	for c := range codes {
		got[c]++
	}
	if got[http.StatusCreated] != 1 || got[http.StatusConflict] != 63 {
		t.Errorf("statuses %v, want one 201 and 63 times 409", got)
	}
	if s.alerts.Load() == 0 {
		t.Error("no alert")
	}
}

// TestStolenToken uses a token without its session secret (threats, row 4).
func TestStolenToken(t *testing.T) {
	s := newSite(t)
	bearer := s.issue(token.Grant{Target: "a/1"})
	json := map[string]string{"Content-Type": "application/json"}
	secret := connect.NewSessionSecret()
	if status, _, body := s.post("POST", "/v1/sessions", bearer, json, openBody(secret, "a/1")); status != http.StatusCreated {
		t.Fatalf("%d %s", status, body)
	}
	status, code, _ := s.post("POST", "/v1/sessions", bearer, json, openBody(connect.NewSessionSecret(), "a/1"))
	if status != http.StatusConflict || code != wire.CodeTokenInUse {
		t.Errorf("another secret: %d %s", status, code)
	}
	if status, _, body := s.post("POST", "/v1/sessions", bearer, json, openBody(secret, "a/1")); status != http.StatusCreated {
		t.Errorf("the same secret again: %d %s", status, body)
	}
	if s.alerts.Load() == 0 {
		t.Error("no alert")
	}
}

// TestRevokedInTheMiddle revokes the token while content is under way (threats,
// row 9).
func TestRevokedInTheMiddle(t *testing.T) {
	s := newSite(t)
	dir := s.fill(5)
	bearer := s.issue(token.Grant{Target: "a/1"})
	var n atomic.Int64
	s.put(func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if n.Add(1) == 4 {
				_, accessor, _, err := connect.SplitBearer(bearer)
				s.check(err)
				s.check(s.tokens.Revoke(r.Context(), s.by, accessor))
			}
			h.ServeHTTP(w, r)
		})
	})
	_, err := s.builder(bearer, dir).push(t.Context())
	if !errors.Is(err, &wire.Error{Code: wire.CodeTokenInvalid}) {
		t.Errorf("error %v, want token_invalid", err)
	}
	if got := s.publications(); got != 0 {
		t.Errorf("%d publications", got)
	}
}

// TestFilesChangingUnderway has a writer at the files while they are pushed
// (threats, row 39): whatever is published is a file as it once stood.
func TestFilesChangingUnderway(t *testing.T) {
	s := newSite(t)
	dir := t.TempDir()
	const size = 200 << 10
	state := func(k byte) []byte {
		b := make([]byte, size)
		for i := range b {
			b[i] = k
		}
		return b
	}
	s.write(dir, "busy", state(0))
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		f, err := os.OpenFile(filepath.Join(dir, "busy"), os.O_WRONLY, 0)
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		for k := byte(1); ; k++ {
			select {
			case <-stop:
				return
			case <-time.After(time.Duration(k) * 20 * time.Millisecond):
			}
			if _, err := f.WriteAt(state(k), 0); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for i := range 3 {
		target := manifest.Path(fmt.Sprintf("busy/%d", i))
		_, err := s.builder(s.issue(token.Grant{Target: target}), dir).push(t.Context())
		if err != nil {
			t.Logf("push %d: %v", i, err) // an honest failure
			continue
		}
		e, err := s.store.Lookup(t.Context(), target.Join("busy"), -1)
		s.check(err)
		b := s.content(e)
		for _, c := range b {
			if c != b[0] {
				t.Fatal("a mixed file was published")
			}
		}
	}
	close(stop)
	wg.Wait()
}

// TestPrivateContentIsAbsent holds content that the token may not read as if it
// were not there (threats, rows 22 to 24).
func TestPrivateContentIsAbsent(t *testing.T) {
	s := newSite(t)
	secret := s.fill(6)
	s.builder(s.issue(token.Grant{Target: "private/1"}), secret).mustPush()
	// The same files by somebody who may not read them: everything is sent.
	r := s.builder(s.issue(token.Grant{Target: "open/1"}), secret).mustPush()
	if r.Linked.Files > 1 { // the twin
		t.Errorf("%d files were linked to content the token may not read", r.Linked.Files)
	}
	// And now that it is public too, nothing.
	r = s.builder(s.issue(token.Grant{Target: "open/2"}), secret).mustPush()
	if r.Whole.Files != 0 {
		t.Errorf("%d files were sent that are public", r.Whole.Files)
	}
}

// TestDryRun finds out without changing or spending anything.
func TestDryRun(t *testing.T) {
	s := newSite(t)
	dir := s.fill(7)
	bearer := s.issue(token.Grant{Target: "a/1"})
	b := s.builder(bearer, dir)
	b.opts.DryRun = true
	told := map[string]int{}
	b.opts.Event = func(e push.Event) { told[e.What]++ }
	if r := b.mustPush(); r.Status != "dry-run" || r.Whole.Files != 42 || told[push.Sent] != 42 {
		t.Errorf("result %+v, events %v", r, told)
	}
	if got := s.publications(); got != 0 {
		t.Errorf("%d publications", got)
	}
	s.builder(bearer, dir).mustPush()
	s.wantTree("a/1", dir)
}
