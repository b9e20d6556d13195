package session

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// maxReply bounds the signatures in one answer, in bytes; a client that wants
// more asks again.
const maxReply = 32 << 20

// Exchange runs the frames of a request in order and returns the frames of the
// answer. Frames that took effect before an error stay in effect; all are
// idempotent. Of a body that ends early, because the client was killed or the
// network cut, all that arrived is kept: it is not to be sent again. Errors are
// [*wire.Error], those of the authority or the store, or of body.
func (e *Engine) Exchange(ctx context.Context, auth Authority, id store.SessionID, secret string, body io.Reader) ([]byte, error) {
	keep := context.WithoutCancel(ctx)
	s, leave, err := e.enter(keep, auth, id, secret)
	if err != nil {
		return nil, err
	}
	defer leave()
	x := &exchange{ctx: keep, client: ctx, request: s.begin(body), auth: auth, session: s, seen: map[manifest.Digest]bool{}, wants: map[int]wire.View{}, told: map[signed]bool{}, chosen: map[int][]wire.Basis{}}
	defer x.close()
	defer s.end(x.request)
	reply, err := x.run(body)
	s.noteRoom(err)
	return reply, err
}

// enter returns a session that is in use until the caller leaves it.
func (e *Engine) enter(ctx context.Context, auth Authority, id store.SessionID, secret string) (s *session, leave func(), err error) {
	rec, err := e.find(ctx, auth, id, secret)
	if err != nil {
		return nil, nil, err
	}
	if err := e.touch(ctx, id, rec); err != nil {
		return nil, nil, err
	}
	s = e.get(id, rec)
	e.indexer.begin()
	return s, func() {
		e.indexer.end()
		e.put(s)
	}, nil
}

// noteRoom takes note where a request failed for want of room.
func (s *session) noteRoom(err error) {
	if fullDisk(err) || errors.Is(err, &wire.Error{Code: wire.CodeNoSpace}) {
		s.refused()
	}
}

// exchange is one request of a session.
type exchange struct {
	ctx     context.Context // goes on when the client is gone: what it brought counts
	client  context.Context // ends with the client: of waiting, and of answering
	auth    Authority
	session *session
	request *request
	reply   []byte
	batch   store.Batch    // of the whole files so far, nil if none
	batched []wire.Storing // what to report once batch is durable
	whose   []manifest.Digest
	rebuilt []byte                   // room to rebuild a file in
	offers  []wire.Verdict           // with bases, to volunteer signatures for
	wants   map[int]wire.View        // by index: the view of the bases that signatures are wanted of
	told    map[signed]bool          // signatures that came unasked
	listed  []stretch                // of the list, to volunteer signatures for
	chosen  map[int][]wire.Basis     // by index: the bases chosen again
	seen    map[manifest.Digest]bool // bases known to be readable, or not to be
	absent  int                      // digests that were answered as absent for the first time
	sent    int                      // entries whose content has come
}

func (x *exchange) close() {
	if x.batch != nil {
		x.batch.Discard()
	}
	if x.sent > 0 {
		x.auth.Sent(x.sent)
	}
	if x.absent > 0 {
		x.auth.Asked(x.absent)
	}
}

// took records that the content of the entry at index has come.
func (x *exchange) took(index int, d manifest.Digest) {
	x.session.claim.settle(debt{index, wire.Raw})
	if x.session.setHeld(index, d) {
		x.session.arrive(index, d)
		x.sent++
	}
}

func (x *exchange) run(body io.Reader) ([]byte, error) {
	if err := x.frames(body); err != nil {
		return nil, err
	}
	return x.finish()
}

// frames runs the frames of a body to its end. Its reader serves other bodies while
// what came of this one is made durable.
func (x *exchange) frames(body io.Reader) error {
	r := x.session.engine.reader(body)
	defer x.session.engine.putReader(r)
	for {
		f, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return badBody(errors.Join(err, x.salvage(r)))
		}
		if err := x.auth.Live(); err != nil {
			return err
		}
		if err := x.frame(f); err != nil {
			return badBody(errors.Join(fmt.Errorf("frame %#02x: %w", byte(f.Type), err), x.flush()))
		}
	}
}

// salvage keeps what arrived of a body that ended early.
func (x *exchange) salvage(r *wire.Reader) error {
	if err := x.auth.Live(); err != nil {
		return err
	}
	f, ok := r.Cut()
	switch {
	case ok && f.Type == wire.FramePart:
		x.cutPart(f.Payload)
	case ok && f.Type == wire.FrameFile:
		x.cutFile(f.Payload)
	}
	return x.flush()
}

// finish makes the rest durable and completes the answer.
func (x *exchange) finish() ([]byte, error) {
	if err := x.flush(); err != nil {
		return nil, err
	}
	if err := x.client.Err(); err != nil {
		return nil, err
	}
	return x.reply, x.volunteer()
}

// badBody gives malformed frames their code; other errors pass.
func badBody(err error) error {
	if errors.Is(err, wire.ErrBadFrame) || errors.Is(err, manifest.ErrBadCoding) || errors.Is(err, manifest.ErrBadEntry) {
		return wire.Errorf(wire.CodeBadRequest, "%v", err)
	}
	return err
}

