package server_test

import (
	"testing"

	"github.com/pubsync/pubsync/server/token"
)

// TestSameCommandAfterTheCommit runs a push again, with its session's secret, that
// has been published: as one whose client was killed before it saw the answer does
// (threats, row 2). It gets the receipt it would have seen, and nothing is
// published; also where contents are to be compared, so that "unchanged" is no way
// out, and after a restart of the server.
func TestSameCommandAfterTheCommit(t *testing.T) {
	s := newSite(t)
	b := s.builder(s.issue(token.Grant{Target: "t"}), s.fill(1))
	b.opts.Checksum = true
	first := b.mustPush()
	for range 2 {
		again := b.mustPush()
		if again.Status != "published" || again.Receipt.Publication != first.Receipt.Publication || again.Receipt.Added != first.Receipt.Added || again.Whole.Files > 0 {
			t.Errorf("again: %s, %+v", again.Status, again.Receipt)
		}
		s.restart()
	}
	if got := s.publications(); got != 1 {
		t.Errorf("%d publications", got)
	}
}
