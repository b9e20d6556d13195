package session

import (
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// onDigests takes the digests of entries and answers, for each, whether its
// content is held, or else what is staged of it and what to delta it against.
func (x *exchange) onDigests(payload []byte) error {
	ds, fresh, err := x.digests(payload)
	if err != nil {
		return err
	}
	all := make([]manifest.Digest, len(ds))
	for i := range ds {
		all[i] = ds[i].Digest
	}
	have, err := x.session.store().Have(x.ctx, x.session.id, all, x.auth.Sight())
	if err != nil {
		return err
	}
	if err := x.claim(ds, have); err != nil {
		return err
	}
	verdicts := make([]wire.Verdict, len(ds))
	for i, d := range ds {
		verdicts[i] = wire.Verdict{Index: d.Index, Have: have[i]}
		if have[i] {
			if x.session.setHeld(d.Index, d.Digest) && !fresh[i] {
				x.sent++ // absent when it was asked about first
			}
			continue
		}
		if fresh[i] {
			x.absent++
		}
		if err := x.prepare(&verdicts[i], d.Digest); err != nil {
			return err
		}
	}
	x.reply = wire.AppendVerdicts(x.reply, verdicts)
	x.offers = append(x.offers, verdicts...)
	return nil
}

// digests takes the digests of entries, and returns for each whether it is news.
func (x *exchange) digests(payload []byte) (ds []wire.Digest, fresh []bool, err error) {
	if ds, err = wire.ParseDigests(payload); err != nil {
		return nil, nil, err
	}
	fresh, err = x.session.setDigests(ds, false)
	return ds, fresh, err
}

// onAlong takes the digests of entries whose content comes along: nobody asks whether
// it is held.
func (x *exchange) onAlong(payload []byte) error {
	ds, fresh, err := x.digests(payload)
	if err != nil {
		return err
	}
	for i := range fresh {
		if fresh[i] {
			x.absent++ // until it has come
		}
	}
	return x.claim(ds, make([]bool, len(ds)))
}

// claim reserves space for what is about to come, and the quotas' for what will
// be published, before a byte of it is accepted.
func (x *exchange) claim(ds []wire.Digest, have []bool) error {
	s := x.session
	if s.rec.DryRun {
		return nil
	}
	ws := make([]want, len(ds))
	for i, d := range ds {
		e, err := s.entry(d.Index)
		if err != nil {
			return err
		}
		ws[i] = want{index: d.Index, digest: d.Digest, size: e.Size, held: have[i]}
		if !have[i] {
			if ws[i].staged, err = s.stagedSize(x.ctx, d.Digest); err != nil {
				return err
			}
		}
	}
	return s.claim.take(x.ctx, s.rec.Entries, ws)
}

// granted makes sure that space is reserved for content that is here.
func (x *exchange) granted(index int, e manifest.Entry) error {
	if x.session.claim.owes(index) || x.session.isHeld(index) {
		return nil
	}
	return x.claim([]wire.Digest{{Index: index, Digest: e.Digest}}, []bool{false})
}

// setDigests records the digests; the indices are in the list, and of files. short
// says that only their beginnings were given, the rest being what stands there. It
// tells which the session did not have before.
func (s *session) setDigests(ds []wire.Digest, short bool) (fresh []bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh = make([]bool, len(ds))
	for i, d := range ds {
		if d.Index >= len(s.list) {
			return nil, listNeeded(len(s.list))
		}
		e, f := &s.list[d.Index], &s.listed[d.Index]
		if e.Kind != manifest.File {
			return nil, wire.Errorf(wire.CodeBadRequest, "a digest for entry %d, %q, which is no file", d.Index, e.Path)
		}
		if e.Digest != d.Digest {
			e.Digest, f.held, f.stands = d.Digest, false, changed
			fresh[i] = true
		}
		f.given, f.awaited, f.short = true, false, short
	}
	return fresh, nil
}

// finishStaged takes in a file that is staged whole. One that turns out to be
// other bytes is begun anew, with none staged.
func (x *exchange) finishStaged(index int, e manifest.Entry) (have bool, staged int64, err error) {
	st, err := x.session.stage(partKey{e.Digest, wire.Raw})
	if err != nil {
		return false, 0, err
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.done { // by another request, just now: the next question says so
		return false, 0, nil
	}
	have, err = x.takeIn(st, index, e)
	return have, 0, err
}

// prepare fills in what a client needs to send an entry's content.
func (x *exchange) prepare(v *wire.Verdict, d manifest.Digest) error {
	s := x.session
	e, err := s.entry(v.Index)
	if err != nil {
		return err
	}
	if v.Staged, err = s.stagedSize(x.ctx, d); err != nil {
		return err
	}
	if v.Staged > 0 && v.Staged >= e.Size {
		// All of it came, but whoever brought it was gone before the end.
		if v.Have, v.Staged, err = x.finishStaged(v.Index, e); err != nil || v.Have {
			return err
		}
	}
	if v.Plain, v.Recipe, err = s.stagedViews(x.ctx, d); err != nil {
		return err
	}
	if s.isHeld(v.Index) { // what was being rebuilt of it is done
		v.Have = true
		return nil
	}
	v.Bases, err = x.bases(v.Index, &e)
	for i := range v.Bases {
		v.Bases[i].Named = true
	}
	return err
}
