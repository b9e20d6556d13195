package session

import (
	"context"
	"errors"
	"slices"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

const (
	minDelta   = 1 << 10 // bytes; a smaller file is sent whole
	minSimilar = 4 << 10 // bytes; a smaller file is not looked for under other names
	maxBuilds  = 8       // earlier builds of the type that are looked at
	maxSimilar = 2       // bases found by name
)

// builds are what a session knows of what was there before it.
type builds struct {
	targets []manifest.Path // earlier builds of its type, the likeliest first
	none    bool            // nothing at all stands under the type
}

// bases chooses what the content of an entry is to be delta'd against, best
// first: the file at the same path in the target; at the same path in the
// newest earlier build of the type; a file whose name differs only in its
// version; for an archive, several that lie beside it. Only what the token may read
// is chosen.
func (x *exchange) bases(index int, e *manifest.Entry) ([]wire.Basis, error) {
	found, err := x.found(index, e)
	return wire.Apart(found), err
}

// found looks for bases of the entry where the best may be first.
func (x *exchange) found(index int, e *manifest.Entry) ([]wire.Basis, error) {
	if e.Size < minDelta {
		return nil, nil
	}
	s := x.session
	if old := s.old(index); old != nil {
		if old.size >= minDelta && x.auth.Sight()(s.rec.Target.Join(e.Path)) {
			return []wire.Basis{{Digest: old.digest, Size: old.size}}, nil
		}
		return nil, nil
	}
	b, err := x.earlier(e.Path)
	if err != nil || b != nil {
		return b, err
	}
	if e.Size < minSimilar {
		return nil, nil
	}
	if b, err = x.similar(e); err != nil || b != nil {
		return b, err
	}
	return x.beside(e)
}

// earlier looks for the path in the earlier builds of the target's type.
func (x *exchange) earlier(p manifest.Path) ([]wire.Basis, error) {
	s := x.session
	b, err := s.knownBuilds(x.ctx)
	if err != nil {
		return nil, err
	}
	for _, t := range b.targets {
		if !x.auth.Sight()(t.Join(p)) {
			continue
		}
		e, err := s.store().Lookup(x.ctx, t.Join(p), store.Latest)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if e.Kind == manifest.File && e.Size >= minDelta {
			return []wire.Basis{{Digest: e.Digest, Size: e.Size}}, nil
		}
	}
	return nil, nil
}

// knownBuilds finds builds that may hold an older version of a file: those in
// the target's own line (android/panda/41 for android/panda/42) before the others
// of its type, each newest first.
func (s *session) knownBuilds(ctx context.Context) (*builds, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.builds != nil {
		return s.builds, nil
	}
	b := &builds{}
	for _, line := range lines(s.rec.Target) {
		all, err := s.store().Builds(ctx, line, maxBuilds+1)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		for _, t := range all {
			if t != s.rec.Target && len(b.targets) < maxBuilds && !slices.Contains(b.targets, t) {
				b.targets = append(b.targets, t)
			}
		}
	}
	_, err := s.store().Lookup(ctx, manifest.Path(s.rec.Target.First()), store.Latest)
	if b.none = errors.Is(err, store.ErrNotFound); err != nil && !b.none {
		return nil, err
	}
	s.builds = b
	return b, nil
}

// lines returns the directories whose builds are looked at for a target.
func lines(target manifest.Path) []manifest.Path {
	typ := manifest.Path(target.First())
	if dir := target.Dir(); dir != "" && dir != typ {
		return []manifest.Path{dir, typ}
	}
	return []manifest.Path{typ}
}

// similar looks for files of the same name but for versions, first in the
// target, then in all of its type.
func (x *exchange) similar(e *manifest.Entry) ([]wire.Basis, error) {
	s := x.session
	if before, err := s.knownBuilds(x.ctx); err != nil || before.none {
		return nil, err
	}
	typ := manifest.Path(s.rec.Target.First())
	found, err := s.store().Similar(x.ctx, typ, e.Path.Base(), 4*maxSimilar)
	if err != nil {
		return nil, err
	}
	var bases []wire.Basis
	for _, f := range found {
		if f.Size < minDelta || !x.auth.Sight()(f.Path) || len(bases) == maxSimilar {
			continue
		}
		b := wire.Basis{Digest: f.Digest, Size: f.Size}
		if len(bases) == 1 && bases[0].Digest == b.Digest {
			continue
		}
		if f.Path.Within(s.rec.Target) && len(bases) > 0 {
			bases = append([]wire.Basis{b}, bases...)
			continue
		}
		bases = append(bases, b)
	}
	return bases, nil
}
