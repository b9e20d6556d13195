package push

import (
	"context"
	"errors"

	"github.com/pubsync/pubsync/sync/wire"
)

// lose takes note of what was on a request that was lost: it may have arrived.
func (p *pusher) lose(fl *flight) {
	p.events.Lock()
	defer p.events.Unlock()
	for _, c := range fl.on {
		p.afloat[c.index] = c.tally
	}
}

// found deals with a file that the server has: because it came with a request that
// was lost, or under another path.
func (p *pusher) found(i int) {
	p.events.Lock()
	t, word := p.afloat[i], Linked
	counted := p.counted[i]
	p.events.Unlock()
	if counted {
		return
	}
	if t == nil {
		t = &p.linked
	} else {
		word = p.word(t)
	}
	t.add(1, p.tree.Entries[i].Size, 0)
	p.deal(i, word)
}

// undealt returns those of the files that are not dealt with.
func (p *pusher) undealt(indices []int) (left []int) {
	p.events.Lock()
	defer p.events.Unlock()
	for _, i := range indices {
		if !p.counted[i] {
			left = append(left, i)
		}
	}
	return left
}

// losses is what a window makes of the requests that it loses.
type losses struct {
	p       *pusher
	again   func(context.Context, error) error
	arrived map[int]int64 // by index: what the server had when it was asked last
	vain    bool          // a request was lost, and none got through since the question before
	rest    work          // not begun when a request was lost
}

func (p *pusher) newLosses() *losses {
	return &losses{p: p, again: p.remote.Again(), arrived: map[int]int64{}}
}

// answered compares what the server has of the files of a question with what it had
// before. If it has more, patience begins anew; if a request was lost and nothing of
// it came, smaller ones may get through.
func (l *losses) answered(a *answer) {
	switch {
	case l.more(a):
		l.again = l.p.remote.Again()
	case l.vain:
		l.p.shorten()
	}
}

func (l *losses) more(a *answer) (more bool) {
	for i := range a.verdicts {
		v := &a.verdicts[i]
		n := v.Staged + v.Plain.Size + v.Recipe.Size
		if v.Have {
			n = l.p.tree.Entries[v.Index].Size + 1
		}
		was, asked := l.arrived[v.Index]
		more = more || !asked || n > was
		l.arrived[v.Index] = n
	}
	return more
}

// sent takes what has become of sending w. If a request was lost it waits, and
// returns no error if the window may go on. It returns the frames that go before the
// next question.
func (l *losses) sent(ctx context.Context, s *sender, w work, err error) (before []byte, _ error) {
	l.vain, l.rest = false, work{}
	if s.landed {
		l.again = l.p.remote.Again()
	}
	if len(s.lost) == 0 || !errors.Is(err, s.lost[0]) {
		return s.amended, err
	}
	l.vain, l.rest = !s.landed, w.left(s.flown)
	for _, lost := range s.lost {
		before = wire.AppendNumber(before, wire.FrameLost, lost.number)
	}
	return append(before, s.amended...), l.again(ctx, s.lost[0].err)
}
