package server_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// TestShortDigests gives all files of a tree new times and one other content of the
// same size: four bytes of each digest are sent, and the whole of one. Where two
// digests begin alike, which a proxy makes of the one here, the commit shows it and
// the content comes all the same.
func TestShortDigests(t *testing.T) {
	s := newSite(t)
	dir := t.TempDir()
	const n = 300 // more than go in one request without asking
	for i := range n {
		s.write(dir, fmt.Sprintf("f%03d", i), fmt.Appendf(nil, "content %03d", i))
	}
	old := manifest.DigestOf([]byte("content 077"))
	stamp := time.Unix(1_700_000_000, 0)
	push := func(content string, forge bool) (kinds []string, digests int) {
		s.check(os.WriteFile(filepath.Join(dir, "f077"), []byte(content), 0o644))
		stamp = stamp.Add(time.Hour)
		for i := range n {
			s.check(os.Chtimes(filepath.Join(dir, fmt.Sprintf("f%03d", i)), stamp, stamp))
		}
		now := manifest.DigestOf([]byte(content))
		s.put(func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				s.check(err)
				kinds = append(kinds, kindsOf(body))
				for f := range framesOf(body) {
					if f.Type == wire.FrameDigests {
						digests += len(f.Payload) / manifest.DigestSize
					}
				}
				if strings.Contains(kinds[len(kinds)-1], "0d") && forge {
					body = bytes.Replace(body, now[:wire.ShortBytes], old[:wire.ShortBytes], 1)
				}
				r.Body = io.NopCloser(bytes.NewReader(body))
				h.ServeHTTP(w, r)
			})
		})
		b := s.builder(s.issue(token.Grant{Target: "t", Overwrite: true}), dir)
		b.opts.Parallel = 1
		b.mustPush()
		s.put(nil)
		s.wantTree("t", dir)
		return kinds, digests
	}
	push("content 077", false)
	kinds, digests := push("content 078", false)
	if !strings.Contains(strings.Join(kinds, " "), "0d") || digests > 2 {
		t.Errorf("%d whole digests in requests %q", digests, kinds)
	}
	old = manifest.DigestOf([]byte("content 078"))
	if kinds, digests := push("content 079", true); digests < n {
		t.Log(kinds)
		t.Errorf("a digest that begins as another: only %d went whole then", digests)
	}
}

// framesOf yields the frames of a body.
func framesOf(body []byte) func(func(wire.Frame) bool) {
	return func(yield func(wire.Frame) bool) {
		r := wire.NewReader(bytes.NewReader(body))
		for f, err := r.Next(); err == nil && yield(f); f, err = r.Next() {
			continue
		}
	}
}
