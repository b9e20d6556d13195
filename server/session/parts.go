package session

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/pubsync/pubsync/delta"
	"github.com/pubsync/pubsync/delta/codec"
	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// add adds the whole content of a file to the batch of the request. Content that
// is not what its digest names is to be sent again.
func (x *exchange) add(index int, e manifest.Entry, content []byte) error {
	if int64(len(content)) != e.Size {
		return x.stored(index, wire.Resend)
	}
	if x.batch == nil {
		b, err := x.session.store().NewBatch(x.session.id)
		if err != nil {
			return err
		}
		x.batch = b
	}
	err := x.batch.Add(e.Digest, e.Size, bytes.NewReader(content))
	if errors.Is(err, store.ErrMismatch) {
		return x.stored(index, wire.Resend)
	}
	if err != nil {
		return err
	}
	x.batched = append(x.batched, wire.Storing{Index: index, Outcome: wire.Stored})
	x.whose = append(x.whose, e.Digest)
	return nil
}

// onPart applies a part to what is staged of its file, and finishes the file
// with its last.
func (x *exchange) onPart(payload []byte) error {
	p, err := wire.ParsePart(payload)
	if err != nil {
		return err
	}
	e, err := x.session.file(p.Index)
	if err != nil {
		return err
	}
	if p.View == wire.Raw && (p.Total != e.Size || p.Offset > p.Total) {
		return wire.Errorf(wire.CodeBadRequest, "a part of entry %d, %q, outside the file", p.Index, e.Path)
	}
	if err := x.granted(p.Index, e); err != nil {
		return err
	}
	bases, done, ok, err := x.openBases(p)
	defer done()
	if err != nil {
		return err
	}
	if !ok {
		return x.stored(p.Index, wire.Unusable)
	}
	if p.View != wire.Raw {
		return x.viewPart(p, e, bases)
	}
	if e.Size <= maxRebuilt && p.Offset == 0 {
		return x.wholePart(p, e, bases)
	}
	return x.stagePart(p, e, bases)
}

func (x *exchange) stored(index int, o wire.Outcome) error {
	x.reply = wire.AppendStored(x.reply, []wire.Storing{{Index: index, Outcome: o}})
	return nil
}

// openBases opens the bases of a part, and completes there the digests of those that
// are only named; ok is false if one is not to be had.
func (x *exchange) openBases(p wire.Part) (srcs []delta.Source, done func(), ok bool, err error) {
	var closers []func()
	done = func() {
		for _, c := range closers {
			c()
		}
	}
	for i := range p.Bases {
		b, ok, err := x.resolve(p.Index, p.Bases[i])
		if err != nil || !ok {
			return nil, done, false, err
		}
		p.Bases[i] = b
		src, c, err := x.openBasis(b)
		if err != nil || src.ReaderAt == nil {
			return nil, done, false, err
		}
		closers = append(closers, c)
		srcs = append(srcs, src)
	}
	return srcs, done, true, nil
}

// unusable reports whether a part failed for what it says, not for the
// server's disk.
func unusable(err error) bool {
	return errors.Is(err, codec.ErrMalformed) || errors.Is(err, codec.ErrTooLarge) || errors.Is(err, codec.ErrBadCopy)
}

// maxRebuilt is the size in bytes up to which a file that comes in one part is
// rebuilt in memory: it is durable with all others of its request, where one that
// is staged takes three syncs for itself.
const maxRebuilt = 1 << 20

// wholePart rebuilds a file in memory; if the part makes all of it, it joins the
// batch of the request.
func (x *exchange) wholePart(p wire.Part, e manifest.Entry, bases []delta.Source) error {
	out := bytes.NewBuffer(x.rebuilt[:0])
	n, err := x.session.engine.coder.Apply(p.Body, bases, out, e.Size)
	x.rebuilt = out.Bytes()
	switch {
	case unusable(err):
		return wire.Errorf(wire.CodeBadRequest, "part of entry %d, %q: %v", p.Index, e.Path, err)
	case err != nil:
		return err
	case n < e.Size:
		return x.stagePart(p, e, bases)
	}
	return x.add(p.Index, e, x.rebuilt)
}

