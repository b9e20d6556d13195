package server_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pubsync/pubsync/server/token"
)

// requestKinds has the types of the frames of each request recorded.
func (s *site) requestKinds(kinds *[]string) {
	s.put(func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			s.check(err)
			*kinds = append(*kinds, kindsOf(body))
			r.Body = io.NopCloser(bytes.NewReader(body))
			h.ServeHTTP(w, r)
		})
	})
}

// TestOutline updates a tree whose list is too long to ride on the open: the sums of
// its groups do, and a small update takes two requests, so that with those of TCP and
// TLS there are 4 round trips. Whatever changes, the tree is as pushed.
func TestOutline(t *testing.T) {
	s := newSite(t)
	dir := t.TempDir()
	for i := range 900 {
		name := sha256.Sum256(fmt.Append(nil, i)) // does not compress
		s.write(dir, fmt.Sprintf("%x/%x.txt", i%7, name[:12]), fmt.Appendf(nil, "content %d", i))
	}
	s.check(os.Symlink("1", filepath.Join(dir, "link")))
	push := func() (kinds []string) {
		s.requestKinds(&kinds)
		b := s.builder(s.issue(token.Grant{Target: "t", Overwrite: true}), dir)
		b.opts.Mirror, b.opts.Parallel = true, 1
		b.mustPush()
		s.put(nil)
		s.wantTree("t", dir)
		return kinds
	}
	if kinds := push(); kinds[0] != "01 0a" {
		t.Errorf("first push: %q", kinds)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	s.check(err)
	for name, change := range map[string]func(){
		"one edited": func() {
			s.write(dir, "3/new", []byte("a new one"))
			s.check(os.WriteFile(files[400], []byte("edited"), 0o644))
		},
		"one removed": func() { s.check(os.Remove(files[3])) },
		"a mode":      func() { s.check(os.Chmod(files[800], 0o600)) },
		"a link": func() {
			s.check(os.Remove(filepath.Join(dir, "link")))
			s.check(os.Symlink("2", filepath.Join(dir, "link")))
		},
	} {
		change()
		kinds := push()
		if len(kinds) != 2 || kinds[0] != "01 0a" || !strings.HasSuffix(kinds[1], "08") {
			t.Errorf("%s: requests %q", name, kinds)
		}
	}
	if kinds := push(); len(kinds) != 1 {
		t.Errorf("nothing changed: %q", kinds)
	}
	// Where most has changed, the list goes whole.
	for _, name := range files[4:700] {
		s.check(os.Chmod(name, 0o640))
	}
	push()
}
