package session

import (
	"errors"

	"github.com/pubsync/pubsync/delta"
	"github.com/pubsync/pubsync/delta/codec"
	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

const (
	// maxVolunteered bounds the signatures that come unasked in one answer to
	// digests, in bytes: they save a round trip where they are few.
	maxVolunteered = 1 << 20
	// maxListed is the same for the answer to a list, where the client has not
	// even said that the content differs.
	maxListed = 32 << 10
)

// onSign answers a question about a basis. One that the token may not read, or
// that is not there, is answered with nothing.
func (x *exchange) onSign(payload []byte) error {
	q, err := wire.ParseSign(payload)
	if err != nil {
		return err
	}
	body, err := x.hashes(q)
	if err != nil {
		return err
	}
	x.reply = wire.AppendSignature(x.reply, wire.FrameHashes, wire.Signature{Index: q.Index, Basis: q.Basis, Body: body})
	return nil
}

func (x *exchange) hashes(q wire.Sign) ([]byte, error) {
	src, done, err := x.openBasis(q.Basis)
	if err != nil || src.ReaderAt == nil {
		return nil, err
	}
	defer done()
	req, err := codec.DecodeRequest(q.Params, src.Size)
	if err != nil {
		return nil, wire.Errorf(wire.CodeBadRequest, "signature request: %v", err)
	}
	if int64(len(x.reply))+req.Blocks()*int64(req.HashBits())/8 > maxReply {
		return nil, nil
	}
	sig, err := delta.Sign(src, req)
	if err != nil {
		return nil, err
	}
	return codec.AppendHashes(nil, sig), nil
}

// volunteer adds the first signatures of the bases that were offered for files
// whose content has not come in the same request.
func (x *exchange) volunteer() error {
	room := int64(maxVolunteered)
	for i := range x.offers {
		v := &x.offers[i]
		if v.Have || len(v.Bases) == 0 || x.session.isHeld(v.Index) {
			continue
		}
		for _, b := range v.Bases {
			if err := x.volunteerOne(v.Index, b, &room); err != nil {
				return err
			}
		}
	}
	return nil
}

// volunteerOne adds a signature if it fits into the room that is left.
func (x *exchange) volunteerOne(index int, b wire.Basis, room *int64) error {
	e, err := x.session.entry(index)
	if err != nil {
		return err
	}
	req := delta.FirstRequest(e.Size, b.Size)
	size := req.Blocks()*int64(req.HashBits())/8 + 128
	if size > *room {
		return nil
	}
	src, done, err := x.openBasis(b)
	if err != nil || src.ReaderAt == nil {
		return err
	}
	defer done()
	sig, err := delta.Sign(src, req)
	if err != nil {
		return err
	}
	*room -= size
	x.reply = wire.AppendSignature(x.reply, wire.FrameSignature, wire.Signature{Index: index, Basis: b, Body: codec.AppendSignature(nil, sig, b.Size)})
	return nil
}

// volunteerListed adds signatures for the unsettled files of a list that have
// a predecessor at the same path, if they are few.
func (x *exchange) volunteerListed(first, n int) error {
	room := int64(maxListed)
	for i := first; i < first+n; i++ {
		b, ok := x.predecessor(i)
		if !ok {
			continue
		}
		if err := x.volunteerOne(i, b, &room); err != nil {
			return err
		}
		if room < 256 {
			return nil
		}
	}
	return nil
}

// predecessor returns what is published at the path of the unsettled file i.
func (x *exchange) predecessor(i int) (wire.Basis, bool) {
	s := x.session
	s.mu.Lock()
	defer s.mu.Unlock()
	old, ok := s.old[i]
	if !ok || old.size < minDelta || s.list[i].Size < minDelta || !x.auth.Sight()(s.rec.Target.Join(s.list[i].Path)) {
		return wire.Basis{}, false
	}
	return wire.Basis{Digest: old.digest, Size: old.size}, true
}

// openBasis opens a basis for reading if the token may read its content. It
// returns a zero source if not, or if it is not there.
func (x *exchange) openBasis(b wire.Basis) (delta.Source, func(), error) {
	ok, known := x.seen[b.Digest]
	if !known {
		have, err := x.session.store().Have(x.ctx, x.session.id, []manifest.Digest{b.Digest}, x.auth.Sight())
		if err != nil {
			return delta.Source{}, nil, err
		}
		ok = have[0]
		x.seen[b.Digest] = ok
	}
	if !ok || b.View != wire.Raw {
		return delta.Source{}, nil, nil
	}
	blob, err := x.session.store().Open(x.ctx, b.Digest)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrDamaged) {
		return delta.Source{}, nil, nil
	}
	if err != nil {
		return delta.Source{}, nil, err
	}
	return delta.Source{ReaderAt: blob, Size: blob.Size()}, func() { blob.Close() }, nil
}
