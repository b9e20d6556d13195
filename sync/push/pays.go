package push

import (
	"errors"
	"math/bits"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pubsync/pubsync/delta"
	"github.com/pubsync/pubsync/sync/walk"
)

const (
	// near is the time of a small request below which the server is next door.
	near = 3 * time.Millisecond
	// nearLink and farLink are the rates in bytes a second that a link is taken
	// to have, to a server next door and to others, until it is measured: 1 Gbit/s
	// and 40 Mbit/s, which is wrong by as much for 20 as for 80.
	nearLink = 125e6
	farLink  = 5e6
	// firstWindow is what TCP sends before it hears from the other side (RFC 6928), in
	// bytes. It doubles with each round trip.
	firstWindow = 10 * 1460
)

const (
	// matching is how long matching and coding an archive takes, and rebuilding how long
	// the server takes over one of which little has changed, in times that it takes to be
	// taken apart.
	matching   = 1
	rebuilding = 1.5
	// copied are the bytes of plain content that a server rebuilds in a second by copying
	// the tokens of what did not change. Of what did it enters and codes so many, and takes
	// so many steps of search, for which this archive's samples tell how many a byte takes.
	copied  = 150e6
	coded   = 25e6
	stepped = 130e6
	// rounds is how many round trips an archive takes that its bytes do not.
	rounds = 4
	// guessed is how fast archives are taken to come apart until it is measured, in
	// bytes of them a second: as npm's do on two cores of a server of 2024.
	guessed = 50e6
	// reach is how many bytes of plain content behind a change are rebuilt by
	// searching: the window of deflate (RFC 1951).
	reach = 32 << 10
	// inPlace is how many bytes between two copies may be replaced by as many others, for
	// the search to go on as it did (package deflate, maxChanged).
	inPlace = 1 << 10
	// besides is what a server takes over an archive however small it is: with files to make
	// and the guide to begin. Of small archives that is most of the time.
	besides = 80 * time.Millisecond
	// patience is the part of the time saved, one in so many, that taking an archive
	// apart may last, and in any case in how many times what it should take: if it is no
	// archive after all, that was in vain.
	patience = 4
)

// pace follows how fast archives are taken apart here and rebuilt there, as it
// is measured in this push.
type pace struct {
	mu    sync.Mutex
	take  speed
	serve lag
	owed  time.Duration // what the server is expected to take over archives on their way
	turns int           // so many of which it rebuilds at once; 0: one
	work  lag           // expected to take archives apart, and to rebuild them once they were matched
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

// usual is for how long, in seconds, a server is taken to have worked as expected before
// any of its work was measured: of a small archive most of the time is that of its disk,
// which says little of large ones.
const usual = 1

// there is how long the server takes over what is expected of a machine like
// this one.
func (c *pace) there(expected time.Duration) time.Duration {
	return seconds(expected.Seconds() * (usual + c.serve.took) / (usual + c.serve.expected))
}

// asBefore is how long the server is expected to take over an archive that is taken
// apart in so much time, if as much of it has changed as of those before. Of the first
// it is hoped that little has.
func (c *pace) asBefore(take time.Duration) time.Duration {
	if c.work.expected == 0 {
		return seconds(rebuilding * take.Seconds())
	}
	return seconds(take.Seconds() * c.work.took / c.work.expected)
}

// expected is how long an archive of the size is expected to take by what is inside it,
// over a link with that round trip time.
func (c *pace) expected(size int64, trip time.Duration) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.inAll(c.taking(size), trip)
}

// taking is how long an archive of the size takes to be taken apart.
func (c *pace) taking(size int64) time.Duration {
	if c.take.bytes > 0 {
		return c.take.time(size)
	}
	return seconds(float64(size) / guessed)
}

// inAll is how long an archive is expected to take that is taken apart in so much time.
func (c *pace) inAll(take, trip time.Duration) time.Duration {
	return take*(1+matching) + besides + c.there(c.asBefore(take)) + rounds*trip
}

