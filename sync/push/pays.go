package push

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pubsync/pubsync/sync/walk"
)

const (
	// allowance is how much time a push may spend on archives beyond what
	// sending them would take. Next to the server that is what a release of some
	// 40 MB takes: a push that is a few seconds slower for a thousandth of the
	// bytes is what most people want of a network that others share. It pays for
	// finding out how long archives take, too.
	allowance = 5 * time.Second
	// near is the time of a small request below which the server is next door.
	near = 3 * time.Millisecond
	// nearLink and farLink are the rates in bytes a second that a link is taken
	// to have, to a server next door and to others, until it is measured: 1 Gbit/s
	// and 20 Mbit/s.
	nearLink = 125e6
	farLink  = 2.5e6
)

// pace follows how fast archives are taken apart here and rebuilt there, as it
// is measured in this push.
type pace struct {
	mu          sync.Mutex
	take, serve speed
	spent       time.Duration // beyond what sending would have taken
}

// A speed is measured on all work so far, the latest counting most.
type speed struct{ bytes, seconds float64 }

func (s *speed) add(bytes int64, took time.Duration) {
	if took <= 0 || bytes < enough {
		return
	}
	s.bytes, s.seconds = s.bytes*3/4+float64(bytes), s.seconds*3/4+took.Seconds()
}

func (s *speed) time(bytes int64) time.Duration { return seconds(float64(bytes) * s.seconds / s.bytes) }

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// cost is the time that an archive takes on both sides, or false as long as none
// was taken apart. Until the server's side is measured it is taken to be as slow
// as this one.
func (c *pace) cost(size int64) (here, there time.Duration, known bool) {
	if c.take.bytes == 0 {
		return 0, 0, false
	}
	here = c.take.time(size)
	if c.serve.bytes == 0 {
		return here, here, true
	}
	return here, c.serve.time(size), true
}

// pays says whether an archive of the size is to go by what is inside it, and how
// long taking it apart may last: where both sides' work on it takes less time
// than whole does, that of sending it, or fits what the push may spend.
func (c *pace) pays(size int64, whole time.Duration) (limit time.Duration, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	left := allowance - c.spent
	here, there, known := c.cost(size)
	if here+there-whole > left || !known && left <= 0 {
		return 0, false
	}
	return whole + max(left, 0)/2, true // the other half is the server's
}

// took takes note of an archive, or the first so many bytes of it, taken apart.
// whole is the time of sending it, 0 if it is to be sent after all.
func (c *pace) took(bytes int64, took, whole time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.take.add(bytes, took)
	there := time.Duration(0)
	if whole > 0 {
		_, there, _ = c.cost(bytes)
	}
	c.spent += max(took+there-whole, 0)
}

// served takes note of how long the server took over archives.
func (c *pace) served(bytes int64, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.serve.add(bytes, took)
}

// wholeTime is how long the link takes for a file.
func (r *rate) wholeTime(size int64) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return max(seconds(float64(size)/r.carries()), 1)
}

// carries is the rate of the link in bytes per second as far as anybody knows.
func (r *rate) carries() float64 {
	switch {
	case r.link > 0:
		return r.link
	case r.trip > 0 && r.trip < next:
		return nearLink
	case r.trip == 0 && r.bytes > 0:
		return r.bytes
	case r.trip == 0 && r.quick > 0 && r.quick < near:
		return nearLink
	}
	return farLink
}

// errSlow is the error for an archive that takes longer than it is worth.
var errSlow = errors.New("taking the archive apart takes too long")

// A trial is an archive being taken apart for as long as it may last: its file,
// counting what is read of it, and its spool, which ends it.
type trial struct {
	*os.File // the spool
	src      *walk.File
	read     atomic.Int64
	now      func() time.Time
	until    time.Time // zero: no matter how long
}

// source is the file of a trial.
type source struct{ *trial }

func (s source) ReadAt(b []byte, off int64) (int, error) {
	n, err := s.src.ReadAt(b, off)
	s.read.Add(int64(n))
	return n, err
}

// WriteAt writes to the spool.
func (t *trial) WriteAt(b []byte, off int64) (int, error) {
	if !t.until.IsZero() && t.now().After(t.until) {
		return 0, errSlow
	}
	return t.File.WriteAt(b, off)
}
