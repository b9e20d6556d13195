package remote

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"github.com/pubsync/pubsync/sync/wire"
)

// The system tells how long a connection took to be made and, on Linux, what it has
// carried and how fast; behind a proxy it would tell of the wrong one.
func TestLink(t *testing.T) {
	s := newServer(t, func(w http.ResponseWriter, _ *http.Request) {})
	c := s.client(Config{})
	if trip, rate := c.Link(); trip != 0 || rate != 0 {
		t.Errorf("a link before there is a connection: %v, %v", trip, rate)
	}
	const size = 1 << 20
	if err := c.Exchange(t.Context(), "s", make([]byte, size), func(wire.Frame) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if trip, _ := c.Link(); trip <= 0 {
		t.Errorf("round trip %v", trip)
	}
	if r, ok := readLink(c.newest.Load().Conn); ok != (runtime.GOOS == "linux") || ok && (r.trip <= 0 || r.rate <= 0 || r.acked < size) {
		t.Errorf("read: %+v, %v", r, ok)
	}
	proxied := s.client(Config{Proxy: func(*http.Request) (*url.URL, error) { return &url.URL{Scheme: "http", Host: "proxy"}, nil }})
	proxied.newest.Store(c.newest.Load())
	if trip, rate := proxied.Link(); trip != 0 || rate != 0 {
		t.Errorf("a link behind a proxy: %v, %v", trip, rate)
	}
}

// The rate is the middle of the latest samples, each taken when enough was delivered.
func TestMeter(t *testing.T) {
	const trip, steady = 100 * time.Millisecond, 2.5e6
	enough := int64(steadyTrips * steady * trip.Seconds())
	// after has a meter read a connection each time that it has delivered enough.
	after := func(m *meter, rates ...float64) float64 {
		r := reading{}
		for _, rate := range rates {
			r = reading{trip: trip, rate: rate, acked: r.acked + enough*max(1, int64(rate/steady)), busy: r.busy + time.Second}
			m.take("connection", r)
		}
		return m.link().rate
	}
	if got := after(&meter{}, steady, 100*steady, steady, steady); got != steady {
		t.Errorf("a burst makes the rate %v", got)
	}
	if got := after(&meter{}, steady, steady, steady/4, steady); got != steady {
		t.Errorf("a pause makes the rate %v", got)
	}
	slower := append(slices.Repeat([]float64{steady}, 20), slices.Repeat([]float64{steady / 2}, maxSamples/2+1)...)
	if got := after(&meter{}, slower...); got != steady/2 {
		t.Errorf("the rate of a link that has become slower: %v", got)
	}
	remembers := &meter{}
	remembers.remember(link{trip, 10 * steady})
	if got := remembers.link(); got != (link{trip, 10 * steady}) || remembers.measured() {
		t.Errorf("remembered: %v, as measured %v", got, remembers.measured())
	}
	if got := after(remembers, steady, steady); got != steady {
		t.Errorf("a wrong memory makes the rate %v", got)
	}
}

// What is remembered of a way to the server that had another round trip time does not
// count; how busy a machine is makes no other way of it.
func TestMeterForgetsOtherWays(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		was, now time.Duration
		forgets  bool
	}{{ms / 20, 100 * ms, true}, {100 * ms, ms / 20, true}, {ms / 20, 4 * ms, false}, {100 * ms, 180 * ms, false}, {180 * ms, 100 * ms, false}} {
		m := &meter{}
		m.remember(link{c.was, 1e6})
		m.connected(c.now)
		if got := m.link(); got.trip != c.now || (got.rate == 0) != c.forgets {
			t.Errorf("remembers %v, now %v: %v", c.was, c.now, got)
		}
		m.remember(link{c.was, 1e6})
		m.take(1, reading{trip: c.was, rate: 3e6, acked: 1 << 30, busy: time.Hour})
		m.take(2, reading{trip: c.now, acked: 1})
		if got := m.link().rate; got != 3e6 && c.forgets || !m.measured() {
			t.Errorf("remembers %v, now %v: the rate is %v after a sample", c.was, c.now, got)
		}
	}
}

