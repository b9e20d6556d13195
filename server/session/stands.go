package session

import (
	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// standing says whether an entry of the list stood under the target when the session
// looked. If so the commit need not look again.
type standing byte

const (
	changed     standing = iota // or nobody knows
	butForStats                 // if the mtime, and the size of a file, that are to be told are those it had
	stood
)

// standingIn says it of an entry of a group.
func standingIn(known wire.Standing, k manifest.Kind) standing {
	switch {
	case known == wire.Stands, known == wire.OtherDirs && k != manifest.Dir:
		return stood
	case known == wire.OtherDirs, known == wire.OtherStats:
		return butForStats
	}
	return changed
}

// saw takes note of the version at which the session looks at what stands. What it has
// of the list may have stood at an earlier one. s is locked.
func (s *session) saw(v store.Version) {
	if len(s.list) > 0 {
		v = min(v, s.stoodAt)
	}
	s.stoodAt = v
}
