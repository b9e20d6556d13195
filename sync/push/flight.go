package push

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/pubsync/pubsync/sync/wire"
)

// flight is one request under way.
type flight struct {
	sender   *sender
	number   uint64
	head     int // bytes of body that tell the number
	on       []cargo
	body     []byte
	outcomes map[int]wire.Outcome
	tooLarge bool
	gone     chan struct{} // closed once the connection has all of the body, or at the end
	left     bool          // once gone is closed: the connection has all of it
	landed   chan error    // takes the end of it
}

// start sends the flight off.
func (fl *flight) start() {
	fl.gone, fl.landed = make(chan struct{}), make(chan error, 1)
	var once sync.Once
	over := func(left bool) {
		once.Do(func() {
			fl.left = left
			close(fl.gone)
		})
	}
	body := fl.body
	go func() {
		defer over(false)
		fl.landed <- fl.send(body, func() { over(true) })
	}()
}

// leave waits until the connection has all of the body, calls handOn, and leaves the room
// of the body to others. If the request ends before that it does nothing.
func (fl *flight) leave(handOn func()) {
	if <-fl.gone; fl.left {
		fl.body = nil
		handOn()
	}
}

// due is what the server is expected to take over the archives that it rebuilds.
func due(on []cargo) (d time.Duration) {
	for _, c := range on {
		d += c.due
	}
	return d
}

// repeated is the size in bytes up to which a body is repeated as it is: asking
// what of it arrived would cost no less.
const repeated = 32 << 10

// send sends the body. One that is lost, other than those so small that they are
// repeated and need no number, is an [*lostFlight].
func (fl *flight) send(body []byte, gone func()) error {
	p := fl.sender.p
	fl.outcomes = map[int]wire.Outcome{}
	by, small := sendOnce(p.remote, fl.rank(), gone), len(body) <= repeated
	if small {
		by, body = p.remote.Exchange, body[fl.head:]
	}
	err := fl.exchange(body, by)
	switch {
	case p.shrink(err, len(body)):
		fl.tooLarge = true
		return nil
	case err == nil || small:
		return err
	}
	return &lostFlight{fl.number, err}
}

// rank says before what others the body is to go. Once the views of an archive are there
// the server has work with them, which it does while the link carries what comes after:
// so they go first, of several those of which the least is to be sent (S. M. Johnson's
// rule for two machines that each piece of work goes through).
func (fl *flight) rank() int64 {
	rank := int64(math.MaxInt64)
	for _, c := range fl.on {
		if left, ok := fl.sender.left[c.index]; ok {
			rank = min(rank, left)
		}
	}
	return rank
}

// sendOnce is the carrier of what is not repeated.
func sendOnce(r Remote, rank int64, gone func()) carrier {
	return func(ctx context.Context, session string, body []byte, reply func(wire.Frame) error) error {
		return r.Send(ctx, session, body, rank, gone, reply)
	}
}

// A lostFlight is the error of a request that failed, nobody knows after how much
// of it.
type lostFlight struct {
	number uint64
	err    error
}

func (l *lostFlight) Error() string { return l.err.Error() }
func (l *lostFlight) Unwrap() error { return l.err }

// exchange sends the body and learns from the time it takes how fast requests get
// through, unless the server has archives to rebuild.
func (fl *flight) exchange(body []byte, by carrier) error {
	p, due := fl.sender.p, due(fl.on)
	p.pace.owe(due)
	defer p.pace.owe(-due)
	p.airborne.Add(int64(len(body)))
	defer p.airborne.Add(-int64(len(body)))
	took, err := p.timed(fl.sender.ctx, body, by, due > 0, fl.collect)
	if err == nil && due == 0 {
		p.rate.add(len(body), took)
	}
	return err
}

// collect takes the frames of the answer. Of several outcomes for one file
// "stored" is the last word; else the worst counts.
func (fl *flight) collect(f wire.Frame) error {
	switch f.Type {
	case wire.FrameStored:
	case wire.FrameRebuilt:
		return fl.rebuilt(f.Payload)
	case wire.FrameUnsettled, wire.FrameAlike:
		return fl.sender.p.onSettle(f)
	case wire.FrameVerdicts, wire.FrameSignature, wire.FrameHashes:
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

// rebuilt takes note of how long the server was at archives.
func (fl *flight) rebuilt(payload []byte) error {
	rs, err := wire.ParseRebuilt(payload)
	for _, r := range rs {
		for _, c := range fl.on {
			if c.index == r.Index && c.due > 0 {
				fl.sender.p.pace.served(c.due, max(r.Took, 1))
			}
		}
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
		case again[c.index]: // noted with a part before
			c.tally.add(0, 0, int64(c.size))
		default:
			again[c.index] = true
			c.tally.add(0, 0, int64(c.size)) // it went, if in vain
			if c.tally != &s.p.whole || !c.last {
				s.failed.note(c.index, outcome, c.tally == &s.p.delta)
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
