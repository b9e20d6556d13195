package export

import (
	"testing"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// A publication elsewhere costs a target nothing; one to it, below it or above it
// has it looked at again, and so does an alias that moves.
func TestOnlyWhatChangedIsRead(t *testing.T) {
	s := newFake(t)
	one, two := s.hold("p/1/f", "one", 0o644, 0), s.hold("p/2/f", "two", 0o644, 0)
	s.publish(one, two, link("p/latest", "1"), s.hold("q/f", "q", 0o644, 0))
	x, _ := newExporter(t, s, Config{Targets: []manifest.Path{"p/latest", "q"}})
	for _, c := range []struct {
		target manifest.Path // published to
		moved  string        // what the alias leads to
		walks  int
	}{
		{"p/1", "1", 2}, {"other", "1", 0}, {"p/2", "1", 0}, {"p/1", "1", 1}, {"p/1/below", "1", 1},
		{"p/2", "2", 1}, {"p/1", "2", 0}, {"q", "2", 1}, {"p", "2", 1}, {"", "2", 2},
	} {
		s.publish(one, two, link("p/latest", c.moved), s.hold("q/f", "q", 0o644, 0))
		s.log = append([]store.Publication{{Number: s.version, Target: c.target}}, s.log[1:]...)
		s.walks = 0
		syncOK(t, x)
		if s.walks != c.walks {
			t.Errorf("after a publication to %q: %d trees read, want %d", c.target, s.walks, c.walks)
		}
		s.walks = 0
		if syncOK(t, x); s.walks > 0 {
			t.Errorf("once more after %q: %d trees read", c.target, s.walks)
		}
	}
}
