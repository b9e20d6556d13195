package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/pubsync/pubsync/delta"
	"github.com/pubsync/pubsync/delta/archive"
	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// maxRecipe bounds the recipe of an archive, in bytes.
const maxRecipe = 8 << 20

// maxPlain bounds the plain stream of an archive, in bytes.
const maxPlain = 8 << 30

// maxRatio bounds the plain stream by the size of the archive: deflate makes
// at most 1032 bytes of one, and a tar header's columns are smaller than it.
const maxRatio = 1100

// assembly is an archive arriving as its two views. Parts of each are applied
// in order; one that comes early waits.
type assembly struct {
	mu     sync.Mutex
	turn   chan struct{}
	plain  *os.File
	sizes  [2]int64 // staged of plain and recipe
	totals [2]int64 // announced; -1 while unknown
	recipe []byte
	copies []archive.Copy
	basis  manifest.Digest // that copies refer to
	done   bool

	remodelled bool // a recipe did not make the file, this is another
}

// which is the index of a view in an assembly's sizes.
func which(v wire.View) int { return int(v - wire.Plain) }

func (s *session) assemble(d manifest.Digest) (*assembly, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.archives[d]; a != nil {
		return a, nil
	}
	f, err := s.engine.cfg.Spool()
	if err != nil {
		return nil, err
	}
	a := &assembly{turn: make(chan struct{}), plain: f, totals: [2]int64{-1, -1}}
	s.archives[d] = a
	return a, nil
}

// disband forgets what is staged of an archive's views.
func (s *session) disband(d manifest.Digest, a *assembly) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.archives[d] == a {
		delete(s.archives, d)
	}
	a.plain.Close()
}

// viewPart applies a part of an archive's view and rebuilds the archive once
// both views are whole.
func (x *exchange) viewPart(p wire.Part, e manifest.Entry, bases []delta.Source) error {
	limit := int64(maxRecipe)
	if p.View == wire.Plain {
		limit = min(maxPlain, e.Size*maxRatio+1<<20)
	}
	if p.Total > limit || p.Offset > p.Total {
		return wire.Errorf(wire.CodeBadRequest, "a view of entry %d, %q, is too large", p.Index, e.Path)
	}
	if x.session.isHeld(p.Index) {
		return x.stored(p.Index, wire.Stored)
	}
	plain := debt{p.Index, wire.Plain}
	if p.View == wire.Plain {
		if err := x.session.claim.takeView(plain, p.Total); err != nil {
			return x.withoutViews(p.Index, err)
		}
	}
	a, err := x.session.assemble(e.Digest)
	if err != nil {
		return err
	}
	size, err := a.await(x.ctx, which(p.View), p.Offset)
	if err != nil {
		return err
	}
	defer a.mu.Unlock()
	if a.done {
		return x.stored(p.Index, wire.Stored)
	}
	defer a.moved()
	if err := x.applyView(a, p, size, bases); err != nil {
		return err
	}
	if a.sizes != a.totals {
		return x.stored(p.Index, wire.Staged)
	}
	outcome, err := x.rebuild(a, p.Index, e)
	if err == nil && outcome == wire.Remodel {
		a.forgetRecipe()
		return x.stored(p.Index, outcome)
	}
	a.done = true
	x.session.claim.settle(plain)
	x.session.disband(e.Digest, a)
	if err != nil {
		return err
	}
	return x.stored(p.Index, outcome)
}

// forgetRecipe leaves room for another recipe of the same plain view.
func (a *assembly) forgetRecipe() {
	a.recipe, a.remodelled = nil, true
	a.sizes[which(wire.Recipe)], a.totals[which(wire.Recipe)] = 0, -1
}

// withoutViews has an archive sent as its bytes where its views would take more
// space than there is.
func (x *exchange) withoutViews(index int, err error) error {
	if errors.Is(err, &wire.Error{Code: wire.CodeNoSpace}) {
		return x.stored(index, wire.Resend)
	}
	return err
}

// await locks a once the view has reached off, as [staging.await] does.
func (a *assembly) await(ctx context.Context, view int, off int64) (int64, error) {
	timeout := time.NewTimer(waitForPart)
	defer timeout.Stop()
	for {
		a.mu.Lock()
		if size := a.sizes[view]; a.done || size >= off {
			return size, nil
		}
		// Nothing staged at all: the parts before were lost with a restart.
		lost := a.sizes == [2]int64{} && a.totals == [2]int64{-1, -1}
		turn := a.turn
		a.mu.Unlock()
		if lost {
			return 0, wire.Errorf(wire.CodeGap, "a part begins at byte %d of a view of which nothing is staged", off)
		}
		select {
		case <-turn:
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-timeout.C:
			return 0, wire.Errorf(wire.CodeGap, "a part begins at byte %d of a view and those before it do not come", off)
		}
	}
}

func (a *assembly) moved() {
	close(a.turn)
	a.turn = make(chan struct{})
}

