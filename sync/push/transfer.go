package push

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// transfer brings everything the server lacks to it, window by window: while
// one is hashed, others are asked about and sent.
func (p *pusher) transfer(ctx context.Context) error {
	p.twins, p.siblings, p.under = nil, siblings{}, underway{} // of an attempt before
	p.findDirect()
	p.inWork = min(p.parallel(), p.countWindows())
	g, inner := errgroup.WithContext(ctx)
	hashed := make(chan *window)
	g.Go(func() error {
		defer close(hashed)
		c := p.cutter()
		cut := func() (w window, ok bool) {
			if w, ok = c.cut(); ok {
				p.under.begin()
			}
			return w, ok
		}
		err := hashWindows(inner, cut, p.hash, func(w *window) error {
			w.over = p.announce(w)
			select {
			case hashed <- w:
				return nil
			case <-inner.Done():
				return context.Cause(inner)
			}
		})
		if err != nil {
			return err
		}
		p.under.cutAll()
		return nil
	})
	turns := semaphore.NewWeighted(int64(p.inWork))
	for range p.inWork + p.trailing() {
		g.Go(func() error { return p.carry(inner, hashed, turns) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return p.transferTwins(ctx)
}

// carry transfers windows, one after another: each takes a turn until all of it is on its
// way.
func (p *pusher) carry(ctx context.Context, hashed <-chan *window, turns *semaphore.Weighted) error {
	for {
		if err := turns.Acquire(ctx, 1); err != nil {
			return context.Cause(ctx)
		}
		w, more := <-hashed
		if !more {
			turns.Release(1)
			return nil
		}
		w.handOn = sync.OnceFunc(func() {
			p.putBack(w.shelf)
			w.shelf = nil
			turns.Release(1)
		})
		err := p.transferWindow(ctx, w, nil)
		w.over()
		if err != nil {
			return err
		}
		w.handOn()
		p.under.end()
	}
}

// transferTwins asks about the files whose content went with another file's, which
// the server has by now.
func (p *pusher) transferTwins(ctx context.Context) error {
	twins := p.twins
	p.twins = nil
	for len(twins) > 0 {
		n := min(len(twins), windowFiles)
		if err := p.transferWindow(ctx, &window{indices: twins[:n]}, nil); err != nil {
			return err
		}
		twins = append(twins[n:], p.twins...)
		p.twins = nil
	}
	return nil
}

// Numbers of windows that are asked about and sent at once. Of a window's requests
// each waits for the answer to the one before: where a round trip takes long, more
// windows keep the link busy.
const (
	fewWindows  = 2
	manyWindows = 8
	longTrip    = 10 * time.Millisecond
)

// trailing returns how many windows may wait for the answer to their content beside
// those that are in work: next door, where it takes as long to make content durable as to
// send it. They hold no content.
func (p *pusher) trailing() int {
	if p.opts.Parallel > 0 || !p.rate.near() {
		return 0
	}
	return fewWindows
}

// parallel returns how many windows are under way at once.
func (p *pusher) parallel() int {
	switch {
	case p.opts.Parallel > 0:
		return p.opts.Parallel
	case p.rate.near(), p.rate.roundTrip() < longTrip:
		return fewWindows // with a third, 100,000 small files take a server over 100 MB
	}
	return max(1, min(manyWindows, p.limits.Parallel))
}

// transferWindow asks about the files of a window, unless that was done and
// answered, and sends what is lacking, until there is nothing left to send. If it is
// the only window the commit rides on the question, in case the answer is "have"
// throughout, and on the last of the content.
func (p *pusher) transferWindow(ctx context.Context, w *window, a *answer) error {
	only := w.only && !p.opts.DryRun
	failed := newFailures()
	before := p.amendments(w.indices) // frames that go before the question
	along, pending := p.unasked(w, before)
	var direct []int
	if w.direct && len(before) == 0 {
		direct, pending = w.indices, nil
	}
	l := p.newLosses()
	for len(along)+len(direct)+len(pending) > 0 && p.receipt == nil {
		var err error
		if a == nil && len(pending) > 0 {
			if a, err = p.ask(ctx, before, pending, only); err != nil {
				return err
			}
		}
		todo := work{}
		if a != nil {
			l.answered(a)
			todo = p.sort(a, failed)
		}
		if p.receipt != nil {
			return nil // all of it was held, and the commit rode along
		}
		p.addAlong(&todo, along)
		p.addDirect(&todo, direct)
		along, direct = nil, nil
		todo.add(l.rest)
		if !w.only && !p.opts.DryRun {
			p.putOff(todo.twins)
			todo.twins = nil
		}
		s := newSender(ctx, p, failed)
		s.window, s.commits, s.shelf, s.handOn = w, func() bool { return p.commitsWith(w) }, w.shelf, w.handOn
		if p.inWork > 0 { // few windows have large bodies: one file keeps the link busy
			s.among = p.inWork
		}
		err = s.send(todo)
		if pending = s.again; s.read {
			w.shelf = nil // its room is not to be written to again
		}
		if before, err = l.sent(ctx, s, todo, err); err != nil {
			return err
		}
		a = nil
	}
	return nil
}

// answer is what the server says of a window's files.
type answer struct {
	verdicts   []wire.Verdict
	signatures map[int][]wire.Signature
}

// ask sends digests, after frames that go before them, and returns the verdicts. Files
// whose whole digest is wanted go by the signatures that came with that, or else it asks
// again, at once: they are as likely as others to take several questions more.
func (p *pusher) ask(ctx context.Context, before []byte, indices []int, commit bool) (*answer, error) {
	a, err := p.askOnce(ctx, before, indices, commit)
	if err != nil {
		return nil, err
	}
	var wholly []int
	for k := range a.verdicts {
		v := &a.verdicts[k]
		if !v.Whole {
			continue
		}
		p.alike[v.Index] = false
		if sigs := a.signatures[v.Index]; len(sigs) > 0 && p.goesDirect(v.Index) {
			*v = p.directVerdict(v.Index, sigs)
		} else {
			wholly = append(wholly, v.Index)
		}
	}
	a.verdicts = slices.DeleteFunc(a.verdicts, func(v wire.Verdict) bool { return v.Whole })
	if len(wholly) == 0 {
		return a, nil
	}
	more, err := p.askOnce(ctx, nil, wholly, commit)
	if err != nil {
		return nil, err
	}
	a.add(more)
	return a, nil
}

// askOnce asks, in as many requests as it takes.
func (p *pusher) askOnce(ctx context.Context, before []byte, indices []int, commit bool) (*answer, error) {
	slices.Sort(indices)
	indices = slices.Compact(indices)
	a := &answer{signatures: map[int][]wire.Signature{}}
	for len(indices) > 0 {
		n := min(len(indices), max(1, int(p.body.Load()-4096)/(manifest.DigestSize+4)))
		body := p.appendQuestion(append([]byte(nil), before...), indices[:n])
		if commit && n == len(indices) {
			body = p.appendCommit(body, true)
		}
		got := answer{signatures: a.signatures}
		err := p.exchange(ctx, body, got.collect(p))
		if p.shrink(err, len(body)) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if len(got.verdicts) < n {
			return nil, fmt.Errorf("%w: %d verdicts on %d digests", ErrProtocol, len(got.verdicts), n)
		}
		for _, v := range got.verdicts {
			if v.Whole && !p.goesShort(v.Index) {
				return nil, fmt.Errorf("%w: it has the whole digest of entry %d and wants it", ErrProtocol, v.Index)
			}
		}
		a.verdicts = append(a.verdicts, got.verdicts[:n]...)
		indices, before = indices[n:], nil
	}
	return a, nil
}

// collect returns the function that takes the answer's frames.
func (a *answer) collect(p *pusher) func(wire.Frame) error {
	return func(f wire.Frame) error {
		switch f.Type {
		case wire.FrameVerdicts:
			vs, err := wire.ParseVerdicts(f.Payload)
			if err != nil {
				return err
			}
			for _, v := range vs {
				if v.Index >= len(p.tree.Entries) {
					return fmt.Errorf("%w: a verdict on entry %d", ErrProtocol, v.Index)
				}
			}
			a.take(vs)
			return nil
		case wire.FrameSignature, wire.FrameHashes:
			s, err := wire.ParseSignature(f.Payload)
			if err != nil {
				return err
			}
			s.Body = append([]byte(nil), s.Body...)
			a.signatures[s.Index] = append(a.signatures[s.Index], s)
			return nil
		}
		return p.onEnd(f)
	}
}

// add adds the answer on other files.
func (a *answer) add(more *answer) {
	a.verdicts = append(a.verdicts, more.verdicts...)
	slices.SortFunc(a.verdicts, func(v, w wire.Verdict) int { return v.Index - w.Index })
	for i, sigs := range more.signatures {
		a.signatures[i] = append(a.signatures[i], sigs...)
	}
}

// take adds verdicts, those on other files than before; an answer may come twice.
func (a *answer) take(vs []wire.Verdict) {
	if len(a.verdicts) > 0 {
		known := make(map[int]bool, len(vs))
		for _, v := range vs {
			known[v.Index] = true
		}
		a.verdicts = slices.DeleteFunc(a.verdicts, func(v wire.Verdict) bool { return known[v.Index] })
	}
	a.verdicts = append(a.verdicts, vs...)
}

// work is what of a window has to be sent, by the way it goes.
type work struct {
	along  []int          // of small, those whose digests the server does not have yet
	small  []wire.Verdict // whole, packed together
	large  []wire.Verdict // whole, in parts
	deltas []wire.Verdict
	twins  []int // the same content as another: to ask about again
	sigs   map[int][]wire.Signature
}

// left is what of the work concerns files that none of done is about.
func (w *work) left(done map[int]bool) work {
	skip := func(v wire.Verdict) bool { return done[v.Index] }
	return work{
		small: slices.DeleteFunc(w.small, skip), large: slices.DeleteFunc(w.large, skip),
		deltas: slices.DeleteFunc(w.deltas, skip), twins: w.twins, sigs: w.sigs,
	}
}

// add adds work on other files.
func (w *work) add(more work) {
	w.small, w.large, w.deltas = append(w.small, more.small...), append(w.large, more.large...), append(w.deltas, more.deltas...)
	w.twins = append(w.twins, more.twins...)
	for i, sigs := range more.sigs {
		if _, fresh := w.sigs[i]; !fresh {
			w.sigs[i] = sigs
		}
	}
}

// smallFile is the size in bytes up to which a file is sent in one frame: the
// server makes all such files of a request durable at once.
const smallFile = 1 << 20

// sort decides how each file goes, and deals with those that need not.
func (p *pusher) sort(a *answer, failed *failures) work {
	w := work{sigs: a.signatures}
	seen := make(map[manifest.Digest]bool, len(a.verdicts))
	had, before, based := 0, 0, 0
	for _, v := range a.verdicts {
		e := &p.tree.Entries[v.Index]
		switch {
		case v.Have:
			if had++; !p.novelty.has(e.Digest) {
				before++
			}
			p.found(v.Index)
		case seen[e.Digest]:
			w.twins = append(w.twins, v.Index)
		case (len(v.Bases) > 0 || v.ViewsStaged() || e.Size >= minArchive && p.localBasis(e) != nil) && !failed.whole(v.Index):
			w.deltas = append(w.deltas, v)
		case e.Size <= smallFile && v.Staged == 0 && e.Size < p.body.Load()/2:
			w.small = append(w.small, v)
			p.novelty.bring(e.Digest)
		default:
			w.large = append(w.large, v)
			p.novelty.bring(e.Digest)
		}
		if !v.Have {
			p.backlog.add(v.Index, max(e.Size-v.Staged, 0))
		}
		seen[e.Digest] = true
		if len(v.Bases) > 0 {
			based++
		}
	}
	p.haste.files.Add(int64(len(w.deltas)))
	lacked := len(a.verdicts) - had
	p.had.Add(int64(had))
	p.lacked.Add(int64(lacked))
	p.novelty.answered(before+based, lacked-based)
	return w
}

// onEnd takes what may follow any other answer: the receipt, or the news that
// content is still missing.
func (p *pusher) onEnd(f wire.Frame) error {
	switch f.Type {
	case wire.FrameReceipt:
		r, err := wire.ParseReceipt(f.Payload, wire.Receipt{Target: p.result.Target, ManifestDigest: p.promised})
		if err != nil {
			return fmt.Errorf("%w: %v", ErrProtocol, err)
		}
		p.receipt = &r
		return nil
	case wire.FrameIncomplete:
		return nil
	}
	return fmt.Errorf("%w: unexpected frame %#02x", ErrProtocol, byte(f.Type))
}

func (p *pusher) appendCommit(body []byte, ifComplete bool) []byte {
	p.promised = p.announced()
	return wire.AppendCommit(body, wire.Commit{ManifestDigest: p.promised, Short: p.spelled && !p.wholly, IfComplete: ifComplete})
}

// announced is the manifest digest as this side knows it: files that the quick
// check settled count as unknown even if they were hashed for another attempt.
func (p *pusher) announced() manifest.Digest { return p.tree.Entries.AnnouncedDigest(p.needs) }

func (p *pusher) commit(ctx context.Context) error {
	return p.remote.Exchange(ctx, p.session, p.appendCommit(nil, false), p.onEnd)
}

// putOff has twins asked about once all windows are through: they may be many, and a
// question for those of each window would hold it up.
func (p *pusher) putOff(twins []int) {
	p.events.Lock()
	defer p.events.Unlock()
	p.twins = append(p.twins, twins...)
}
