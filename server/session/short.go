package session

import (
	"slices"

	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// fewAlike is how many unsettled files there must be at whose paths stand files of
// the same sizes for the client to be told which.
const fewAlike = 64

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
		if f := &s.listed[first+i]; f.old != nil && !f.held && f.old.size == s.list[first+i].Size {
			bits[i/8] |= 1 << (i % 8)
			many++
		}
	}
	if many < fewAlike {
		return nil
	}
	return bits
}

// onShort takes the beginnings of digests. Those that are those of what stands at
// the paths, where the token may read it, count as given; of others the whole digest
// is asked for. That they are no more than beginnings alike, the commit shows.
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
		verdicts[k] = wire.Verdict{Index: s.Index, Whole: true}
		if len(held) > 0 && held[0].Index == s.Index {
			x.session.setHeld(s.Index, held[0].Digest)
			verdicts[k] = wire.Verdict{Index: s.Index, Have: true}
			held = held[1:]
		}
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
