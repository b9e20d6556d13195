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
	// Newer reports whether a name is that of a newer build than another. No link
	// moves from a newer build that is there to an older one.
	Newer(shown, asked string) bool
}

// mayStand reports whether "unchanged" may be the answer to an open: the quick
// check will do, and the names it asks for show the build already, or a newer one.
func (e *Engine) mayStand(ctx context.Context, o *wire.Open) (bool, error) {
	if o.Checksum || o.ByFile || o.Visibility != "" {
		return false, nil
	}
	if len(o.Aliases) == 0 {
		return true, nil
	}
	_, _, move := e.cfg.Builds.Names(o.Target, o.Aliases, e.cfg.Now())
	for i := range move {
		if stays, err := e.stays(ctx, &move[i]); err != nil || !stays {
			return false, err
		}
	}
	return true, nil
}

// stays reports whether a commit would leave a link as it is.
func (e *Engine) stays(ctx context.Context, link *manifest.Entry) (bool, error) {
	got, err := e.cfg.Store.Lookup(ctx, link.Path, store.Latest)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return false, nil
	case err != nil || got.Kind != manifest.Symlink || got.Link == link.Link:
		return err == nil && got.Link == link.Link, err
	case !e.cfg.Builds.Newer(got.Link, link.Link):
		return false, nil
	}
	shown, err := e.cfg.Store.Lookup(ctx, link.Path.Dir().Join(manifest.Path(got.Link)), store.Latest)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil && shown.Kind == manifest.Dir, err
}
