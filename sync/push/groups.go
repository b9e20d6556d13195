package push

import (
	"errors"
	"maps"

	"golang.org/x/sync/errgroup"

	"github.com/pubsync/pubsync/sync/wire"
)

// Bounds of the files whose rounds of matching go together: their questions
// share requests, so that a round costs one round trip for all of them. While the
// server works on the files of one group those of the next are matched here, so
// a group is much less than what is worth doing so for.
const (
	groupFiles = 128
	groupBytes = 16 << 20
)

// groupsOf cuts files that go as deltas into groups.
func (p *pusher) groupsOf(vs []wire.Verdict) (groups [][]wire.Verdict) {
	for len(vs) > 0 {
		n, bytes := 0, int64(0)
		for n < len(vs) && n < groupFiles && (n == 0 || bytes < groupBytes) {
			bytes += p.tree.Entries[vs[n].Index].Size
			n++
		}
		groups, vs = append(groups, vs[:n]), vs[n:]
	}
	return groups
}

// deltas sends files as deltas, group by group. Several groups of a window go at
// the same time, by senders of their own, if the push has too few windows to keep
// both sides busy.
func (s *sender) deltas(vs []wire.Verdict, sigs map[int][]wire.Signature) error {
	groups := s.p.groupsOf(vs)
	n := min(s.p.parallel()/max(s.p.inWork, 1), maxSenders, len(groups))
	if n < 2 {
		return s.groups(queue(groups), sigs)
	}
	g, ctx := errgroup.WithContext(s.ctx)
	next, senders := queue(groups), make([]*sender, n)
	for i := range senders {
		t := newSender(ctx, s.p, s.failed)
		senders[i] = t
		g.Go(func() error { return t.sendGroups(next, sigs) })
	}
	err := g.Wait()
	for _, t := range senders {
		s.again, s.amended = append(s.again, t.again...), append(s.amended, t.amended...)
		s.landed, s.lost = s.landed || t.landed, append(s.lost, t.lost...)
		maps.Copy(s.flown, t.flown)
	}
	if err == nil && len(s.lost) > 0 {
		err = s.lost[0]
	}
	return err
}

// maxSenders bounds the senders of one window.
const maxSenders = 2

// queue returns a closed channel that holds the groups.
func queue(groups [][]wire.Verdict) <-chan []wire.Verdict {
	next := make(chan []wire.Verdict, len(groups))
	for _, g := range groups {
		next <- g
	}
	close(next)
	return next
}

// groups sends the groups that are left in next.
func (s *sender) groups(next <-chan []wire.Verdict, sigs map[int][]wire.Signature) error {
	for vs := range next {
		if err := s.group(vs, sigs); err != nil {
			return err
		}
	}
	return nil
}

// sendGroups is groups for a sender that does nothing else. That a request was lost
// is no error: others go on.
func (s *sender) sendGroups(next <-chan []wire.Verdict, sigs map[int][]wire.Signature) error {
	defer s.close()
	err := s.groups(next, sigs)
	if err == nil {
		err = s.flush()
	}
	if landed := s.land(); err == nil {
		err = landed
	}
	if len(s.lost) > 0 && errors.Is(err, s.lost[0]) {
		return nil
	}
	return err
}
