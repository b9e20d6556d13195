package push

import (
	"context"
	"errors"
	"path"
	"strings"

	"github.com/pubsync/pubsync/delta"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/walk"
	"github.com/pubsync/pubsync/sync/wire"
)

// Builds put out the same files in several shapes: an image of a file system and a tar,
// say, whose names differ in nothing but the extension. The server has neither, but once
// it has the one, of the other only the difference need be sent, and that is found
// without signatures, as both are at hand. To find all of it takes as long as compressing
// does, some 300 MB/s, so that it is done where the link is what takes the time. Elsewhere
// only whole sectors are looked for, at several GB/s.

// Bounds of comparing files with others of the same push, in bytes or entries.
const (
	minSibling   = 16 << 20 // least of either
	siblingWhole = 2        // part of a file, one in so many, that may be new of one that would go whole
	siblingDelta = 16       // and of one of which the server has an older version
	siblingCache = 2 << 20  // of either, that is kept while they are compared
	sectorMemory = 10 << 20 // what comparing by sectors takes
	siblingSpan  = 64       // entries before it among which the other is looked for
)

// siblings are the large files that are under way, by index. Guarded by events.
type siblings map[int]*bringing

// bringing is one of them: it is there, or not, when done is closed.
type bringing struct {
	by   *window
	done chan struct{}
}

// siblingOf returns the index of a file before that at i whose content this one is
// likely to have, the largest of several.
func (p *pusher) siblingOf(i int) (found int, ok bool) {
	entries := p.tree.Entries
	e := &entries[i]
	stem := withoutExt(e.Path)
	for k := i - 1; k >= max(0, i-siblingSpan) && strings.HasPrefix(string(entries[k].Path), stem); k-- {
		o := &entries[k]
		if o.Kind != manifest.File || o.Size < minSibling || o.Digest.IsZero() || withoutExt(o.Path) != stem {
			continue
		}
		if !ok || o.Size > entries[found].Size {
			found, ok = k, true
		}
	}
	return found, ok
}

// withoutExt returns a path without the last extension of its name.
func withoutExt(p manifest.Path) string { return strings.TrimSuffix(string(p), path.Ext(string(p))) }

// announce tells that the large files of a window are about to be asked about, and go if
// the server lacks them; what it returns is called when the window is through. It is called
// before the next window is hashed, so that whoever sends a later file knows of all before.
func (p *pusher) announce(w *window) (over func()) {
	done := make(chan struct{})
	p.events.Lock()
	defer p.events.Unlock()
	for _, i := range w.indices {
		if p.tree.Entries[i].Size >= minSibling {
			p.siblings[i] = &bringing{w, done}
		}
	}
	return func() {
		p.events.Lock()
		defer p.events.Unlock()
		for _, i := range w.indices {
			delete(p.siblings, i)
		}
		close(done)
	}
}

// arrival returns what is closed once the file at i is there or failed to get there, nil
// if it is there; ok is false if nobody is bringing it.
func (s *sender) arrival(i int) (done <-chan struct{}, ok bool) {
	s.p.events.Lock()
	defer s.p.events.Unlock()
	if s.p.counted[i] {
		return nil, true
	}
	u := s.p.siblings[i]
	if u == nil || u.by == s.window { // what its own window brings it has gone past
		return nil, false
	}
	return u.done, true
}

// bySibling sends a file as its difference from another one of this push that the
// server has or is about to have, and reports whether it did.
func (s *sender) bySibling(v wire.Verdict) (bool, error) {
	p := s.p
	if p.tree.Entries[v.Index].Size < minSibling || s.failed.whole(v.Index) {
		return false, nil
	}
	i, ok := p.siblingOf(v.Index)
	if !ok {
		return false, nil
	}
	if err := errors.Join(s.flush(), s.land()); err != nil {
		return false, err
	}
	done, ok := s.arrival(i)
	if !ok {
		return false, nil
	}
	part := int64(siblingWhole)
	if len(v.Bases) > 0 {
		part = siblingDelta
	}
	m, st, err := s.compare(v, i, p.tree.Entries[v.Index].Size/part)
	if m == nil || err != nil {
		return false, err
	}
	defer m.close()
	if there, err := s.await(i, done); err != nil || !there {
		return false, err
	}
	if err := s.encode(v, st, v.Staged, &p.delta, true); err != nil {
		return false, err
	}
	return true, s.unchanged(m)
}

// deltasBySibling sends those files as their difference from another one of this push that
// the server has an older version of, but which is matched with the other in a fraction of
// the time, and returns the rest. Over a slow link that is not worth the bytes.
func (s *sender) deltasBySibling(vs []wire.Verdict) (rest []wire.Verdict, err error) {
	for _, v := range vs {
		done := false
		if s.p.rate.fast() && !v.ViewsStaged() {
			if done, err = s.bySibling(v); err != nil {
				return nil, err
			}
		}
		if !done {
			rest = append(rest, v)
		}
	}
	return rest, nil
}

// await waits until the file at i is there, and reports whether it is.
func (s *sender) await(i int, done <-chan struct{}) (bool, error) {
	if done == nil {
		return true, nil
	}
	select {
	case <-done:
	case <-s.ctx.Done():
		return false, context.Cause(s.ctx)
	}
	done, there := s.arrival(i)
	return there && done == nil, nil
}

// compare returns a file as its difference from the one at i; none if that is more than
// so many bytes, or either changed.
func (s *sender) compare(v wire.Verdict, i int, most int64) (*match, *stream, error) {
	file, err := s.open(v.Index)
	if file == nil || err != nil {
		return nil, nil, err
	}
	m := &match{verdict: v, file: file}
	other, err := s.open(i)
	if other == nil || err != nil {
		m.close()
		return nil, nil, err
	}
	defer other.Close()
	st := m.raw(true)
	if st.known, err = s.difference(st.src, delta.Source{ReaderAt: other, Size: other.Size()}, most); err == nil && st.known != nil && other.Check() == nil {
		st.bases = []wire.Basis{{Digest: s.p.tree.Entries[i].Digest, Size: other.Size()}}
		return m, st, nil
	}
	m.close()
	return nil, nil, err
}

// open opens a file; nil if it has changed.
func (s *sender) open(i int) (*walk.File, error) {
	f, err := s.p.tree.Open(i)
	if errors.Is(err, walk.ErrChanged) {
		return nil, nil
	}
	return f, err
}

// difference returns what makes a file from another; nil if more than so many bytes of
// it are new.
func (s *sender) difference(src, other delta.Source, most int64) ([]delta.Op, error) {
	compare, memory := compareAll, int64(matchMemory)
	if s.p.rate.fast() {
		compare, memory = delta.DiffSectors, sectorMemory
	}
	done, err := s.p.reserve(s.ctx, memory)
	if err != nil {
		return nil, err
	}
	defer done()
	ops, err := compare(src, other)
	if err != nil || literals(ops) > most {
		return nil, err
	}
	return ops, nil
}

// compareAll returns what makes a file from another, wherever in it that is.
func compareAll(src, other delta.Source) ([]delta.Op, error) {
	return delta.Diff(src, []delta.Source{other}, delta.DiffOptions{Cache: siblingCache})
}

// literals returns how many bytes of ops are literals.
func literals(ops []delta.Op) (n int64) {
	for _, op := range ops {
		if op.Basis == delta.Literal {
			n += op.Len
		}
	}
	return n
}
