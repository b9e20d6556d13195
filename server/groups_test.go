package server_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pubsync/pubsync/server/token"
)

// TestGroupsGoAtOnce pushes changes of more files than go in one group: two groups
// are under way at the same time, and all of both arrives.
func TestGroupsGoAtOnce(t *testing.T) {
	s := newSite(t)
	const files = 300
	first, second := t.TempDir(), t.TempDir()
	r := rand.New(rand.NewPCG(4, 4))
	for i := range files {
		content, name := text(r, 3000), fmt.Sprintf("file-%d.txt", i)
		s.write(first, name, content)
		s.write(second, name, append([]byte("a new line\n"), content...))
	}
	s.builder(s.issue(token.Grant{Target: "a/1"}), first).mustPush()
	var parts atomic.Int32
	both := make(chan struct{})
	s.put(func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			s.check(err)
			if strings.Contains(kindsOf(body), "07") {
				if parts.Add(1) == 2 {
					close(both)
				}
				select { // the first waits for the content of another group
				case <-both:
				case <-r.Context().Done():
				case <-time.After(20 * time.Second):
					t.Error("no two requests with content were under way at the same time")
				}
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			h.ServeHTTP(w, r)
		})
	})
	b := s.builder(s.issue(token.Grant{Target: "a/1", Overwrite: true}), second)
	b.opts.Parallel = 2
	if r := b.mustPush(); r.Delta.Files != files {
		t.Errorf("%d files of %d went as deltas", r.Delta.Files, files)
	}
	s.wantTree("a/1", second)
}
