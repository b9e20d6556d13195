package export

import (
	"context"
	"errors"
	"fmt"

	"github.com/pubsync/pubsync/server/files/treelink"
	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

const (
	writeBits  = 0o222
	maxOmitted = 20 // in a report
)

// plan returns what the export of a target at v is to hold: the tree as it was
// published in dir, where the target leads, but for what the configuration
// changes.
func (x *Exporter) plan(ctx context.Context, t, dir manifest.Path, v store.Version, rep *Report) (manifest.List, error) {
	var l manifest.List
	err := x.cfg.Store.Walk(ctx, dir, v, func(e manifest.Entry) error {
		l = append(l, e)
		return nil
	})
	if err != nil {
		return nil, err
	}
	l.Sort()
	for i := range l {
		x.restrict(&l[i])
	}
	if x.cfg.Outside == Keep {
		return l, nil
	}
	var kept manifest.List
	for i := range l {
		if l[i].Kind != manifest.Symlink || !leadsOut(l, l[i].Path) {
			kept = append(kept, l[i])
			continue
		}
		if x.cfg.Outside == Refuse {
			return nil, fmt.Errorf("%w: %q to %q", ErrLeadsOut, l[i].Path, l[i].Link)
		}
		if len(rep.Omitted) < maxOmitted {
			rep.Omitted = append(rep.Omitted, t.Join(l[i].Path))
		}
	}
	return kept, nil
}

// restrict takes from an entry's mode what the export must not carry.
func (x *Exporter) restrict(e *manifest.Entry) {
	if x.cfg.ReadOnly && e.Kind == manifest.File {
		e.Mode &^= writeBits
	}
}

var errAbsent = errors.New("absent")

// leadsOut reports whether a kernel that follows the link at p, in a folder
// that holds l, may leave that folder. What it cannot say is taken to lead
// out; a link that leads nowhere or in a circle does not.
func leadsOut(l manifest.List, p manifest.Path) bool {
	_, err := treelink.Resolve(p, func(p manifest.Path) (manifest.Entry, error) {
		if i, ok := l.Find(p); ok {
			return l[i], nil
		}
		return manifest.Entry{}, errAbsent
	})
	return errors.Is(err, treelink.ErrOutside) || errors.Is(err, treelink.ErrTooLong)
}
