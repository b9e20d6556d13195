package remote

import (
	"context"
	"net/http/httptrace"
	"slices"
	"sync"
	"time"
)

// A reading is what the system says of a TCP connection.
type reading struct {
	trip  time.Duration // least round trip time
	rate  float64       // bytes per second at which the last bytes were delivered, while it was not the sender that paused
	acked int64         // bytes delivered
	busy  time.Duration // time in which there were bytes to deliver
	held  time.Duration // of it, time in which the other side took no more
}

// A link is what is known of the network to a server. What is zero is unknown.
type link struct {
	trip time.Duration // of a small message and back
	rate float64       // bytes per second that it carries of what is sent
}

// Bounds of what a rate is measured on.
const (
	// floorBytes is how many bytes a connection must have delivered for its rate to be a
	// lower bound of the link's: before, the window that TCP begins with is what bounds it.
	floorBytes = 128 << 10
	// steadyTrips is how many round trips' worth of bytes must have been delivered since
	// the last sample for the rate to be the link's. While TCP looks for the rate, what it
	// delivers doubles with each round trip, so that all of it is less than twice what the
	// last one did: at four it has found it.
	steadyTrips = 4
	// maxSamples is how many samples count, the latest ones. A burst into the buffers of
	// the way is one of them.
	maxSamples = 9
	// otherWay is how many times longer a round trip is over what is another way, beside
	// busyTrip, by which busy machines make one longer.
	otherWay = 4
	busyTrip = 5 * time.Millisecond
)

// A meter makes of readings what the link is: the rate is the middle of the latest
// samples, of which what was remembered from another time is one. It is safe for
// concurrent use.
type meter struct {
	mu      sync.Mutex
	of      any           // what was read last
	last    reading       // at the last sample
	trip    time.Duration // least of the newest connection
	was     time.Duration // that at the other time that is remembered; 0: nothing is
	samples []float64     // oldest first
	fresh   int           // of them, how many were taken here
	floor   float64       // until there are any
}

// remember begins with what was known of the link at another time.
func (m *meter) remember(l link) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.trip, m.was = l.trip, l.trip
	if l.rate > 0 {
		m.samples = []float64{l.rate}
	}
}

// setTrip takes note of a round trip time, and forgets what was remembered if that was
// of another way to the server. m is locked.
func (m *meter) setTrip(now time.Duration) {
	m.trip = now
	if m.was > 0 && max(m.was, now) > otherWay*min(m.was, now)+busyTrip {
		m.samples, m.was = m.samples[len(m.samples)-m.fresh:], 0
	}
}

// connected takes note of how long a connection took to be made, which is a round trip.
func (m *meter) connected(took time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.setTrip(max(took, 1))
}

// take takes a reading of a connection.
func (m *meter) take(of any, r reading) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.of != of {
		m.of, m.last = of, reading{}
	}
	m.setTrip(r.trip)
	since := reading{acked: r.acked - m.last.acked, busy: r.busy - m.last.busy, held: r.held - m.last.held}
	if since.acked < floorBytes || r.rate <= 0 {
		return
	}
	if since.held > since.busy/2 { // it is the server that was measured
		m.last = r
		return
	}
	if mean := float64(since.acked) / (since.busy - since.held).Seconds(); since.busy > since.held && r.rate < mean {
		m.floor, m.last = max(m.floor, mean), r // of the end of a body, which waited for its acknowledgement
		return
	}
	if float64(since.acked) < steadyTrips*r.rate*r.trip.Seconds() {
		m.floor = max(m.floor, r.rate)
		return
	}
	m.last = r
	m.samples = append(m.samples, r.rate)
	m.samples = m.samples[max(0, len(m.samples)-maxSamples):]
	m.fresh = min(m.fresh+1, len(m.samples))
}

// link is what is known by now.
func (m *meter) link() link {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := link{m.trip, m.floor}
	if n := len(m.samples); n > 0 {
		sorted := slices.Sorted(slices.Values(m.samples))
		l.rate = (sorted[(n-1)/2] + sorted[n/2]) / 2
	}
	return l
}

// measured reports whether the rate was measured here.
func (m *meter) measured() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.fresh > 0
}

// A keptLink is a link as it is kept for later clients.
type keptLink struct {
	Measured int64   `json:"measured"` // Unix seconds
	Trip     int64   `json:"trip"`     // nanoseconds
	Rate     float64 `json:"rate"`     // bytes per second
}

// maxLinkAge is how long a link is remembered.
const maxLinkAge = 30 * 24 * time.Hour

// recall is what a client before has left, zero if nothing that would do.
func (k keptLink) recall(now time.Time) link {
	age := now.Sub(time.Unix(k.Measured, 0))
	if age < 0 || age > maxLinkAge || k.Trip <= 0 || !(k.Rate > 0 && k.Rate < maxRate) {
		return link{}
	}
	return link{time.Duration(k.Trip), k.Rate}
}

// maxRate is more than any link carries, in bytes per second.
const maxRate = 1e12

// Link returns what is known of the network to the server by now: the round trip time,
// and the rate in bytes per second at which it carries what is sent, however busy the
// server is. At first that is what a client before has measured, if it was kept. Zero is
// unknown: so is all behind a proxy, whose connection to the server nobody can see from
// here, and the rate where the system does not tell. The rate is no higher than that of
// the limiter.
func (c *Client) Link() (rtt time.Duration, bytesPerSecond float64) {
	if c.proxied() {
		return 0, 0
	}
	c.read()
	l := c.meter.link()
	if limit := c.cfg.Limiter; limit != nil && l.rate > 0 {
		l.rate = min(l.rate, float64(limit.Limit()))
	}
	return l.trip, l.rate
}

// read takes a reading of the newest connection.
func (c *Client) read() {
	if conn := c.newest.Load(); conn != nil {
		if r, ok := readLink(conn.Conn); ok {
			c.meter.take(conn, r)
		}
	}
}

// keepLink leaves to later clients what was measured here, unless that was the limiter.
func (c *Client) keepLink() {
	if c.cfg.Links == "" || c.cfg.Limiter != nil || c.proxied() || !c.meter.measured() {
		return
	}
	l := c.meter.link()
	c.keptLink.keep(keptLink{Measured: c.cfg.Now().Unix(), Trip: int64(l.trip), Rate: l.rate})
}

// timeConnects has the meter told how long a connection takes that is made with the
// context, without the lookup of names before.
func (c *Client) timeConnects(ctx context.Context) context.Context {
	var mu sync.Mutex
	began := map[string]time.Time{}
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		ConnectStart: func(_, addr string) {
			mu.Lock()
			defer mu.Unlock()
			began[addr] = c.cfg.Now()
		},
		ConnectDone: func(_, addr string, err error) {
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				c.meter.connected(c.cfg.Now().Sub(began[addr]))
			}
		},
	})
}
