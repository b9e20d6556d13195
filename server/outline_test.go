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
	"time"

	"github.com/pubsync/pubsync/server/token"
)

// requestKinds has the types of the frames of each request recorded.
func (s *site) requestKinds(kinds *[]string) {
	s.put(func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			s.check(err)
			var types []string
			for f := range framesOf(body) {
				types = append(types, fmt.Sprintf("%02x", byte(f.Type)))
			}
			*kinds = append(*kinds, strings.Join(types, " "))
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
	for i := range 1300 {
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
	files, err := filepath.Glob(filepath.Join(dir, "?", "*"))
	s.check(err)
	stamp := time.Unix(1_700_000_000, 123)
	touch := func(names ...string) {
		for _, name := range names {
			stamp = stamp.Add(time.Second + 1)
			s.check(os.Chtimes(name, stamp, stamp))
		}
	}
	dirs, err := filepath.Glob(filepath.Join(dir, "?"))
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
		"times of directories": func() { touch(dirs...) },
		"one edited, all directories new": func() {
			s.check(os.WriteFile(files[401], []byte("edited too"), 0o644))
			touch(dirs...)
		},
		"times of some files": func() { touch(files[10:20]...) },
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
	// Where all times and some sizes have changed, these go instead of the list.
	touch(files[4:]...)
	touch(dirs...)
	s.check(os.WriteFile(files[402], []byte("content 4o2"), 0o644)) // as long as before
	s.check(os.WriteFile(files[403], []byte("longer than before"), 0o644))
	if kinds := push(); len(kinds) < 2 || kinds[1] != "0e" {
		t.Errorf("all times: %q", kinds)
	}
	// Where most has changed, the list goes whole.
	for _, name := range files[4:1000] {
		s.check(os.Chmod(name, 0o640))
	}
	push()
}
