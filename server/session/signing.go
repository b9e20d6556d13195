package session

import (
	"cmp"
	"errors"
	"slices"

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
	basis, ok, err := x.resolve(q.Index, q.Basis)
	if err != nil {
		return err
	}
	if !ok {
		x.nothing(q.Index, q.Basis)
		return nil
	}
	src, done, err := x.openBasis(basis)
	if err != nil {
		return err
	}
	if src.ReaderAt == nil {
		x.nothing(q.Index, q.Basis)
		return nil
	}
	defer done()
	answer, kind := wire.Signature{Index: q.Index, Basis: q.Basis}, wire.FrameHashes
	if len(q.Params) == 0 {
		answer.Basis.Size, kind = src.Size, wire.FrameSignature
	}
	if answer.Body, err = x.sign(src, q); err != nil {
		return err
	}
	if len(answer.Body) == 0 {
		kind = wire.FrameHashes
	}
	x.reply = wire.AppendSignature(x.reply, kind, answer)
	return nil
}

// nothing answers a question about a basis that is not to be had.
func (x *exchange) nothing(index int, b wire.Basis) {
	x.reply = wire.AppendSignature(x.reply, wire.FrameHashes, wire.Signature{Index: index, Basis: b})
}

// resolve completes the digest of a basis that is only named: it is one of those
// that the entry has, chosen anew.
func (x *exchange) resolve(index int, b wire.Basis) (wire.Basis, bool, error) {
	if !b.Named {
		return b, true, nil
	}
	chosen, known := x.chosen[index]
	if !known {
		e, err := x.session.entry(index)
		if err != nil {
			return b, false, err
		}
		if chosen, err = x.bases(index, &e); err != nil {
			return b, false, err
		}
		x.chosen[index] = chosen
	}
	for _, c := range chosen {
		c.View = b.View
		if c.Is(b) {
			return c, true, nil
		}
	}
	return b, false, nil
}

// onWant takes note of the view of which signatures are to come with the verdict.
func (x *exchange) onWant(payload []byte) error {
	index, view, err := wire.ParseWant(payload)
	if err != nil {
		return err
	}
	x.wants[index] = view
	return nil
}

// sign answers a question, with nothing if the answer would get too long.
func (x *exchange) sign(src delta.Source, q wire.Sign) ([]byte, error) {
	req, err := delta.FirstRequest(cmp.Or(q.Total, src.Size), src.Size), error(nil)
	if len(q.Params) > 0 {
		req, err = codec.DecodeRequest(q.Params, src.Size)
	}
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
	if len(q.Params) == 0 {
		return codec.AppendSignature(nil, sig, src.Size), nil
	}
	return codec.AppendHashes(nil, sig), nil
}

// volunteer adds the first signatures of the bases that were offered for files
// whose content has not come in the same request.
func (x *exchange) volunteer() error {
	if err := x.volunteerListed(); err != nil {
		return err
	}
	x.offers = slices.DeleteFunc(x.offers, func(v wire.Verdict) bool { return v.Have || len(v.Bases) == 0 || x.session.isHeld(v.Index) })
	var all []wire.Basis
	for _, v := range x.offers[:min(len(x.offers), lookedAt)] {
		all = append(all, v.Bases...)
	}
	if err := x.look(all); err != nil {
		return err
	}
	room := int64(maxVolunteered)
	for _, v := range x.offers {
		view, wanted := x.wants[v.Index]
		for _, b := range v.Bases {
			b.View = view
			if err := x.volunteerOne(v.Index, b, wanted, &room); err != nil {
				return err
			}
		}
	}
	return nil
}

// lookedAt is how many of the files that signatures are offered for are looked at
// together: those of many more do not fit into an answer.
const lookedAt = 1024

// stretch is some entries of the list; but says that those as long as what stands at their
// paths, of which most are unchanged, do not count.
type stretch struct {
	first, n int
	but      bool
}

// signed is a view of a basis, signed for an entry.
type signed struct {
	index  int
	digest manifest.Digest
	view   wire.View
}

