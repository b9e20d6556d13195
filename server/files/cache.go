package files

import (
	"strings"
	"sync"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// found is what the tree holds at a path: an entry, or, if the kind is zero,
// nothing.
type found struct {
	entry manifest.Entry
}

// cache remembers what paths of one version hold. Entries of the newest
// version never change and are never dropped by the store, so the version
// number is all the invalidation there is; older versions are not kept.
//
// It evicts by generation: what was not asked for while half of the capacity
// filled with others goes.
type cache struct {
	half int

	mu         sync.RWMutex
	version    store.Version
	young, old map[manifest.Path]*found
}

// newCache returns a cache of about n entries.
func newCache(n int) *cache {
	return &cache{half: max(n/2, 0), young: map[manifest.Path]*found{}}
}

func (c *cache) get(v store.Version, p manifest.Path) *found {
	c.mu.RLock()
	if v != c.version {
		c.mu.RUnlock()
		return nil
	}
	f, fresh := c.young[p]
	if !fresh {
		f = c.old[p]
	}
	c.mu.RUnlock()
	if f != nil && !fresh {
		c.put(v, f)
	}
	return f
}

// put remembers f at its entry's path. The path must not be part of a longer
// string, which would be kept alive with it.
func (c *cache) put(v store.Version, f *found) {
	if c.half == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if v < c.version {
		return
	}
	if v > c.version {
		c.version, c.young, c.old = v, map[manifest.Path]*found{}, nil
	}
	if len(c.young) >= c.half {
		c.young, c.old = make(map[manifest.Path]*found, c.half), c.young
	}
	c.young[f.entry.Path] = f
}

// clone returns p with bytes of its own.
func clone(p manifest.Path) manifest.Path { return manifest.Path(strings.Clone(string(p))) }