// applyView writes what a part makes. a is locked.
func (x *exchange) applyView(a *assembly, p wire.Part, size int64, bases []delta.Source) error {
	i := which(p.View)
	if a.totals[i] >= 0 && a.totals[i] != p.Total {
		return wire.Errorf(wire.CodeBadRequest, "a view of entry %d changed its size", p.Index)
	}
	a.totals[i] = p.Total
	paid := &payer{w: &viewWriter{a, i}, claim: x.session.claim, debt: debt{p.Index, p.View}}
	w := &skipWriter{w: paid, skip: size - p.Offset}
	note := func(at int64, c delta.Op) {
		if p.View != wire.Plain || c.Basis != 0 || p.Offset+at < size {
			return
		}
		a.basis = p.Bases[0].Digest
		a.copies = append(a.copies, archive.Copy{New: p.Offset + at, Old: c.Off, Len: c.Len})
	}
	_, err := x.session.engine.coder.ApplyNoting(p.Body, bases, w, p.Total-p.Offset, note)
	if unusable(err) {
		return wire.Errorf(wire.CodeBadRequest, "part of a view of entry %d: %v", p.Index, err)
	}
	return err
}

// viewWriter appends to a view.
type viewWriter struct {
	a *assembly
	i int
}

func (w *viewWriter) Write(p []byte) (int, error) {
	if w.i == which(wire.Recipe) {
		w.a.recipe = append(w.a.recipe, p...)
	} else if _, err := w.a.plain.WriteAt(p, w.a.sizes[w.i]); err != nil {
		return 0, err
	}
	w.a.sizes[w.i] += int64(len(p))
	return len(p), nil
}

// rebuild makes the archive from its views and takes it in. The basis's own
// compression is a guide, which is fast. Should the result be wrong, the recipe
// most likely is, and a better one is asked for; only with that is the archive
// also made without the guide.
func (x *exchange) rebuild(a *assembly, index int, e manifest.Entry) (wire.Outcome, error) {
	engine := x.session.engine
	guide, done, err := x.guide(a)
	if err != nil {
		return 0, err
	}
	defer done()
	// Only now: making the guide may take the basis apart.
	if err := engine.archives.Acquire(x.ctx, 1); err != nil {
		return 0, err
	}
	defer engine.archives.Release(1)
	partial, err := x.session.store().OpenPartial(x.session.id, e.Digest)
	if err != nil {
		return 0, err
	}
	defer partial.Close()
	tries := []*archive.Guide{guide}
	if a.remodelled && guide != nil {
		tries = append(tries, nil)
	}
	for _, g := range tries {
		ok, err := x.tryRebuild(a, partial, index, e, g)
		if err != nil {
			return 0, err
		}
		if ok {
			x.took(index, e.Digest)
			return wire.Stored, nil
		}
		engine.cfg.Log.Debug("an archive was rebuilt wrongly", "path", string(e.Path), "guided", g != nil, "remodelled", a.remodelled)
	}
	x.session.claim.settle(debt{index, wire.Raw}) // to be promised anew
	if !a.remodelled {
		return wire.Remodel, nil
	}
	return wire.Resend, nil
}

// tryRebuild reports whether the archive came out as its digest says.
func (x *exchange) tryRebuild(a *assembly, partial store.Partial, index int, e manifest.Entry, g *archive.Guide) (bool, error) {
	if partial.Size() > 0 {
		if err := partial.Truncate(); err != nil {
			return false, err
		}
	}
	w := &boundedWriter{w: &payer{w: partial, claim: x.session.claim, debt: debt{index, wire.Raw}}, left: e.Size}
	err := archive.Rebuild(x.ctx, a.plain, a.sizes[which(wire.Plain)], a.recipe, w, archive.DefaultLimits(), g)
	if errors.Is(err, archive.ErrBadRecipe) || errors.Is(err, errTooLong) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	err = partial.Finish(x.ctx)
	if errors.Is(err, store.ErrMismatch) {
		return false, nil
	}
	return err == nil, err
}

// guide is the basis that most of the plain stream was copied from.
func (x *exchange) guide(a *assembly) (*archive.Guide, func(), error) {
	none := func() {}
	if len(a.copies) == 0 {
		return nil, none, nil
	}
	v, done, err := x.session.view(x.ctx, a.basis, func() (store.Blob, error) { return x.openBlob(a.basis) })
	if err != nil || v == nil {
		return nil, none, err
	}
	return &archive.Guide{
		Basis: v.blob, BasisSize: v.blob.Size(), BasisPlain: v.plain, BasisPlainSize: v.size, BasisRecipe: v.recipe,
		Copies: a.copies,
	}, done, nil
}

var errTooLong = fmt.Errorf("more bytes than the file has")

// boundedWriter fails once more is written than a file may have.
type boundedWriter struct {
	w    io.Writer
	left int64
}

func (b *boundedWriter) Write(p []byte) (int, error) {
	if int64(len(p)) > b.left {
		return 0, errTooLong
	}
	b.left -= int64(len(p))
	return b.w.Write(p)
}
