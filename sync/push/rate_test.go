package push

import (
	"testing"
	"time"
)

// The effort of compression follows the link where it is known, and only else
// how fast requests get through, which a busy server spoils.
func TestEffort(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		name string
		rate func(*rate)
		want effort
	}{
		{"nothing is known", func(*rate) {}, light},
		{"a server next door of unknown rate", func(r *rate) { r.learn(ms/20, 0) }, light},
		{"loopback", func(r *rate) { r.learn(ms/20, 2e9) }, none},
		{"loopback, a busy server", func(r *rate) { r.learn(ms/20, 2e9); r.add(1<<20, time.Second); r.waited(ms, time.Second) }, none},
		{"measured high once", func(r *rate) { r.learn(ms/20, 2e9); r.learn(ms/20, 11.7e6) }, thorough},
		{"1 Gbit/s", func(r *rate) { r.learn(ms/2, 117e6) }, light},
		{"100 Mbit/s next door", func(r *rate) { r.learn(ms/5, 11.7e6) }, thorough},
		{"20 Mbit/s, 100 ms", func(r *rate) { r.learn(100*ms, 2.3e6) }, thorough},
		{"unknown, slow", func(r *rate) { r.add(1<<20, time.Second); r.add(1000, 50*ms); r.waited(ms, time.Second) }, thorough},
		{"unknown, fast", func(r *rate) { r.add(4<<20, 50*ms); r.waited(ms, time.Second) }, light},
		{"unknown, bodies land before the next is made", func(r *rate) { r.add(1<<20, time.Second); r.add(1000, 50*ms); r.waited(time.Second, ms) }, light},
	} {
		r := &rate{}
		c.rate(r)
		if got := r.effort(); got != c.want {
			t.Errorf("%s: effort %d, want %d", c.name, got, c.want)
		}
	}
}
