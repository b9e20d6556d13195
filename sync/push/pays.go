package push

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pubsync/pubsync/delta"
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

const (
	// matching is how long matching and coding an archive takes beside taking it
	// apart, and searching how much longer than that the server searches for the
	// tokens of what changed; where nothing changed it copies the old ones about as
	// fast as a stream is taken apart. As measured on 22 releases.
	matching  = 1
	searching = 11
	// guessed is how fast archives are taken to come apart until it is measured, in
	// bytes of them a second: as npm's do on one core of a server of 2024.
	guessed = 30e6
	// reach is how many bytes of plain content behind a change are rebuilt by
	// searching: the window of deflate (RFC 1951).
	reach = 32 << 10
)

// pace follows how fast archives are taken apart here and rebuilt there, as it
// is measured in this push.
type pace struct {
	mu    sync.Mutex
	take  speed
	serve lag
	work  lag           // expected to take archives apart, and to rebuild them once they were matched
	spent time.Duration // beyond what sending would have taken
	began time.Time     // when the first archive was thought about
	sent  time.Duration // that sending whole would have taken what was dealt with since
	ahead int64         // bytes of files that may be archives and are to be dealt with
}

// left is what the push may still spend. What it is behind by the clock, of a push
// that sends everything whole, counts if that is more than was foreseen: both sides
// may share their cores with other work, or with each other.
func (c *pace) left(now time.Time) time.Duration {
	if c.began.IsZero() {
		c.began = now
	}
	return allowance - max(c.spent, now.Sub(c.began)-c.sent)
}

// share is what of left an archive of the size may have: as much as it is of what
// lies ahead. Otherwise the first would have it all, and of a push of many it is
// better spent on none.
func (c *pace) share(now time.Time, size int64) time.Duration {
	return seconds(c.left(now).Seconds() * float64(size) / float64(max(c.ahead, size, 1)))
}

// expect says how many bytes of files that may be archives lie ahead.
func (c *pace) expect(bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead = bytes
}

// passed takes note of a file that may have been an archive and lies ahead no more.
func (c *pace) passed(size int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead -= size
}

// dealt takes note of content that has come to the server, one way or another, and
// that the link would have carried whole in so much time.
func (c *pace) dealt(whole time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.began.IsZero() {
		c.sent += whole
	}
}

// A lag is how long the server took over archives, and was expected to, in
// seconds, the latest counting most.
type lag struct{ expected, took float64 }

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

// there is how long the server takes over what is expected of a machine like
// this one.
func (c *pace) there(expected time.Duration) time.Duration {
	if c.serve.expected == 0 {
		return expected
	}
	return seconds(expected.Seconds() * c.serve.took / c.serve.expected)
}

// asBefore is how long the server is expected to take over an archive that is taken
// apart in so much time, if as much of it has changed as of those before. Of the first
// it is hoped that little has.
func (c *pace) asBefore(take time.Duration) time.Duration {
	if c.work.expected == 0 {
		return take
	}
	return seconds(take.Seconds() * c.work.took / c.work.expected)
}

// pays says whether an archive of the size is to be taken apart, and how long that
// may last: where the work on it takes less time than whole does, that of sending
// it, or fits what the push may spend, if little in it has changed.
func (c *pace) pays(now time.Time, size int64, whole time.Duration) (limit time.Duration, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	left := c.share(now, size)
	take := seconds(float64(size) / guessed)
	if c.take.bytes > 0 {
		take = c.take.time(size)
	}
	if take*(1+matching)+c.there(c.asBefore(take))-whole > left {
		return 0, false
	}
	return whole + max(left, 0)/(2+matching), true
}

// took takes note of an archive, or the first so many bytes of it, taken apart;
// matched says that it goes on to be matched.
func (c *pace) took(bytes int64, took time.Duration, matched bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.take.add(bytes, took)
	if matched {
		took *= 1 + matching
	}
	c.spent += took
}

// searchedOf returns how many bytes of what the ops make are rebuilt by searching:
// those that no basis has, and those of copies that have such in their window, or
// come from elsewhere than the copy before.
func searchedOf(ops []delta.Op) (n int64) {
	for _, op := range ops {
		if op.Basis == delta.Literal {
			n += op.Len
		} else {
			n += min(op.Len, reach)
		}
	}
	return n
}

// rebuilding is how long the server is expected to take over an archive of which it
// rebuilds so many bytes by searching.
func (e *expanded) rebuilding(searched int64) time.Duration {
	return seconds(e.took.Seconds() * (1 + searching*float64(searched)/float64(max(e.size, 1))))
}

// worth says, of an archive of the size that is taken apart and matched, whether the server will have rebuilt
// it sooner than whole, the time of sending it, or whether the push may spend the
// difference; then it is spent.
func (c *pace) worth(now time.Time, size int64, took, expected, whole time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.work = lag{c.work.expected*3/4 + took.Seconds(), c.work.took*3/4 + expected.Seconds()}
	over := c.there(expected) - whole
	if over > max(c.share(now, size), 0) {
		return false
	}
	c.spent = max(c.spent+over, 0)
	return true
}

// served takes note of how long the server took over archives.
func (c *pace) served(expected, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if took <= 0 || expected <= 0 {
		return
	}
	c.serve.expected, c.serve.took = c.serve.expected*3/4+expected.Seconds(), c.serve.took*3/4+took.Seconds()
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
