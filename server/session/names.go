package session

import (
	"context"
	"errors"
	"time"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// Builds knows the names (aliases, symbolic links) that show builds.
type Builds interface {
	// Check refuses a target that is named like an alias, and names that pushes
	// to it cannot ask for.
	Check(target manifest.Path, names []string) error
	// Names returns the build that target belongs to, if any, the links that
	// follow it if it is new, and those that move to it in any case.
	Names(target manifest.Path, names []string, at time.Time) (build manifest.Path, follow, move manifest.List)
}

// mayStand reports whether "unchanged" may be the answer to an open: the quick
// check will do, and the names it asks for show the build already.
func (e *Engine) mayStand(ctx context.Context, o *wire.Open) (bool, error) {
	if o.Checksum || o.ByFile || o.Visibility != "" {
		return false, nil
	}
	if len(o.Aliases) == 0 {
		return true, nil
	}
	_, _, move := e.cfg.Builds.Names(o.Target, o.Aliases, e.cfg.Now())
	for i := range move {
		got, err := e.cfg.Store.Lookup(ctx, move[i].Path, store.Latest)
		if errors.Is(err, store.ErrNotFound) || err == nil && (got.Kind != manifest.Symlink || got.Link != move[i].Link) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
	return true, nil
}
