package push

import (
	"sync"
	"time"

	"github.com/pubsync/pubsync/delta/codec"
	"github.com/pubsync/pubsync/sync/wire"
)

// flight is one request under way.
type flight struct {
	sender   *sender
	on       []cargo
	body     []byte
	outcomes map[int]wire.Outcome
	tooLarge bool
}

func (fl *flight) send(body []byte) error {
	p := fl.sender.p
	fl.outcomes = map[int]wire.Outcome{}
	err := p.exchange(fl.sender.ctx, body, fl.collect)
	if p.shrink(err, len(body)) {
		fl.tooLarge = true
		return nil
	}
	return err
}

// collect takes the frames of the answer. Of several outcomes for one file
// "stored" is the last word; else the worst counts.
func (fl *flight) collect(f wire.Frame) error {
	switch f.Type {
	case wire.FrameStored:
	case wire.FrameVerdicts, wire.FrameSignature:
		return nil // content that rode on its digests: the outcomes say it all
	default:
		return fl.sender.p.onEnd(f)
	}
	ss, err := wire.ParseStored(f.Payload)
	for _, st := range ss {
		if st.Outcome != wire.Stored {
			st.Outcome = max(st.Outcome, fl.outcomes[st.Index])
		}
		fl.outcomes[st.Index] = st.Outcome
	}
	return err
}

// settle books what the request came to.
func (fl *flight) settle() error {
	s, again := fl.sender, map[int]bool{}
	for _, c := range fl.on {
		outcome, told := fl.outcomes[c.index]
		switch {
		case fl.tooLarge || !told:
			again[c.index] = true
		case outcome == wire.Stored:
			c.tally.add(fileCount(c.last), c.bytes, int64(c.size))
			if c.last {
				s.p.deal(c.index, s.p.word(c.tally))
			} else {
				s.p.advance(c.index, c.bytes)
			}
		case outcome == wire.Staged:
			c.tally.add(0, c.bytes, int64(c.size))
			s.p.advance(c.index, c.bytes)
		default:
			again[c.index] = true
			if c.tally != &s.p.whole || !c.last {
				s.whole[c.index] = true
				continue
			}
			delete(again, c.index)
			if err := s.changed(c.index); err != nil {
				return err
			}
		}
	}
	for i := range again {
		s.again = append(s.again, i)
		s.broken[i] = true
	}
	return nil
}

func fileCount(last bool) int64 {
	if last {
		return 1
	}
	return 0
}

// word names what became of a file counted in t.
func (p *pusher) word(t *tally) string {
	if t == &p.whole {
		return Sent
	}
	return Delta
}

// rate follows how fast requests get through.
type rate struct {
	mu    sync.Mutex
	bytes float64       // per second; 0 while unknown
	quick time.Duration // of the quickest small request; 0 while unknown

	busy, idle time.Duration // making bodies, and waiting for one to land, of late
}

// enough is the least size in bytes of a request whose time says something of
// the link's rate.
const enough = 32 << 10

func (r *rate) add(bytes int, took time.Duration) {
	if took <= 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
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

// fastLink is the rate in bytes per second from which compression is what
// takes the time, not the link.
const fastLink = 25 << 20

// waited takes note of how long a body took to make and how long the one before
// was then waited for.
func (r *rate) waited(busy, idle time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.busy += (busy - r.busy) / 4
	r.idle += (idle - r.idle) / 4
}

// fast reports whether the link outruns thorough compression: by its rate, or
// because bodies land sooner than the next is made, or the server is next door
// and only busy. Until something is measured
// it does.
func (r *rate) fast() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.bytes == 0 || r.bytes > fastLink || r.idle < r.busy || r.quick > 0 && r.quick < near
}

// measured returns the rate in bytes per second, 0 while it is unknown.
func (r *rate) measured() float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.bytes
}

// quickest returns the time of the quickest small request, about that of a
// round trip; 0 while unknown.
func (r *rate) quickest() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.quick
}

func (r *rate) level() codec.Level {
	if r.fast() {
		return codec.Fast
	}
	return codec.Default
}

// fewLiterals is the size in bytes of what a delta leaves to send below which
// the best compression takes no time to speak of.
const fewLiterals = 4 << 20

// levelFor is the level for a stream: what was worth matching is worth the
// best, unless there is much of it.
func (p *pusher) levelFor(st *stream) codec.Level {
	if st.at != nil || st.plan != nil && st.missing() < fewLiterals {
		return codec.Best
	}
	return p.rate.level()
}
