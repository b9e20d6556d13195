package progress

import (
	"time"

	"github.com/pubsync/pubsync/sync/wire"
)

const (
	sampleEvery = time.Second
	maxSamples  = 8
	longestLeft = 100 * time.Hour // beyond it, a time left says nothing
)

// A meter measures the rate over the last few seconds.
type meter struct {
	samples []sample // oldest first, about sampleEvery apart
	now     sample
}

type sample struct {
	at    time.Time
	bytes int64
}

func (m *meter) add(now time.Time, bytes int64) {
	m.now = sample{now, bytes}
	if n := len(m.samples); n > 0 && now.Sub(m.samples[n-1].at) < sampleEvery {
		return
	}
	if len(m.samples) == maxSamples {
		m.samples = m.samples[:copy(m.samples, m.samples[1:])]
	}
	m.samples = append(m.samples, m.now)
}

// rate returns bytes per second, 0 if there is too little to tell.
func (m *meter) rate() float64 {
	if len(m.samples) == 0 {
		return 0
	}
	t := m.now.at.Sub(m.samples[0].at)
	if t < sampleEvery {
		return 0
	}
	return float64(m.now.bytes-m.samples[0].bytes) / t.Seconds()
}

// fields returns "8.1 MB/s" and "0:52 left", as far as they are known.
func (m *meter) fields(c *counts) []string {
	r := m.rate()
	if r < 1 {
		return nil
	}
	f := []string{wire.Bytes(int64(r)) + "/s"}
	left := float64(c.allBytes-c.bytes) / r
	if c.allBytes > 0 && left >= 0 && left < longestLeft.Seconds() {
		f = append(f, clock(time.Duration(left*float64(time.Second)))+" left")
	}
	return f
}