// volunteerOne adds a signature if it fits into the room that is left. That of an
// archive's bytes would mostly be in vain, 3 kB for one of 36 MB: it is added only
// if it is wanted. What is wanted and not to be had is answered like a question.
func (x *exchange) volunteerOne(index int, b wire.Basis, wanted bool, room *int64) error {
	key := signed{index, b.Digest, b.View}
	e, err := x.session.entry(index)
	if err != nil || x.told[key] || b.View == wire.Raw && firstSize(e.Size, b.Size) > *room {
		return err
	}
	src, done, err := x.openBasis(b)
	if err != nil {
		return err
	}
	b.Named = true
	if src.ReaderAt == nil {
		if wanted {
			x.nothing(index, b)
		}
		return nil
	}
	defer done()
	total := e.Size
	if b.View != wire.Raw {
		total = src.Size // of the new file's view nothing is known
	} else if !wanted && sniffs(src.ReaderAt, src.Size) {
		return nil // the client wants another view's, most likely, and asks
	}
	size := firstSize(total, src.Size)
	if size > *room {
		return nil
	}
	sig, err := delta.Sign(src, delta.FirstRequest(total, src.Size))
	if err != nil {
		return err
	}
	*room -= size
	x.told[key] = true
	b.Size = src.Size
	x.reply = wire.AppendSignature(x.reply, wire.FrameSignature, wire.Signature{Index: index, Basis: b, Body: codec.AppendSignature(nil, sig, b.Size)})
	return nil
}

// firstSize is about what the first signature of a basis takes, in bytes.
func firstSize(total, basis int64) int64 {
	req := delta.FirstRequest(total, basis)
	return req.Blocks()*int64(req.HashBits())/8 + 128
}

// fewListed is how many files there may be for which signatures are volunteered with
// the answer to their list, stats or short digests: of more the client asks what it needs.
const fewListed = 256

// volunteerListed adds signatures for the unsettled files of the list that have a
// predecessor at the same path, if they are few.
func (x *exchange) volunteerListed() error {
	type file struct {
		index int
		basis wire.Basis
	}
	var files []file
	var bases []wire.Basis
	for _, l := range x.listed {
		for i := l.first; i < l.first+l.n; i++ {
			if l.but && x.session.isAlike(i) {
				continue
			}
			if b, ok := x.predecessor(i); ok && !x.session.isHeld(i) {
				files, bases = append(files, file{i, b}), append(bases, b)
			}
			if len(files) > fewListed {
				return nil
			}
		}
	}
	if err := x.look(bases); err != nil {
		return err
	}
	room := int64(maxListed)
	for _, f := range files {
		if err := x.volunteerOne(f.index, f.basis, false, &room); err != nil {
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
	if i >= len(s.list) { // forgotten meanwhile, by another request
		return wire.Basis{}, false
	}
	old := s.listed[i].old
	if old == nil || old.size < minDelta || s.list[i].Size < minDelta || !x.auth.Sight()(s.rec.Target.Join(s.list[i].Path)) {
		return wire.Basis{}, false
	}
	return wire.Basis{Digest: old.digest, Size: old.size}, true
}

// openBasis opens a view of a basis for reading if the token may read its
// content. It returns a zero source if not, or if it is not there.
func (x *exchange) openBasis(b wire.Basis) (delta.Source, func(), error) {
	if b.View != wire.Raw {
		if ok, err := x.readable(b.Digest); err != nil || !ok {
			return delta.Source{}, nil, err
		}
		return x.openView(b)
	}
	blob, err := x.openBlob(b.Digest)
	if err != nil || blob == nil {
		return delta.Source{}, nil, err
	}
	return delta.Source{ReaderAt: blob, Size: blob.Size()}, func() { blob.Close() }, nil
}

// openBlob opens content that the token may read; nil if it may not, or if it is
// not there.
func (x *exchange) openBlob(d manifest.Digest) (store.Blob, error) {
	if ok, err := x.readable(d); err != nil || !ok {
		return nil, err
	}
	blob, err := x.session.store().Open(x.ctx, d)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrDamaged) {
		return nil, nil
	}
	return blob, err
}

// readable reports whether the token may read the content, and leases it.
func (x *exchange) readable(d manifest.Digest) (bool, error) {
	err := x.look([]wire.Basis{{Digest: d}})
	return x.seen[d], err
}

// look finds out for several bases at once whether they are readable, which one by one
// would take a multiple of the work.
func (x *exchange) look(bases []wire.Basis) error {
	var ds []manifest.Digest
	for i := range bases {
		if _, known := x.seen[bases[i].Digest]; !known {
			ds = append(ds, bases[i].Digest)
		}
	}
	if len(ds) == 0 {
		return nil
	}
	have, err := x.session.store().Have(x.ctx, x.session.id, ds, x.auth.Sight())
	if err != nil {
		return err
	}
	for i, d := range ds {
		x.seen[d] = have[i]
	}
	return nil
}
