package push

import (
	"cmp"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/pubsync/pubsync/delta/archive"
	"github.com/pubsync/pubsync/sync/wire"
)

// Bounds of the files whose rounds of matching go together: their questions
// share requests, so that a round costs one round trip for all of them. While the
// server works on the files of one group those of the next are matched here, so
// a group is much less than what is worth doing so for.
const (
	groupFiles = 128
	farFiles   = 256 // where a round takes long
	groupBytes = 16 << 20
	// laneBytes is how much of archives makes a group: the server takes much
	// longer over them, and whoever has the next one to do is to choose late.
	laneBytes = 2 << 20
	// minLane is the size in bytes from which an archive is worth being chosen for.
	minLane = 64 << 10
)

// A group is files that go as deltas together.
type group struct {
	files []wire.Verdict
	bytes bool // archives as well go by their bytes
}

// lanes hold what of a window goes as deltas. Archives can go by what is inside them,
// which keeps both machines busy, or by their bytes, which keeps the link busy. So
// senders come from two sides: those that take archives apart begin with the largest,
// of which most is saved for the work, the others with the smallest. Where they meet
// both have had what they are good for, and nobody had to know how fast they are. It
// is safe for concurrent use.
type lanes struct {
	p        *pusher
	mu       sync.Mutex
	groups   []group
	archives []wire.Verdict // that may go either way, ascending by size
}

// lanesOf says what goes as deltas.
func (p *pusher) lanesOf(vs []wire.Verdict, f *failures) *lanes {
	l := &lanes{p: p}
	var others []wire.Verdict
	for _, v := range vs {
		if p.chooses(v, f) {
			l.archives = append(l.archives, v)
		} else {
			others = append(others, v)
		}
	}
	size := func(v wire.Verdict) int64 { return p.tree.Entries[v.Index].Size }
	bytes := int64(0)
	for _, v := range l.archives {
		bytes += p.tree.Entries[v.Index].Size
	}
	p.purse.open(bytes, p.opts.Now())
	slices.SortStableFunc(l.archives, func(a, b wire.Verdict) int { return cmp.Compare(size(a), size(b)) })
	for len(others) > 0 {
		var g group
		g.files, others = p.cutGroup(others, groupBytes)
		l.groups = append(l.groups, g)
	}
	return l
}

// chooses reports whether a file goes by what is inside it, or by its bytes, as
// comes out best: a larger archive of which the server has nothing yet.
func (p *pusher) chooses(v wire.Verdict, f *failures) bool {
	e := &p.tree.Entries[v.Index]
	return p.opts.Through != Never && e.Size >= minLane && v.Staged == 0 && !v.ViewsStaged() && !f.remodel(v.Index) &&
		len(v.Bases) > 0 && p.localBasis(e) == nil && p.looksLikeArchive(v.Index)
}

// cutGroup cuts a group of at most so many bytes, but for the last file, off the front.
func (p *pusher) cutGroup(vs []wire.Verdict, most int64) (front, rest []wire.Verdict) {
	n, bytes, files := 0, int64(0), groupFiles
	if p.rate.roundTrip() >= longTrip {
		files = farFiles
	}
	for n < len(vs) && n < files && (n == 0 || bytes < most) {
		bytes += p.tree.Entries[vs[n].Index].Size
		n++
	}
	return vs[:n], vs[n:]
}

// next returns what a sender does next: one that takes apart the largest archives, as
// long as that pays, the others what goes by its bytes, of archives the smallest.
func (l *lanes) next(apart bool) (g group, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := l.ahead(); apart && n > 0 {
		at := len(l.archives) - n
		g.files, l.archives = l.archives[at:], l.archives[:at]
		for _, v := range g.files {
			l.p.backlog.drop(v.Index)
		}
		return g, true
	}
	if len(l.groups) > 0 {
		g, l.groups = l.groups[0], l.groups[1:]
		return g, true
	}
	if l.p.opts.Through == Always {
		return g, false // what is left is for those that take apart
	}
	g.bytes = true
	g.files, l.archives = l.p.cutGroup(l.archives, laneBytes)
	return g, len(g.files) > 0
}

// more reports whether something is left.
func (l *lanes) more() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.groups)+len(l.archives) > 0
}

