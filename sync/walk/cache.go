package walk

import (
	"errors"
	"sync"
	"time"

	"github.com/pubsync/pubsync/sync/manifest"
)

// ErrBadCache is the error for a stat cache file that is damaged, of another
// version, or that others could have written. Go on without it.
var ErrBadCache = errors.New("unusable stat cache")

// MaxCache bounds the files one [Cache] saves, and so its memory: about 100 MB.
const MaxCache = 500_000

// racyMargin is how much older than the reading of a file its times must be for
// the times to prove that it was not written to since: the coarsest clock of a
// file system still met is FAT's, 2 s.
const racyMargin = int64(2 * time.Second)

// A Cache remembers the digests of files that were hashed before, so that a
// builder whose disk persists need not hash unchanged files again. It is only as
// true as the file system's change times: use it when asked to, never by
// default. It is safe for concurrent use.
type Cache struct {
	mu    sync.Mutex
	files map[string]known
}

type known struct {
	stamp  Stamp
	digest manifest.Digest
	used   bool // looked up or put since the load
}

// NewCache returns an empty cache.
func NewCache() *Cache { return &Cache{files: make(map[string]known)} }

// Lookup returns the digest of the file whose local path is given, if its
// stamp is still the one it had when it was hashed.
func (c *Cache) Lookup(path string, s Stamp) (manifest.Digest, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok := c.files[path]
	if !ok || k.stamp != s || s.CTime == 0 {
		return manifest.Digest{}, false
	}
	if !k.used {
		k.used = true
		c.files[path] = k
	}
	return k.digest, true
}

// Put remembers a digest. read is when the reading of the file began: a file
// whose mtime or change time is less than 2 s before that, or later, is
// forgotten instead, since a write in the same tick of the file system's clock
// would not show (git calls such entries racily clean). So is one with no change
// time, since on such a system an old mtime proves nothing.
func (c *Cache) Put(path string, s Stamp, d manifest.Digest, read time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	trusted := max(s.MTime, s.CTime) < read.UnixNano()-racyMargin && s.CTime != 0
	if !trusted || path == "" || len(path) > maxCachePath {
		delete(c.files, path)
		return
	}
	c.files[path] = known{s, d, true}
}

// Len returns the number of files remembered.
func (c *Cache) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.files)
}
