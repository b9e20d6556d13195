package push

import (
	"testing"
	"time"

	"github.com/pubsync/pubsync/delta/codec"
	"github.com/pubsync/pubsync/sync/wire"
)

// Few deltas go by mixing contexts where the link is fast, more where it is slow, and
// those of archives always if all are to be seen through.
func TestMixing(t *testing.T) {
	for _, c := range []struct {
		name  string
		link  float64 // bytes per second
		view  wire.View
		how   Through
		bound int64
	}{
		{"fast link", 2e9, wire.Raw, Always, mixedOnFast},
		{"slow link", 2e6, wire.Raw, Always, mixedOnSlow},
		{"archives, as it pays, fast link", 2e9, wire.Plain, Auto, mixedOnFast},
		{"archives, always, fast link", 2e9, wire.Plain, Always, 1 << 30},
	} {
		p := &pusher{opts: Options{Through: c.how, Now: time.Now}}
		p.purse.open(100*mb, time.Now()) // too much for an allowance
		p.rate.learn(time.Millisecond, c.link)
		const each = 4 << 10
		for spent := int64(each); spent < 2*mixedOnSlow; spent += each {
			want := codec.Best
			if spent <= c.bound {
				want = codec.Dense
			}
			if got := p.deltaLevel(c.view, each, 1<<30); got != want {
				t.Fatalf("%s: level %d with %d bytes of literals, want %d", c.name, got, spent, want)
			}
		}
		if c.view != wire.Raw && c.how == Auto {
			if got := p.deltaLevel(c.view, lightLiterals, 1<<30); got != codec.Default {
				t.Errorf("%s: level %d for many literals of an archive, want %d", c.name, got, codec.Default)
			}
			continue
		}
		if got := p.deltaLevel(c.view, denseLiterals, 1<<30); got != codec.Best {
			t.Errorf("%s: level %d for many literals, want %d", c.name, got, codec.Best)
		}
		const many = 5 << 20
		if got := p.deltaLevel(c.view, many, 8*many); got == codec.Best {
			t.Errorf("%s: level %d for very many literals, a small part of the file", c.name, got)
		}
		if got := p.deltaLevel(c.view, many, 8*many-1); got != codec.Thorough {
			t.Errorf("%s: level %d for very many literals, a large part of the file, want %d", c.name, got, codec.Thorough)
		}
	}
}

// Where a round trip takes long more windows are under way, as many as the server
// allows.
func TestParallelWindows(t *testing.T) {
	for _, c := range []struct {
		trip        time.Duration
		option, max int
		want        int
	}{
		{0, 0, 8, fewWindows},
		{time.Millisecond, 0, 8, fewWindows},
		{time.Millisecond, 0, 2, 2},
		{100 * time.Millisecond, 0, 16, manyWindows},
		{100 * time.Millisecond, 0, 3, 3},
		{100 * time.Millisecond, 0, 0, 1},
		{100 * time.Millisecond, 5, 8, 5},
	} {
		p := &pusher{opts: Options{Parallel: c.option}}
		p.limits.Parallel = c.max
		p.rate.learn(c.trip, 0)
		if got := p.parallel(); got != c.want {
			t.Errorf("round trip %v, option %d, limit %d: %d windows, want %d", c.trip, c.option, c.max, got, c.want)
		}
	}
}
