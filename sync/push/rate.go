package push

import (
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
)

// rate follows how fast requests get through, and what the link could carry.
type rate struct {
	mu      sync.Mutex
	bytes   float64       // per second that requests got through at; 0 while unknown
	through float64       // bytes of all requests
	quick   time.Duration // of the quickest small request; 0 while unknown

	link float64       // bytes per second that the link carries; 0 while unknown
	trip time.Duration // its round trip time; 0 while unknown

	busy, idle time.Duration // making bodies, and waiting for one to land, of late
}

// enough is the least size in bytes of a request whose time says something of
// how fast requests get through.
const enough = 32 << 10

// add takes note of how long a request took.
func (r *rate) add(bytes int, took time.Duration) {
	if took <= 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.through += float64(bytes)
	if bytes < enough {
		if r.quick == 0 || took < r.quick {
			r.quick = took
		}
		return
	}
	now := float64(bytes) / took.Seconds()
	if r.bytes == 0 {
		r.bytes = now
		return
	}
	r.bytes += (now - r.bytes) / 4
}

// learn takes note of what the Remote knows of the link by now.
func (r *rate) learn(trip time.Duration, bytes float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trip, r.link = trip, bytes
}

// waited takes note of how long a body took to make and how long the one before
// was then waited for.
func (r *rate) waited(busy, idle time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.busy += (busy - r.busy) / 4
	r.idle += (idle - r.idle) / 4
}

// An effort is how hard content is compressed.
type effort int

const (
	thorough effort = iota // the link is what takes the time
	light                  // compressing is
	none                   // the link carries more than is compressed in the time
)

const (
	// fastLink is the rate in bytes per second from which compression is what
	// takes the time, not the link.
	fastLink = 25 << 20
	// plainLink is the rate from which even light compression is: that of two
	// links of 1 Gbit/s.
	plainLink = 250 << 20
	// next is the round trip time below which a server is next door.
	next = time.Millisecond
)

// effort says how hard small files are to be compressed. Where nobody knows the
// link it goes by how fast requests get through: lightly if they are quick, if
// bodies land sooner than the next is made, or if nothing is measured yet.
func (r *rate) effort() effort {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.link > plainLink:
		return none
	case r.link > fastLink:
		return light
	case r.link > 0:
		return thorough
	case r.trip > 0 && r.trip < next:
		return light
	case r.bytes == 0, r.bytes > fastLink, r.idle < r.busy, r.quick > 0 && r.quick < near:
		return light
	}
	return thorough
}

// fast reports whether the link outruns thorough compression.
func (r *rate) fast() bool { return r.effort() != thorough }

// zstdLevel is the level for small files at an effort.
func (e effort) zstdLevel() zstd.EncoderLevel {
	if e == thorough {
		return zstd.SpeedDefault
	}
	return zstd.SpeedFastest
}

// roundTrip is the round trip time of the link; 0 while it is unknown.
func (r *rate) roundTrip() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.trip
}

// known reports whether anything is known of the link.
func (r *rate) known() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.trip > 0 || r.quick > 0
}

// near reports whether the server is known to be so near that a question costs next
// to nothing.
func (r *rate) near() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.trip > 0 {
		return r.trip < longTrip
	}
	return r.quick > 0 && r.quick < longTrip
}
