package push

import (
	"sync"
	"time"
)

const (
	// guessedPace is how many bytes of archive a second are taken apart here and
	// rebuilt there, until it is measured.
	guessedPace = 8 << 20
	// near is the time of a small request below which the server is next door
	// and its link is taken to be fast until that is measured.
	near = 3 * time.Millisecond
	// farLink is the rate in bytes a second that a link is taken to have, until it
	// is measured, to a server that is not next door.
	farLink = 5 << 20
	// nearLink is the same for one that is.
	nearLink = 200 << 20
	// allowance is how much time a push may spend on archives beyond what
	// sending them would take. It keeps the wire quiet where nobody would
	// notice the time.
	allowance = 3 * time.Second
)

// pace follows how fast archives are taken apart.
type pace struct {
	mu    sync.Mutex
	bytes float64 // of archive per second; 0 while unknown
	spent time.Duration
}

func (c *pace) add(bytes int64, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if took <= 0 || bytes < enough {
		return
	}
	// The server rebuilds about as fast as this side takes apart.
	now := float64(bytes) / (2 * took.Seconds())
	if c.bytes == 0 {
		c.bytes = now
	}
	c.bytes += (now - c.bytes) / 4
}

// pays reports whether an archive of the size is to go by what is inside it:
// where the time of taking it apart and rebuilding it is less than that of
// sending it whole, or fits what the push may spend.
func (p *pusher) pays(size int64) bool {
	link := p.rate.measured()
	if link == 0 {
		link = farLink
		if q := p.rate.quickest(); q > 0 && q < near {
			link = nearLink
		}
	}
	c := &p.pace
	c.mu.Lock()
	defer c.mu.Unlock()
	speed := c.bytes
	if speed == 0 {
		speed = guessedPace
	}
	extra := time.Duration((float64(size)/speed - float64(size)/link) * float64(time.Second))
	if extra <= 0 {
		return true
	}
	if c.spent+extra > allowance {
		return false
	}
	c.spent += extra
	return true
}