func (x *exchange) stagePart(p wire.Part, e manifest.Entry, bases []delta.Source) error {
	st, err := x.session.stage(partKey{e.Digest, p.View})
	if err != nil {
		return err
	}
	size, err := x.inTurn(x.client, func(ctx context.Context) (int64, error) { return st.await(ctx, p.Offset) })
	if err != nil {
		return err
	}
	defer st.mu.Unlock()
	if st.done {
		x.took(p.Index, e.Digest)
		return x.stored(p.Index, wire.Stored)
	}
	defer st.moved()
	paid := &payer{w: st.partial, claim: x.session.claim, debt: debt{p.Index, wire.Raw}}
	w := &skipWriter{w: paid, skip: size - p.Offset}
	_, err = x.session.engine.coder.Apply(p.Body, bases, w, e.Size-p.Offset)
	if unusable(err) {
		return wire.Errorf(wire.CodeBadRequest, "part of entry %d, %q: %v", p.Index, e.Path, err)
	}
	if err != nil {
		return err
	}
	if st.partial.Size() < e.Size {
		return x.stored(p.Index, wire.Staged)
	}
	return x.finishPart(st, p.Index, e)
}

// cutPart stages what it can of a part whose end did not arrive. What it cannot
// use is sent again, so no error matters.
func (x *exchange) cutPart(payload []byte) {
	p, err := wire.ParsePart(payload)
	if err != nil {
		return
	}
	e, err := x.session.file(p.Index)
	if err != nil || p.View == wire.Raw && (p.Total != e.Size || p.Offset > p.Total) || x.granted(p.Index, e) != nil {
		return
	}
	bases, done, ok, err := x.openBases(p)
	defer done()
	if err != nil || !ok {
		return
	}
	if p.View != wire.Raw {
		x.cutView(p, e, bases)
		return
	}
	x.stageCut(p.Index, e, p.Offset, func(w io.Writer) error {
		_, err := x.session.engine.coder.ApplyCut(p.Body, bases, w, e.Size-p.Offset, nil)
		return err
	})
}

// minCutFile is the least of a file, in bytes, that is worth staging when it was
// cut: it takes a file of its own.
const minCutFile = 16 << 10

// cutFile stages the beginning of a file whose end did not arrive.
func (x *exchange) cutFile(payload []byte) {
	f, err := wire.ParseFile(payload)
	if err != nil || len(f.Content) < minCutFile {
		return
	}
	e, err := x.session.file(f.Index)
	if err != nil || int64(len(f.Content)) > e.Size || x.session.isHeld(f.Index) || x.granted(f.Index, e) != nil {
		return
	}
	x.stageCut(f.Index, e, 0, func(w io.Writer) error {
		_, err := w.Write(f.Content)
		return err
	})
}

// atOnce is the context of what does not wait.
func atOnce() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// inTurn has a part await the one before it until ctx ends. Where the client is gone
// then, that part may have come all the same, with a request before this one which is
// still at work.
func (x *exchange) inTurn(ctx context.Context, await func(context.Context) (int64, error)) (int64, error) {
	staged, err := await(ctx)
	if !errors.Is(err, context.Canceled) {
		return staged, err
	}
	settle(x.ctx, x.session.before(x.request))
	return await(atOnce())
}

// stageCut stages what write makes of a file from an offset on. No error matters.
func (x *exchange) stageCut(index int, e manifest.Entry, off int64, write func(io.Writer) error) {
	st, err := x.session.stage(partKey{e.Digest, wire.Raw})
	if err != nil {
		return
	}
	size, err := x.inTurn(atOnce(), func(ctx context.Context) (int64, error) { return st.await(ctx, off) })
	if err != nil {
		return
	}
	defer st.mu.Unlock()
	if st.done {
		return
	}
	defer st.moved()
	paid := &payer{w: st.partial, claim: x.session.claim, debt: debt{index, wire.Raw}}
	_ = write(&skipWriter{w: paid, skip: size - off})
}

// finishPart checks a file that has arrived whole, and takes it in. st is
// locked.
func (x *exchange) finishPart(st *staging, index int, e manifest.Entry) error {
	ok, err := x.takeIn(st, index, e)
	if err != nil {
		return err
	}
	if !ok {
		return x.stored(index, wire.Resend)
	}
	return x.stored(index, wire.Stored)
}

// takeIn makes the staged file the entry's content; ok is false if it is other
// bytes, which are dropped. st is locked.
func (x *exchange) takeIn(st *staging, index int, e manifest.Entry) (ok bool, err error) {
	err = st.partial.Finish(x.ctx)
	if errors.Is(err, store.ErrMismatch) {
		x.session.claim.settle(debt{index, wire.Raw}) // to be promised anew
		return false, nil
	}
	// Of a failure nobody knows how far it got: the next to ask opens what is there.
	st.partial.Close()
	st.partial = nil
	if err != nil {
		return false, err
	}
	st.done = true
	x.took(index, e.Digest)
	return true, nil
}

// payer counts what was written against what was promised for it.
type payer struct {
	w     io.Writer
	claim *claim
	debt  debt
}

func (p *payer) Write(b []byte) (int, error) {
	n, err := p.w.Write(b)
	p.claim.pay(p.debt, int64(n))
	return n, err
}
