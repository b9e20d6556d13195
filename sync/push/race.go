package push

import (
	"context"
	"errors"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pubsync/pubsync/sync/wire"
)

// Whether an archive is sent sooner by what is inside it nobody knows before it has been
// taken apart and matched, and over a quick link that takes as long as sending it. So
// where the link has nothing else to carry the archive goes by its bytes meanwhile, after
// a head start for the other way, and stops once that will be there far sooner.

// How many times sooner than by its bytes an archive is to be there by what is inside it to
// be far ahead: as is expected before anything is known of what has changed, and once it
// was matched.
const (
	ahead        = 3
	aheadMatched = 2
)

// headStart is the part of the time that a file takes by its bytes, one in so many, that
// goes by before it begins: what turns out to be hardly changed then goes one way only.
// It is longer where much is expected of that.
const (
	headStart  = 12
	longerHead = 8
)

// raceBody is the least of a body in bytes that takes part in a race, and raceAir how many
// are under way at once. Bodies are no larger than what the link is known to carry in a
// round trip, so that it is free soon once the race is over.
const (
	raceBody = 256 << 10
	raceAir  = 4
)

// A race is an archive that goes by its bytes while it is taken apart.
type race struct {
	verdict wire.Verdict
	by      *sender            // by its bytes
	over    atomic.Bool        // the other way has won
	away    atomic.Bool        // all of it is on its way
	cancel  context.CancelFunc // of what it has under way
	begin   chan struct{}      // closed to have it begin at once
	begun   sync.Once          // closes that
	done    chan struct{}
	err     error
}

// race begins one for the only archive that is left to send, or returns nil.
func (s *sender) race(g group, l *lanes) *race {
	p := s.p
	if p.opts.Through != Auto || g.bytes || len(g.files) != 1 || !p.rate.known() || p.rate.near() || p.inWork > 1 || l.more() {
		return nil
	}
	v := g.files[0]
	e := &p.tree.Entries[v.Index]
	if e.Size < minLane || !p.chooses(v, s.failed) {
		return nil
	}
	whole := p.drained(v.Index)
	wait := whole / headStart
	if p.pace.expected(e.Size, p.rate.roundTrip())*ahead < whole {
		wait = whole / longerHead
	}
	p.backlog.add(v.Index, e.Size)
	ctx, cancel := context.WithCancel(s.ctx)
	r := &race{verdict: v, by: newSender(ctx, p, s.failed), cancel: cancel, begin: make(chan struct{}), done: make(chan struct{})}
	r.by.among, r.by.racing = 1, r // nothing else is on the link
	go r.run(wait)
	return r
}

// start has the file go by its bytes from now on.
func (r *race) start() { r.begun.Do(func() { close(r.begin) }) }

// run sends the file by its bytes, after a while or once it is to begin.
func (r *race) run(wait time.Duration) {
	defer close(r.done)
	defer r.cancel()
	t := r.by
	defer t.close()
	after := time.NewTimer(wait)
	defer after.Stop()
	select {
	case <-after.C:
	case <-r.begin:
	case <-t.ctx.Done():
		r.err = context.Cause(t.ctx)
		return
	}
	err := t.inParts(r.verdict)
	if err == nil {
		err = t.flush()
	}
	r.away.Store(err == nil && !r.over.Load())
	if landed := t.land(); err == nil {
		err = landed
	}
	r.err = err
}

// contest takes the archive of a race apart and matches it. It goes that way if it is
// there first so.
func (s *sender) contest(r *race, l *lanes, sigs map[int][]wire.Signature) error {
	m, err := s.contend(r, l, sigs[r.verdict.Index])
	if m != nil {
		defer m.close()
	}
	if m != nil || err != nil {
		r.lose()
	}
	r.start()
	<-r.done
	i := r.verdict.Index
	switch there := len(s.p.undealt([]int{i})) == 0; {
	case !r.lost():
		s.adopt(r.by)
		return errors.Join(r.err, err)
	case err != nil || there:
		return err
	case m == nil: // to give up on its bytes was wrong
		s.again = append(s.again, i)
		return nil
	}
	s.p.takeBack(i)
	return s.finish(m)
}

// lose ends the race: what is on its way is of no use any more. That requests end early
// loses nothing, as with the other way the server drops what came.
func (r *race) lose() {
	r.over.Store(true)
	r.cancel()
}

// contend returns the archive matched as far as it goes, or nil if it is there first by its
// bytes.
func (s *sender) contend(r *race, l *lanes, sigs []wire.Signature) (*match, error) {
	file, err := s.open(r.verdict.Index)
	if file == nil || err != nil {
		return nil, err
	}
	m := &match{verdict: r.verdict, file: file, race: r}
	if err = s.look(m, false, sigs); err == nil && m.view != nil {
		s.weighRounds([]*match{m}, l)
		var first bool
		if first, err = s.wins(m, r, sigs); first && err == nil {
			return m, nil
		}
	}
	m.close()
	return nil, err
}

// wins matches an archive, and reports whether it is there first by what is inside it.
func (s *sender) wins(m *match, r *race, sigs []wire.Signature) (bool, error) {
	for more := true; more; {
		err := s.question([]*match{m})
		if err == nil {
			more, err = s.advance(m, sigs)
		}
		if err != nil || m.view == nil || r.away.Load() {
			return false, err
		}
		m.rounds++
		if s.p.slow(m, more) {
			return false, nil
		}
		if s.p.remaining(m, more)*aheadMatched < s.p.drained(m.verdict.Index) {
			r.lose()
		} else {
			r.start()
		}
	}
	return !m.vain() && !r.away.Load(), nil
}

// lost reports whether the file is not to go on by its bytes. r may be nil.
func (r *race) lost() bool { return r != nil && r.over.Load() }

// won reports whether the file has gone by its bytes to its end. r may be nil.
func (r *race) won() bool {
	if r == nil {
		return false
	}
	select {
	case <-r.done:
		return !r.over.Load()
	default:
		return false
	}
}

// adopt takes over what another sender has left to be done.
func (s *sender) adopt(t *sender) {
	s.again, s.amended = append(s.again, t.again...), append(s.amended, t.amended...)
	s.landed, s.lost = s.landed || t.landed, append(s.lost, t.lost...)
	maps.Copy(s.flown, t.flown)
}

// takeBack does not count what a file had sent of its bytes before it went another way.
func (p *pusher) takeBack(i int) {
	p.events.Lock()
	defer p.events.Unlock()
	p.whole.add(0, -p.partial[i], 0)
	p.backlog.drop(i)
}
