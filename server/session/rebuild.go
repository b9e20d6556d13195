package session

import (
	"context"
	"errors"
	"fmt"
	"io"

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

// viewPart applies a part of an archive's view and rebuilds the archive once
// both views are whole.
func (x *exchange) viewPart(p wire.Part, e manifest.Entry, bases []delta.Source) error {
	if x.session.isHeld(p.Index) {
		return x.stored(p.Index, wire.Stored)
	}
	if p.Drops() {
		return x.dropViews(p.Index, e)
	}
	a, size, err := x.forView(x.client, p, e)
	if err != nil {
		return x.withoutViews(p.Index, err)
	}
	defer a.mu.Unlock()
	switch {
	case x.session.isHeld(p.Index):
		return x.stored(p.Index, wire.Stored)
	case a.done:
		return x.stored(p.Index, wire.Resend)
	}
	defer a.moved()
	if err := x.applyView(a, p, size, bases, false); err != nil {
		return err
	}
	if !a.whole() {
		return x.stored(p.Index, wire.Staged)
	}
	outcome, err := x.rebuild(a, p.Index, e)
	if err != nil {
		return err // both views stay, for the part to come again
	}
	if outcome == wire.Remodel {
		return errors.Join(a.forgetRecipe(), x.stored(p.Index, outcome))
	}
	x.endViews(a, p.Index, e)
	return x.stored(p.Index, outcome)
}

// cutView stages what it can of a part of a view whose end did not arrive. What
// it cannot use is sent again, so no error matters.
func (x *exchange) cutView(p wire.Part, e manifest.Entry, bases []delta.Source) {
	if x.session.isHeld(p.Index) || p.Drops() {
		return
	}
	a, size, err := x.forView(atOnce(), p, e)
	if err != nil {
		return
	}
	defer a.mu.Unlock()
	if !a.done {
		defer a.moved()
		_ = x.applyView(a, p, size, bases, true)
	}
}

// forView returns the assembly that a part belongs to, locked, with space
// promised for the rest of the view, of which size bytes are staged.
func (x *exchange) forView(ctx context.Context, p wire.Part, e manifest.Entry) (a *assembly, size int64, err error) {
	limit := int64(maxRecipe)
	if p.View == wire.Plain {
		limit = min(maxPlain, e.Size*maxRatio+1<<20)
	}
	if p.Total > limit || p.Offset > p.Total {
		return nil, 0, wire.Errorf(wire.CodeBadRequest, "a view of entry %d, %q, is too large", p.Index, e.Path)
	}
	if a, err = x.session.assemble(e.Digest); err != nil {
		return nil, 0, err
	}
	size, err = x.inTurn(ctx, func(ctx context.Context) (int64, error) { return a.await(ctx, p.View, p.Offset) })
	if err != nil || a.done {
		return a, size, err
	}
	err = x.session.claim.takeView(debt{p.Index, p.View}, p.Total-size)
	if errors.Is(err, &wire.Error{Code: wire.CodeNoSpace}) {
		x.endViews(a, p.Index, e)
	}
	if err != nil {
		a.mu.Unlock()
		return nil, 0, err
	}
	return a, size, nil
}

// endViews gives back what the views of an archive take. a is locked.
func (x *exchange) endViews(a *assembly, index int, e manifest.Entry) {
	x.session.disband(e.Digest, a)
	x.session.claim.settle(debt{index, wire.Plain})
	x.session.claim.settle(debt{index, wire.Recipe})
}

// dropViews forgets what has come of the views of an archive: others are to come.
func (x *exchange) dropViews(index int, e manifest.Entry) error {
	a, err := x.session.assemble(e.Digest)
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open && !a.done {
		x.endViews(a, index, e)
		a.moved()
	}
	return x.stored(index, wire.Staged)
}

// withoutViews has an archive sent as its bytes where its views would take more
// space than there is.
func (x *exchange) withoutViews(index int, err error) error {
	if errors.Is(err, &wire.Error{Code: wire.CodeNoSpace}) {
		return x.stored(index, wire.Resend)
	}
	return err
}

// applyView writes what a part makes, or what its beginning makes if it was cut.
// a is locked.
func (x *exchange) applyView(a *assembly, p wire.Part, size int64, bases []delta.Source, cut bool) error {
	i := which(p.View)
	if a.totals[i] >= 0 && a.totals[i] != p.Total || size > p.Total {
		return wire.Errorf(wire.CodeBadRequest, "a view of entry %d changed its size", p.Index)
	}
	a.totals[i] = p.Total
	apply := x.session.engine.coder.ApplyNoting
	if cut {
		apply = x.session.engine.coder.ApplyCut
	}
	if p.View == wire.Plain {
		a.forgetCopies(size)
	}
	paid := &payer{w: a.views[i], claim: x.session.claim, debt: debt{p.Index, p.View}}
	w := &skipWriter{w: paid, skip: size - p.Offset}
	_, err := apply(p.Body, bases, w, p.Total-p.Offset, func(at int64, c delta.Op) {
		if p.View == wire.Plain && c.Basis == 0 && p.Offset+at >= size {
			a.noteCopy(p.Offset+at, c, p.Bases[0].Digest)
		}
	})
	if unusable(err) {
		return wire.Errorf(wire.CodeBadRequest, "part of a view of entry %d: %v", p.Index, err)
	}
	return err
}

// rebuild makes the archive from its views and takes it in. The basis's own
// compression is a guide, which is fast. Should the result be wrong, the recipe
// most likely is, and a better one is asked for; only with that is the archive
// also made without the guide. How long it took is told.
func (x *exchange) rebuild(a *assembly, index int, e manifest.Entry) (wire.Outcome, error) {
	engine := x.session.engine
	guide, done, err := x.guide(a)
	if err != nil {
		return 0, err
	}
	defer done()
	// Only now: making the guide may take the basis apart.
	over, err := engine.turns.take(x.client, x.session.id)
	if err != nil {
		return 0, err
	}
	defer over()
	began := engine.cfg.Now()
	defer func() {
		x.reply = wire.AppendRebuilt(x.reply, wire.Rebuilt{Index: index, Took: engine.cfg.Now().Sub(began)})
	}()
	recipe, err := a.recipe()
	if err != nil {
		return 0, err
	}
	st, err := x.session.stage(partKey{e.Digest, wire.Raw})
	if err != nil {
		return 0, err
	}
	tries := []*archive.Guide{guide}
	if a.remodelled && guide != nil {
		tries = append(tries, nil)
	}
	for _, g := range tries {
		ok, err := x.tryRebuild(a, recipe, st, index, e, g)
		if err != nil {
			return 0, err
		}
		if ok {
			engine.cfg.Log.Debug("an archive was rebuilt", "path", string(e.Path), "guided", g != nil)
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
func (x *exchange) tryRebuild(a *assembly, recipe []byte, st *staging, index int, e manifest.Entry, g *archive.Guide) (bool, error) {
	if _, err := st.await(x.client, 0); err != nil {
		return false, err
	}
	defer st.mu.Unlock()
	if st.done {
		x.took(index, e.Digest)
		return true, nil
	}
	if st.partial.Size() > 0 {
		if err := st.partial.Truncate(); err != nil {
			return false, err
		}
	}
	w := &boundedWriter{w: &payer{w: st.partial, claim: x.session.claim, debt: debt{index, wire.Raw}}, left: e.Size}
	plain := a.views[which(wire.Plain)]
	lim := archive.DefaultLimits()
	lim.Budget = &a.budget
	err := archive.Rebuild(x.client, plain, plain.Size(), recipe, w, lim, g)
	switch {
	case errors.Is(err, archive.ErrBadRecipe), errors.Is(err, errTooLong):
		return false, st.partial.Truncate()
	case err != nil:
		return false, errors.Join(err, st.partial.Truncate())
	}
	return x.takeIn(st, index, e)
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
