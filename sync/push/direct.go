package push

import (
	"github.com/pubsync/pubsync/sync/wire"
)

// findDirect finds the files that are matched at once, without a question whether the
// server has them: they differ from what stands at their paths, whose signatures came
// unasked. Those that look like archives are asked about, as they may go by what is
// inside.
func (p *pusher) findDirect() {
	p.direct = map[int]bool{}
	for i := range p.volunteers {
		if i < len(p.needs) && p.needs[i] && !p.alike[i] && p.goesDirect(i) {
			p.direct[i] = true
		}
	}
}

// goesDirect reports whether a file of which a signature came unasked goes by that.
func (p *pusher) goesDirect(i int) bool {
	return !p.asking && !p.opts.DryRun && len(p.opts.Bases) == 0 && p.opts.Attic == nil &&
		(p.opts.Through == Never || !p.looksLikeArchive(i))
}

// addDirect adds files to the work that go by signatures that came unasked.
func (p *pusher) addDirect(w *work, indices []int) {
	if w.sigs == nil {
		w.sigs = map[int][]wire.Signature{}
	}
	for _, i := range indices {
		w.deltas = append(w.deltas, p.directVerdict(i, p.volunteers[i]))
		w.sigs[i] = p.volunteers[i]
		p.backlog.add(i, p.tree.Entries[i].Size)
	}
	p.haste.files.Add(int64(len(indices)))
}

// directVerdict is what the server would say of a file, as far as signatures tell. The
// digest has to go with the content then.
func (p *pusher) directVerdict(i int, sigs []wire.Signature) wire.Verdict {
	v := wire.Verdict{Index: i}
	for _, sig := range sigs {
		v.Bases = append(v.Bases, sig.Basis)
	}
	p.events.Lock()
	defer p.events.Unlock()
	p.untold[i] = true
	return v
}

// tell takes note that the server is told the digests of files.
func (p *pusher) tell(indices []int) {
	p.events.Lock()
	defer p.events.Unlock()
	for _, i := range indices {
		delete(p.untold, i)
	}
}

// appendUntold appends the digest of a file that has not gone with a question.
func (p *pusher) appendUntold(body []byte, i int) []byte {
	p.events.Lock()
	defer p.events.Unlock()
	if !p.untold[i] {
		return body
	}
	return wire.AppendAlong(body, p.digestsOf([]int{i}))
}