// While TCP looks for the rate, or the server does not take what comes, what is read is
// a lower bound and no sample.
func TestMeterFloor(t *testing.T) {
	const trip = 100 * time.Millisecond
	m := &meter{}
	acked, rate := int64(0), float64(firstSegments)
	for range 12 { // what is delivered doubles with each round trip
		acked += int64(rate * trip.Seconds())
		m.take(1, reading{trip: trip, rate: rate, acked: acked, busy: time.Second})
		if m.measured() {
			t.Fatalf("a rate of %v counts after %d bytes", rate, acked)
		}
		rate *= 2
	}
	if got := m.link().rate; got != rate/2 {
		t.Errorf("at least %v, want %v", got, rate/2)
	}
	m.take(1, reading{trip: trip, rate: 1e9, acked: acked + 100e6, busy: 11 * time.Second, held: 9 * time.Second})
	if got := m.link().rate; m.measured() || got != rate/2 {
		t.Errorf("the rate of a busy server counts: %v", got)
	}
	m.take(2, reading{trip: trip, rate: 1e6, acked: 10e6, busy: 11 * time.Second})
	if got := m.link().rate; got != 1e6 {
		t.Errorf("on another connection: %v", got)
	}
}

// A rate below that of all that was delivered since the last sample is that of the end of
// a body, whose last bytes were acknowledged late.
func TestMeterPassesOverTheEndOfABody(t *testing.T) {
	m := &meter{}
	m.take(1, reading{trip: 40 * time.Millisecond, rate: 1e6, acked: 10e6, busy: 2 * time.Second})
	if got := m.link().rate; m.measured() || got != 5e6 {
		t.Errorf("the rate is %v, as measured %v", got, m.measured())
	}
}

// firstSegments is what TCP sends in a second if it sends its first window each 100 ms.
const firstSegments = 10 * 1460 * 10

// A later client begins with what one before has measured, unless a limiter was what was
// measured, or it is another server.
func TestRemembersLinks(t *testing.T) {
	s := newServer(t, nil)
	dir := filepath.Join(t.TempDir(), "links")
	// measure has a client measure a link of so many bytes a second.
	measure := func(c *Client, rate float64) {
		c.meter.take(1, reading{trip: time.Millisecond, rate: rate, acked: 1 << 30, busy: time.Hour})
		c.Close()
	}
	limited := s.client(Config{Links: dir, Limiter: rate.NewLimiter(1e6, 1)})
	measure(limited, 2e6)
	if _, r := limited.Link(); r != 1e6 {
		t.Errorf("a rate of %v beside a limiter", r)
	}
	if trip, r := s.client(Config{Links: dir}).Link(); trip != 0 || r != 0 {
		t.Errorf("remembers a limiter's link: %v, %v", trip, r)
	}
	measure(s.client(Config{Links: dir}), 3e6)
	s.client(Config{Links: dir}).Close() // has nothing better
	if trip, r := s.client(Config{Links: dir}).Link(); trip != time.Millisecond || r != 3e6 {
		t.Errorf("remembers %v and %v", trip, r)
	}
	if _, r := s.client(Config{Links: dir, Pin: &[32]byte{1}}).Link(); r != 0 {
		t.Errorf("of another server it remembers %v", r)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(names) != 1 {
		t.Fatalf("kept: %q, %v", names, err)
	}
	if fi, err := os.Stat(names[0]); err != nil || runtime.GOOS != "windows" && fi.Mode() != 0o600 {
		t.Errorf("kept with mode %v, %v", fi.Mode(), err)
	}
}

// What is old, or nonsense, is not remembered.
func TestRecall(t *testing.T) {
	now := time.Unix(2e9, 0)
	good := keptLink{Measured: now.Unix() - 60, Trip: 1e6, Rate: 1e6}
	if got := good.recall(now); got != (link{time.Millisecond, 1e6}) {
		t.Errorf("recalls %v", got)
	}
	for name, change := range map[string]func(*keptLink){
		"old":        func(k *keptLink) { k.Measured = now.Add(-maxLinkAge).Unix() - 1 },
		"from ahead": func(k *keptLink) { k.Measured = now.Unix() + 1 },
		"no trip":    func(k *keptLink) { k.Trip = 0 },
		"no rate":    func(k *keptLink) { k.Rate = 0 },
		"below zero": func(k *keptLink) { k.Rate = -1 },
		"absurd":     func(k *keptLink) { k.Rate = maxRate },
	} {
		k := good
		if change(&k); k.recall(now) != (link{}) {
			t.Errorf("%s: recalls %v", name, k.recall(now))
		}
	}
}
