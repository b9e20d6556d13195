package web

import (
	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// A Directory is what the page of one directory shows.
type Directory struct {
	Path    manifest.Path
	Version store.Version    // of the tree shown
	Pinned  bool             // shown at a version that the reader chose
	Entries []manifest.Entry // one page of them, with their full paths, in order
	After   string           // the name this page begins after, "" for the first
	More    bool             // there are entries after these
}
