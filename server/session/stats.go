package session

import (
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// onStats takes mtimes and sizes of entries of known groups, and unless they are those
// of directories alone answers which files need a digest.
func (x *exchange) onStats(payload []byte) error {
	t, err := wire.ParseStats(payload)
	if err != nil {
		return err
	}
	bits, err := x.session.setStats(&t)
	if err != nil || t.Dirs {
		return err
	}
	x.reply = wire.AppendUnsettled(x.reply, t.First, t.Len, bits)
	x.tellAlike(t.First, t.Len)
	return x.charge()
}

// await has the file at index i wait for its mtime and size. Until then it counts for
// nothing, and has no content.
func (s *session) await(i int, e *manifest.Entry) {
	s.totals.add(e, -1)
	f := &s.listed[i]
	f.old = &oldFile{e.Size, e.Digest, e.MTime}
	e.Size, e.MTime, e.Digest = 0, 0, manifest.Digest{}
	s.totals.add(e, 1)
	f.held, f.awaited = false, true
}

// setStats sets mtimes and sizes, and returns the bits of the entries that need a
// digest. What was set before may be repeated.
func (s *session) setStats(t *wire.Stats) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.First+t.Len > len(s.list) {
		return nil, listNeeded(len(s.list))
	}
	bits := make([]byte, (t.Len+7)/8)
	mtimes, sizes := t.MTimes, t.Sizes
	for k := range t.Len {
		i := t.First + k
		e := s.list[i]
		file := e.Kind == manifest.File && !t.Dirs
		if t.Tells(&e) {
			if len(mtimes) == 0 || file && len(sizes) == 0 {
				return nil, wire.Errorf(wire.CodeBadRequest, "stats that end before entry %d", i)
			}
			e.MTime, mtimes = mtimes[0], mtimes[1:]
		}
		if file {
			e.Size, sizes = sizes[0], sizes[1:]
		}
		if err := s.setStat(i, e); err != nil {
			return nil, err
		}
		if s.listed[i].unsettled() {
			bits[k/8] |= 1 << (k % 8)
		}
	}
	if len(mtimes)+len(sizes) > 0 {
		return nil, wire.Errorf(wire.CodeBadRequest, "stats of more than %d entries", t.Len)
	}
	return bits, nil
}

// setStat gives the entry at index i the mtime and size of e, which is it but for these.
// By them a file that waits for them is settled, or not; that of one that was listed
// cannot change so.
func (s *session) setStat(i int, e manifest.Entry) error {
	was, f := &s.list[i], &s.listed[i]
	if same := was.MTime == e.MTime && was.Size == e.Size; same && !f.awaited {
		if f.stands == butForStats {
			f.stands = stood
		}
		return nil
	}
	if err := e.Check(); err != nil {
		return wire.Errorf(wire.CodeBadRequest, "entry %d: %v", i, err)
	}
	if e.Kind == manifest.File && !f.awaited {
		return wire.Errorf(wire.CodeBadRequest, "entry %d, %q, is known to be other than that", i, e.Path)
	}
	s.totals.add(was, -1)
	s.totals.add(&e, 1)
	*was, f.stands = e, changed
	if f.awaited && f.old.size == e.Size && f.old.mtime == e.MTime {
		was.Digest, f.held, f.stands, f.old = f.old.digest, true, stood, nil
	}
	f.awaited = false
	return nil
}
