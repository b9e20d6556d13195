package server_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pubsync/pubsync/server/token"
)

// TestCommitRidesOnTheLastWindow pushes files of two windows: the commit goes with the
// last content, whichever window that is of, and not before.
func TestCommitRidesOnTheLastWindow(t *testing.T) {
	s := newSite(t)
	dir := t.TempDir()
	for i, name := range []string{"a", "b"} {
		s.write(dir, name, []byte{byte(i)})
		s.check(os.Truncate(filepath.Join(dir, name), 40<<20))
	}
	for i := range 20 { // else all would go with the open
		s.write(dir, strings.Repeat("c", i+1), []byte{2, byte(i)})
	}
	var kinds []string
	s.requestKinds(&kinds)
	b := s.builder(s.issue(token.Grant{Target: "t"}), dir)
	b.opts.Parallel = 1
	b.mustPush()
	s.put(nil)
	s.wantTree("t", dir)
	commits := 0
	for _, k := range kinds {
		commits += strings.Count(k, "08")
	}
	if last := kinds[len(kinds)-1]; commits != 1 || !strings.HasSuffix(last, " 08") {
		t.Errorf("%d commits, the last request is %q of %q", commits, last, kinds)
	}
}