// pays says whether an archive of the size is to be taken apart, and how long that
// may last: where the server is expected to have it before the link has carried
// all that it would carry otherwise, which takes until drained.
func (c *pace) pays(size int64, trip, drained time.Duration) (limit time.Duration, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	take := c.taking(size)
	if c.inAll(take, trip) > drained {
		return 0, false
	}
	return max(drained/patience, patience*take), true
}

// took takes note of an archive, or the first so many bytes of it, taken apart.
func (c *pace) took(bytes int64, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.take.add(bytes, took)
}

// searchedOf returns how many bytes of what the ops make are rebuilt by searching: those
// that no basis has, and those of copies that have such in their window, or come from
// elsewhere than the copy before. Where a few bytes were only replaced by others the
// search goes on as it did.
func searchedOf(ops []delta.Op) (n int64) {
	var last delta.Op // the copy before
	fresh := int64(0) // bytes behind it that no basis has
	for _, op := range ops {
		switch {
		case op.Basis == delta.Literal:
			n += op.Len
			fresh += op.Len
			continue
		case fresh > inPlace || op.Basis != last.Basis || op.Off != last.Off+last.Len+fresh:
			n += min(op.Len, reach)
		}
		last, fresh = op, 0
	}
	return n
}

// rebuildTime is how long a server is expected to take over an archive of so much plain
// content, so much of which it rebuilds by searching, in so many steps a byte.
func rebuildTime(plain, search int64, steps float64) time.Duration {
	return seconds(float64(plain)/copied + float64(search)*(1/coded+steps/stepped))
}

// until is how long it takes until the server has rebuilt an archive, which is expected to
// take so long once what is left of it to send is there, and those before it are rebuilt.
func (c *pace) until(expected, sending time.Duration) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return besides + c.there(expected) + max(sending, c.there(c.owed)/time.Duration(max(c.turns, 1)))
}

// serves takes note of how many archives the server rebuilds at once.
func (c *pace) serves(turns int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turns = turns
}

// owe takes note of archives that are on their way to be rebuilt, or no longer, if it is
// less than zero.
func (c *pace) owe(expected time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.owed += expected
}

// found takes note of how long an archive took to be taken apart, and is expected to
// take to be rebuilt now that it is matched.
func (c *pace) found(took, expected time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.work = lag{c.work.expected*3/4 + took.Seconds(), c.work.took*3/4 + expected.Seconds()}
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

// drained is how long the link takes for all that it has to carry, the file at index
// i whole among it.
func (p *pusher) drained(i int) time.Duration {
	return p.rate.wholeTime(p.backlog.with(i, p.tree.Entries[i].Size))
}

// wholeTime is how long the link takes for so many bytes.
func (r *rate) wholeTime(size int64) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	bodies := time.Duration(1 + size/bodyTarget) // each is answered before the next but one is sent
	return max(seconds(float64(size)/r.carries())+r.slowStart(size)+bodies*r.trip, 1)
}

// slowStart is how much longer the first bytes of a connection take: until as many are
// on the way as the link holds, it waits for the other side. What has got through before
// has widened the window by as much.
func (r *rate) slowStart(size int64) time.Duration {
	filled := min(float64(size), r.carries()*r.trip.Seconds())
	return r.trip * time.Duration(bits.Len64(max(uint64(filled/(firstWindow+r.through)), 1))-1)
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

// outruns reports whether the link carries more than so many bytes a second.
func (r *rate) outruns(bytes float64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.carries() > bytes
}

// sending is how long the link takes for so many bytes once it is in use.
func (r *rate) sending(bytes int64) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return seconds(float64(bytes) / r.carries())
}

// carried is how many bytes the link carries in so much time.
func (r *rate) carried(in time.Duration) float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.carries() * in.Seconds()
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
	race     *race     // whose end ends it; nil: none
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
	if !t.until.IsZero() && t.now().After(t.until) || t.race.won() {
		return 0, errSlow
	}
	return t.File.WriteAt(b, off)
}
