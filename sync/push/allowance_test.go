package push

import (
	"testing"
	"time"

	"github.com/pubsync/pubsync/delta/codec"
	"github.com/pubsync/pubsync/sync/walk"
	"github.com/pubsync/pubsync/sync/wire"
)

// Next door a push of few archives takes them apart for as long as the allowance lasts,
// and thoroughly; one of many does not begin, nor does one over a slow link wait.
func TestAllowance(t *testing.T) {
	began := time.Unix(1e9, 0)
	for _, c := range []struct {
		name  string
		trip  time.Duration
		how   Through
		sizes []int64 // of archives, MB
		after time.Duration
		apart bool
	}{
		{"a few", 100 * time.Microsecond, Auto, []int64{1, 25}, 0, true},
		{"a few, later", 100 * time.Microsecond, Auto, []int64{1, 25}, time.Second, true},
		{"a few, too late", 100 * time.Microsecond, Auto, []int64{1, 25}, allowance, false},
		{"many", 100 * time.Microsecond, Auto, []int64{10, 10, 10, 10, 10}, 0, false},
		{"far", 100 * time.Millisecond, Auto, []int64{1, 25}, 0, false},
		{"never", 100 * time.Microsecond, Never, []int64{1, 25}, 0, false},
	} {
		now := began
		p := &pusher{tree: &walk.Tree{}, opts: Options{Through: c.how, Now: func() time.Time { return now }}}
		p.rate.learn(c.trip, 1000*mb)
		l := lanesFor(p, c.sizes...)
		for _, size := range c.sizes {
			p.purse.open(size*mb, now)
		}
		now = now.Add(c.after)
		if c.how == Auto {
			g, _ := l.next(true)
			if g.bytes == c.apart {
				t.Errorf("%s: by bytes %v", c.name, g.bytes)
			}
		}
		if p.thorough() != c.apart {
			t.Errorf("%s: thorough %v", c.name, !c.apart)
		}
		if level := p.deltaLevel(wire.Plain, denseLiterals/2, 1<<30); (level == codec.Dense) != c.apart {
			t.Errorf("%s: level %d", c.name, level)
		}
	}
}

// What is matched to the end is waited for only if little of it is left to send.
func TestSlackForWhatIsLeft(t *testing.T) {
	p := &pusher{tree: &walk.Tree{}, opts: Options{Now: time.Now}}
	p.rate.learn(100*time.Microsecond, 1000*mb)
	left := func(n int64) func() int64 { return func() int64 { return n } }
	for _, c := range []struct {
		again bool
		left  int64
		want  time.Duration
	}{
		{false, 3 * mb, allowance},
		{false, 4 * mb, 0},
		{true, 9 * mb, allowance},
	} {
		if got := p.slackFor(9*mb, c.again, left(c.left)); got != c.want {
			t.Errorf("%d of 9 MB left, again %v: %v, want %v", c.left/mb, c.again, got, c.want)
		}
	}
}
