package push

import (
	"slices"
	"sync"

	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

const (
	// timesStrange is how many times as many files the server has to know nothing of as it
	// has, or has something like, of those that it was asked about last, for others to go
	// unasked.
	timesStrange = 16
	// askEvery is how many windows there are to each that is asked about then, so that
	// it is found out when the server has what comes next.
	askEvery = 8
)

// novelty follows whether the server has anything of what a push brings. It is safe
// for concurrent use.
type novelty struct {
	mu      sync.Mutex
	strange bool // next to all of what was asked about last
	windows int
	brought map[prefix]struct{} // what went, asked about or not
}

// A prefix stands for content by the beginning of its digest: a push may have millions.
// What is taken for something else for it is asked about, no more.
type prefix [8]byte

// answered takes note of an answer: of how many files the server has something that this
// push has not brought, and of how many nothing.
func (n *novelty) answered(something, nothing int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if something+nothing > 0 {
		n.strange = nothing > timesStrange*something
	}
}

// next reports whether the next window may go unasked.
func (n *novelty) next() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.windows++
	return n.strange && n.windows%askEvery != 0
}

// has reports whether this push has brought content.
func (n *novelty) has(d manifest.Digest) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	_, has := n.brought[prefix(d[:])]
	return has
}

// bring takes note of content that goes, and reports whether it did not before.
func (n *novelty) bring(d manifest.Digest) (first bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.brought == nil {
		n.brought = map[prefix]struct{}{}
	}
	before := len(n.brought)
	n.brought[prefix(d[:])] = struct{}{}
	return len(n.brought) > before
}

// unasked divides the files of a window into those whose digests go along with their
// content and those that are asked about first. The former are files that the window has
// on its shelf, where to send them costs less than to ask: the link outruns the work of
// both sides, and the server has had next to nothing. What is as long as the file that
// stands at its path is asked about: of that the server is likely to have the content.
func (p *pusher) unasked(w *window, amended []byte) (along, asked []int) {
	if w.only || w.shelf == nil || len(amended) > 0 || p.asking || p.rate.effort() != none || !p.novelty.next() {
		return nil, w.indices
	}
	var room int64
	for _, i := range w.indices {
		size := p.tree.Entries[i].Size
		if p.alike[i] || w.shelf.frame(i) == nil || size >= p.body.Load()/2 {
			asked = append(asked, i)
			continue
		}
		along, room = append(along, i), room+size+maxFileHead
	}
	if room+int64(beforeFiles(len(along))) > p.body.Load() {
		return nil, w.indices // the body has shrunk since
	}
	return along, asked
}

// addAlong adds files that go unasked to the work. Of content that more than one of them
// have, or one that went before, the others are asked about later.
func (p *pusher) addAlong(w *work, along []int) {
	for _, i := range along {
		e := &p.tree.Entries[i]
		if !p.novelty.bring(e.Digest) {
			w.twins = append(w.twins, i)
			continue
		}
		w.along = append(w.along, i)
		w.small = append(w.small, wire.Verdict{Index: i})
		p.backlog.add(i, e.Size)
	}
	slices.Sort(w.along)
}
