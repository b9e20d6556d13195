package session

import (
	"slices"

	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// fewAlike is how many unsettled files there must be at whose paths stand files of
// the same sizes for the client to be told which.
const fewAlike = 64

// tellAlike tells which of the n entries from first on are alike, if they are many, and
// has signatures volunteered for the others, or for all.
func (x *exchange) tellAlike(first, n int) {
	bits := x.session.alike(first, n)
	if bits != nil {
		x.reply = wire.AppendAlike(x.reply, first, n, bits)
	}
	x.listed = append(x.listed, stretch{first, n, bits != nil})
}

// alike returns the bits of those of the n entries from first on that are unsettled
// and as long as what stands at their paths, nil if they are few.
func (s *session) alike(first, n int) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if first+n > len(s.list) { // forgotten meanwhile, by another request
		return nil
	}
	bits, many := make([]byte, (n+7)/8), 0
	for i := range n {
		if s.standsAlike(first + i) {
			bits[i/8] |= 1 << (i % 8)
			many++
		}
	}
	if many < fewAlike {
		return nil
	}
	return bits
}

// standsAlike reports whether the entry at index i is unsettled and as long as what stands
// at its path. s is locked.
func (s *session) standsAlike(i int) bool {
	f := &s.listed[i]
	return f.old != nil && !f.held && f.old.size == s.list[i].Size
}

// isAlike is standsAlike of an entry that may have been forgotten.
func (s *session) isAlike(i int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return i < len(s.list) && s.standsAlike(i)
}

// onShort takes the beginnings of digests. Those that are those of what stands at the
// paths, where the token may read it, count as given; of others the whole digest is asked
// for, and the signatures of what stands there come along if they are few. That they are
// no more than beginnings alike, the commit shows.
func (x *exchange) onShort(payload []byte) error {
	x.session.abridge()
	ss, err := wire.ParseShort(payload)
	if err != nil {
		return err
	}
	standing, err := x.session.standingAs(ss)
	if err != nil {
		return err
	}
	all := make([]manifest.Digest, len(standing))
	for k := range standing {
		all[k] = standing[k].Digest
	}
	have, err := x.session.store().Have(x.ctx, x.session.id, all, x.auth.Sight())
	if err != nil {
		return err
	}
	var held []wire.Digest
	for k, d := range standing {
		if have[k] {
			held = append(held, d)
		}
	}
	if err := x.claim(held, slices.Repeat([]bool{true}, len(held))); err != nil {
		return err
	}
	if _, err := x.session.setDigests(held, true); err != nil {
		return err
	}
	verdicts := make([]wire.Verdict, len(ss))
	for k, s := range ss {
		if len(held) > 0 && held[0].Index == s.Index {
			x.session.setHeld(s.Index, held[0].Digest)
			verdicts[k] = wire.Verdict{Index: s.Index, Have: true}
			held = held[1:]
			continue
		}
		verdicts[k] = wire.Verdict{Index: s.Index, Whole: true}
		x.listed = append(x.listed, stretch{s.Index, 1, false})
	}
	x.reply = wire.AppendVerdicts(x.reply, verdicts)
	return nil
}

// standingAs returns the digests of the files that stand at the paths of the entries
// and begin as given.
func (s *session) standingAs(ss []wire.Short) ([]wire.Digest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ds []wire.Digest
	for _, short := range ss {
		if short.Index >= len(s.list) {
			return nil, listNeeded(len(s.list))
		}
		old := s.listed[short.Index].old
		if old == nil || old.size != s.list[short.Index].Size {
			continue
		}
		if d := (wire.Digest{Index: short.Index, Digest: old.digest}); wire.ShortOf(d) == short {
			ds = append(ds, d)
		}
	}
	return ds, nil
}
