package files

import (
	"errors"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// ErrBadTree is the error for bytes that are no coded subtree.
var ErrBadTree = errors.New("malformed subtree")

// AppendTree appends the coding of a subtree, which the package comment
// defines, to dst and returns the extended buffer. Every file of l must have
// its digest.
func AppendTree(dst []byte, v store.Version, l manifest.List) []byte { return nil }

// DecodeTree reads a whole coded subtree of at most max entries. Errors wrap
// [ErrBadTree] or are those of [manifest.DecodeList].
func DecodeTree(b []byte, max int) (store.Version, manifest.List, error) { return 0, nil, ErrBadTree }
