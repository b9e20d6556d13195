// Package treelink resolves symbolic links inside a tree, by component, as a
// kernel would whose root directory is the tree and that refuses to leave it.
package treelink

import (
	"errors"
	"fmt"
	"strings"

	"github.com/pubsync/pubsync/sync/manifest"
)

// MaxHops is the number of links one resolution follows, the limit of Linux
// (path_resolution(7)).
const MaxHops = 40

// MaxSteps is the number of components one resolution looks at, so that a few
// links of "a/../a/../..." cost no more than a deep path does.
const MaxSteps = 1000

// Errors of a resolution that meets no error of its lookup.
var (
	ErrOutside = errors.New("symlink leads out of the tree")
	ErrLoop    = errors.New("too many symlinks")
	ErrTooLong = errors.New("symlink takes too many steps")
	ErrNotDir  = errors.New("not a directory")
)

// A Lookup returns the entry at a path that is not the root.
type Lookup func(manifest.Path) (manifest.Entry, error)

// Resolve returns the entry that path leads to once every symbolic link on the
// way is followed, the last one too; its Kind is never Symlink. The root is a
// directory with an empty Path. An absolute link is [ErrOutside], as is one
// that climbs above the root. Errors of lookup are returned as they are.
func Resolve(path manifest.Path, lookup Lookup) (manifest.Entry, error) {
	cur := manifest.Entry{Kind: manifest.Dir}
	rest := strings.Split(string(path), "/")
	hops, steps := 0, 0
	for len(rest) > 0 {
		name := rest[0]
		rest = rest[1:]
		if steps++; steps > MaxSteps {
			return manifest.Entry{}, fmt.Errorf("%q: %w", path, ErrTooLong)
		}
		if cur.Kind != manifest.Dir {
			return manifest.Entry{}, fmt.Errorf("%q: %w", cur.Path, ErrNotDir)
		}
		switch name {
		case "", ".":
			continue
		case "..":
			if cur.Path == "" {
				return manifest.Entry{}, fmt.Errorf("%q: %w", path, ErrOutside)
			}
			cur = manifest.Entry{Path: cur.Path.Dir(), Kind: manifest.Dir}
			continue
		}
		e, err := lookup(cur.Path.Join(manifest.Path(name)))
		if err != nil {
			return manifest.Entry{}, err
		}
		if e.Kind != manifest.Symlink {
			cur = e
			continue
		}
		if hops++; hops > MaxHops {
			return manifest.Entry{}, fmt.Errorf("%q: %w", path, ErrLoop)
		}
		if strings.HasPrefix(e.Link, "/") {
			return manifest.Entry{}, fmt.Errorf("%q: %w", e.Path, ErrOutside)
		}
		rest = append(strings.Split(e.Link, "/"), rest...)
	}
	return cur, nil
}
