package export

import (
	"context"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// A seen is the state of the tree at which a target was last looked at whole.
type seen struct {
	version store.Version
	dir     manifest.Path // where the target led
}

// maxSince bounds the publications that are looked at one by one.
const maxSince = 1000

// unchanged reports whether nothing was published at v to what the target shows
// since it was looked at: then there is no need to read its whole tree. It takes
// time in proportion to the publications since.
func (x *Exporter) unchanged(ctx context.Context, t, dir manifest.Path, v store.Version) (bool, error) {
	last, ok := x.seen[t]
	if !ok || last.dir != dir || last.version > v {
		return false, nil
	}
	if name, err := x.current(t); err != nil || name == "" {
		return false, nil // somebody has taken it away: bringing it up says what is wrong
	}
	if last.version == v {
		return true, nil
	}
	since, err := x.cfg.Store.Log(ctx, "", v+1, maxSince)
	if err != nil {
		return false, err
	}
	for _, p := range since {
		if p.Number <= last.version {
			return true, nil
		}
		if p.Target.Within(dir) || dir.Within(p.Target) {
			return false, nil
		}
	}
	return len(since) < maxSince, nil
}
