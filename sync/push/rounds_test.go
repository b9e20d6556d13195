package push

import (
	"strings"
	"testing"
	"time"

	"github.com/pubsync/pubsync/delta"
)

// A round trip that takes longer than what it can save is not made.
func TestRoundsPay(t *testing.T) {
	for _, c := range []struct {
		name    string
		trip    time.Duration
		link    float64
		missing int64
		archive bool
		want    bool
	}{
		{"next door", time.Millisecond, 1e9, 1000, false, true},
		{"20 Mbit/s 100 ms, little", 100 * time.Millisecond, 2.5e6, 500_000, false, false},
		{"20 Mbit/s 100 ms, much", 100 * time.Millisecond, 2.5e6, 1_100_000, false, true},
		{"an archive", 100 * time.Millisecond, 2.5e6, 1000, true, true},
	} {
		s := &sender{p: &pusher{}}
		s.p.rate.learn(c.trip, c.link)
		m := &match{streams: []*stream{{src: delta.Source{ReaderAt: strings.NewReader(""), Size: c.missing}}}}
		if c.archive {
			m.view = &expanded{}
		}
		if got := s.pays([]*match{m}); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
