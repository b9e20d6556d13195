package session

import (
	"context"
	"crypto/sha256"
	"io"
	"sync"
	"time"

	"github.com/pubsync/pubsync/delta"
	"github.com/pubsync/pubsync/delta/archive"
	"github.com/pubsync/pubsync/delta/deflate"
	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// assembly is an archive arriving as its two views. Parts of each are applied in
// order; one that comes early waits. The bytes are staged in the store, as those
// of large files are, and outlive the session's memory; which of them are copies,
// and how many there are to be, does not. Its lock may be held when the session's
// is taken, never the other way round.
type assembly struct {
	mu     sync.Mutex
	turn   chan struct{} // closed and replaced whenever a view gets longer
	views  [2]store.Partial
	open   bool
	totals [2]int64 // announced; -1 while unknown
	copies []archive.Copy
	basis  manifest.Digest // that copies refer to
	done   bool            // the archive was rebuilt, or is to come another way

	remodelled bool           // a recipe did not make the file, this is another
	budget     deflate.Budget // of all tries to rebuild it
}

// which is the index of a view in an assembly's arrays.
func which(v wire.View) int { return int(v - wire.Plain) }

// viewName is the name by which a view of an archive is staged: that of no file,
// be there one with the view's content or not.
func viewName(archive manifest.Digest, v wire.View) manifest.Digest {
	return sha256.Sum256(append(append([]byte("pubsync staged view\n"), byte(v)), archive[:]...))
}

// assemble returns the assembly of an archive, opening what is staged of it.
func (s *session) assemble(d manifest.Digest) (*assembly, error) {
	s.mu.Lock()
	a := s.archives[d]
	if a == nil {
		a = &assembly{turn: make(chan struct{}), totals: [2]int64{-1, -1}}
		s.archives[d] = a
	}
	s.mu.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open || a.done {
		return a, nil
	}
	for _, v := range []wire.View{wire.Plain, wire.Recipe} {
		p, err := s.store().OpenPartial(s.id, viewName(d, v))
		if err != nil {
			a.close()
			return nil, err
		}
		a.views[which(v)] = p
	}
	a.open = true
	return a, nil
}

// close releases the views and keeps what is staged. a is locked.
func (a *assembly) close() {
	for i, p := range a.views {
		if p != nil {
			p.Close()
		}
		a.views[i] = nil
	}
	a.open = false
}

// end drops what is staged of the views: the archive is whole, or comes another
// way. a is locked.
func (a *assembly) end() {
	for i, p := range a.views {
		p.Remove() // what is left goes with the session
		a.views[i] = nil
	}
	a.open, a.done, a.copies = false, true, nil
}

// size is how much is staged of a view. a is locked, and open.
func (a *assembly) size(v wire.View) int64 { return a.views[which(v)].Size() }

// whole reports whether both views are there to their ends.
func (a *assembly) whole() bool {
	return a.size(wire.Plain) == a.totals[which(wire.Plain)] && a.size(wire.Recipe) == a.totals[which(wire.Recipe)]
}

// await locks a once the view has reached off, as [staging.await] does.
func (a *assembly) await(ctx context.Context, v wire.View, off int64) (size int64, err error) {
	timeout := time.NewTimer(waitForPart)
	defer timeout.Stop()
	for {
		a.mu.Lock()
		if a.done {
			return 0, nil
		}
		if !a.open { // the session was closed meanwhile
			a.mu.Unlock()
			return 0, listNeeded(0)
		}
		if size = a.size(v); size >= off {
			return size, nil
		}
		turn, lost := a.turn, a.empty()
		a.mu.Unlock()
		gap := wire.Errorf(wire.CodeGap, "a part begins at byte %d of a view of which %d are staged", off, size)
		if lost {
			return 0, gap
		}
		select {
		case <-turn:
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-timeout.C:
			return 0, gap
		}
	}
}

// empty reports whether nothing has come of the views: a part from their midst
// then follows others that were dropped. a is locked.
func (a *assembly) empty() bool {
	return a.size(wire.Plain)+a.size(wire.Recipe) == 0 && a.totals == [2]int64{-1, -1}
}

// moved wakes those that await. a is locked.
func (a *assembly) moved() {
	close(a.turn)
	a.turn = make(chan struct{})
}

// forgetRecipe leaves room for another recipe of the same plain view. a is
// locked.
func (a *assembly) forgetRecipe() error {
	a.remodelled = true
	a.totals[which(wire.Recipe)] = -1
	return a.views[which(wire.Recipe)].Truncate()
}

// recipe reads the recipe. a is locked, and the recipe no longer than maxRecipe.
func (a *assembly) recipe() ([]byte, error) {
	b := make([]byte, a.size(wire.Recipe))
	if _, err := a.views[which(wire.Recipe)].ReadAt(b, 0); err != nil && err != io.EOF {
		return nil, err
	}
	return b, nil
}

// noteCopy takes note of a copy to an offset of the plain view. a is locked.
func (a *assembly) noteCopy(at int64, c delta.Op, basis manifest.Digest) {
	a.basis = basis
	a.copies = append(a.copies, archive.Copy{New: at, Old: c.Off, Len: c.Len})
}

// forgetCopies drops the notes of copies that begin at or after an offset: of a
// part that could not be written to its end. a is locked.
func (a *assembly) forgetCopies(from int64) {
	n := len(a.copies)
	for n > 0 && a.copies[n-1].New >= from {
		n--
	}
	a.copies = a.copies[:n]
}

// stagedViews tells what is staged of the views of an archive.
func (s *session) stagedViews(ctx context.Context, d manifest.Digest) (plain, recipe wire.StagedView, err error) {
	if there, err := s.hasViews(ctx, d); err != nil || !there {
		return plain, recipe, err
	}
	a, err := s.assemble(d)
	if err != nil {
		return plain, recipe, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.open {
		return plain, recipe, nil
	}
	for v, to := range map[wire.View]*wire.StagedView{wire.Plain: &plain, wire.Recipe: &recipe} {
		if to.Size = a.size(v); to.Size == 0 {
			continue
		}
		if to.Sum, err = a.views[which(v)].Sum(ctx); err != nil {
			return plain, recipe, err
		}
	}
	return plain, recipe, nil
}

// hasViews reports whether anything may be staged of an archive's views.
func (s *session) hasViews(ctx context.Context, d manifest.Digest) (bool, error) {
	s.mu.Lock()
	a := s.archives[d]
	s.mu.Unlock()
	if a != nil {
		return true, nil
	}
	for _, v := range []wire.View{wire.Plain, wire.Recipe} {
		if n, err := s.stagedBefore(ctx, viewName(d, v)); err != nil || n > 0 {
			return n > 0, err
		}
	}
	return false, nil
}

// disband ends an assembly and forgets it. a is locked.
func (s *session) disband(d manifest.Digest, a *assembly) {
	a.end()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.archives[d] == a {
		delete(s.archives, d)
	}
	for _, v := range []wire.View{wire.Plain, wire.Recipe} {
		delete(s.staged, viewName(d, v))
	}
}