// ahead returns how many of the largest archives are to be taken apart next.
func (l *lanes) ahead() (n int) {
	bytes := int64(0)
	for n < len(l.archives) && n < groupFiles && bytes < laneBytes {
		i := l.archives[len(l.archives)-1-n].Index
		bytes += l.p.tree.Entries[i].Size
		if !l.p.pays(i, bytes) {
			break
		}
		n++
	}
	return n
}

// pays reports whether archives of so many bytes in all, that at index i among them,
// are to be taken apart.
func (p *pusher) pays(i int, bytes int64) bool {
	if p.opts.Through != Auto {
		return true
	}
	_, ok := p.pace.pays(bytes, p.rate.roundTrip(), p.drained(i)+p.slack())
	return ok
}

// decline has a file that was taken apart go by its bytes after all, and if those were
// compressed as one without a look at what the server has of them, which is little and
// would take more rounds.
func (l *lanes) decline(v wire.Verdict, f archive.Format) {
	if f == archive.Gzip {
		v.Bases = nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.groups = append(l.groups, group{[]wire.Verdict{v}, true})
}

// width returns how many senders share the lanes, and how many of them take archives
// apart, of which each waits for an answer most of the time.
func (l *lanes) width() (n, apart int) {
	p := l.p
	n = max(1, p.parallel()/max(p.inWork, 1))
	if l.ahead() > 0 {
		apart = min(len(l.archives), maxApart, max(1, n-1))
	}
	if p.opts.Through == Always {
		n = len(l.groups)
	}
	n = apart + min(maxSenders, n, len(l.groups)+len(l.archives)-apart)
	return max(n, 1), max(apart, 1)
}

// deltas sends files as deltas. Several groups of a window go at the same time, by
// senders of their own, if the push has too few windows to keep the link and both
// sides busy.
func (s *sender) deltas(vs []wire.Verdict, sigs map[int][]wire.Signature) error {
	l := s.p.lanesOf(vs, s.failed)
	n, apart := l.width()
	if n < 2 {
		return s.groups(l, true, sigs)
	}
	g, ctx := errgroup.WithContext(s.ctx)
	senders := make([]*sender, n)
	var air atomic.Int64 // senders that have not landed
	air.Store(int64(n))
	for i := range senders {
		t := newSender(ctx, s.p, s.failed)
		senders[i] = t
		g.Go(func() error { return t.sendGroups(l, i < apart, sigs, &air) })
	}
	err := g.Wait()
	for _, t := range senders {
		s.adopt(t)
	}
	if err == nil && len(s.lost) > 0 {
		err = s.lost[0]
	}
	for _, t := range senders {
		if err == nil {
			err = s.takeOver(t)
		}
	}
	return err
}

// Bounds of the senders of one window: of those that take archives apart, and of the
// others.
const (
	maxApart   = 4
	maxSenders = 2
)

// groups sends the groups that are left.
func (s *sender) groups(l *lanes, apart bool, sigs map[int][]wire.Signature) error {
	for g, ok := l.next(apart); ok; g, ok = l.next(apart) {
		if err := s.group(g, l, sigs); err != nil {
			return err
		}
	}
	return nil
}

// sendGroups is groups for a sender that does nothing else. The last of them, once
// the others have landed, keeps what it has not sent: the commit may ride on that. That a
// request was lost is no error: others go on.
func (s *sender) sendGroups(l *lanes, apart bool, sigs map[int][]wire.Signature, air *atomic.Int64) error {
	defer func() { s.close(); air.Add(-1) }()
	err := s.groups(l, apart, sigs)
	switch {
	case err != nil:
	case air.Load() == 1:
		err = s.pack()
	default:
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

// takeOver puts what another sender has on its body on that of s.
func (s *sender) takeOver(t *sender) error {
	if len(t.body) == 0 || t.stranded(t.on) {
		s.again = append(s.again, t.again...)
		t.again = nil
		return nil
	}
	if len(s.body)+len(t.body) > int(s.limit()) {
		if err := s.flush(); err != nil {
			return err
		}
	}
	s.begin()
	s.body, s.on = append(s.body, t.body[t.head:]...), append(s.on, t.on...)
	return nil
}