func (x *exchange) frame(f wire.Frame) error {
	switch f.Type {
	case wire.FrameList:
		return x.onList(f.Payload)
	case wire.FrameAmend:
		return x.onAmend(f.Payload)
	case wire.FrameDigests:
		return x.onDigests(f.Payload)
	case wire.FrameAlong:
		return x.onAlong(f.Payload)
	case wire.FrameShort:
		return x.onShort(f.Payload)
	case wire.FrameSign:
		if err := x.client.Err(); err != nil {
			return err
		}
		return x.onSign(f.Payload)
	case wire.FrameOutline:
		return x.onOutline(f.Payload)
	case wire.FrameStats:
		return x.onStats(f.Payload)
	case wire.FrameWant:
		return x.onWant(f.Payload)
	case wire.FrameFile:
		return x.onFile(f.Payload)
	case wire.FramePart:
		return x.onPart(f.Payload)
	case wire.FrameCommit:
		if err := x.flush(); err != nil {
			return err
		}
		return x.onCommit(f.Payload)
	case wire.FrameNumber, wire.FrameLost:
		return x.onNumber(f)
	}
	return wire.Errorf(wire.CodeBadRequest, "frame type %#02x is not known here", byte(f.Type))
}

// onNumber takes the number of this request, or of one that the client has lost.
func (x *exchange) onNumber(f wire.Frame) error {
	n, err := wire.ParseNumber(f.Payload)
	if err != nil {
		return err
	}
	if f.Type == wire.FrameNumber {
		x.session.number(x.request, n)
		return nil
	}
	settle(x.client, x.session.stop(func(r *request) bool { return r != x.request && r.number == n }))
	return nil
}

func (x *exchange) onList(payload []byte) error {
	first, l, err := wire.ParseList(payload, x.session.rec.Entries)
	if err != nil {
		return err
	}
	bits, err := x.session.addList(x.ctx, first, l)
	if err == nil {
		err = x.session.takeKnown()
	}
	if err != nil {
		return err
	}
	if err := x.charge(); err != nil {
		return err
	}
	x.reply = wire.AppendUnsettled(x.reply, first, len(l), bits)
	x.tellAlike(first, len(l))
	return nil
}

func (x *exchange) onAmend(payload []byte) error {
	index, l, err := wire.ParseList(payload, 1)
	if err != nil {
		return err
	}
	if len(l) != 1 {
		return wire.Errorf(wire.CodeBadRequest, "an amendment of %d entries", len(l))
	}
	if err := x.session.amend(index, l[0]); err != nil {
		return err
	}
	return x.charge()
}

// charge takes from the token's budget what the list has beyond what was
// announced, before any content of it is accepted.
func (x *exchange) charge() error {
	s := x.session
	s.mu.Lock()
	defer s.mu.Unlock()
	more := totals{max(s.totals.files, s.paid.files), max(s.totals.bytes, s.paid.bytes)}
	if more == s.paid || s.rec.DryRun {
		return nil
	}
	t := s.rec.terms(s.id)
	t.Files, t.Bytes = more.files, more.bytes
	if err := s.store().Update(x.ctx, func(tx store.Tx) error { return x.auth.Charge(tx, t) }); err != nil {
		return err
	}
	s.paid = more
	return nil
}

func (x *exchange) onFile(payload []byte) error {
	f, err := wire.ParseFile(payload)
	if err != nil {
		return err
	}
	e, err := x.session.file(f.Index)
	if err != nil {
		return err
	}
	if err := x.granted(f.Index, e); err != nil {
		return err
	}
	return x.add(f.Index, e, f.Content)
}

// flush makes the files of the request durable and reports them.
func (x *exchange) flush() error {
	if x.batch == nil {
		return nil
	}
	b := x.batch
	x.batch = nil
	defer b.Discard()
	if err := b.Commit(x.ctx); err != nil {
		return err
	}
	for i, s := range x.batched {
		x.took(s.Index, x.whose[i])
	}
	x.reply = wire.AppendStored(x.reply, x.batched)
	x.batched, x.whose = nil, nil
	return nil
}

func (x *exchange) onCommit(payload []byte) error {
	c, err := wire.ParseCommit(payload)
	if err != nil {
		return err
	}
	receipt, err := x.session.commit(x.ctx, x.auth, c)
	var refused *wire.Error
	if errors.As(err, &refused) && refused.Code == wire.CodeIncomplete && c.IfComplete {
		x.reply = wire.AppendIncomplete(x.reply, refused.Total)
		return nil
	}
	if err != nil {
		return err
	}
	known := wire.Receipt{Target: x.session.rec.Target, ManifestDigest: c.ManifestDigest, URL: wire.PublishedURL(x.auth.Base(), x.session.rec.Target)}
	if c.Short && c.Announces(receipt.ManifestDigest) {
		known.ManifestDigest = receipt.ManifestDigest
	}
	x.reply = wire.AppendReceipt(x.reply, receipt, known)
	return nil
}
