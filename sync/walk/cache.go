package walk

import (
	"errors"
	"time"

	"github.com/pubsync/pubsync/sync/manifest"
)

// ErrBadCache is the error for a stat cache file that is damaged, of another
// version, or that others could have written. Go on without it.
var ErrBadCache = errors.New("unusable stat cache")

// A Cache remembers the digests of files that were hashed before, so that a
// builder whose disk persists need not hash unchanged files again. It is only as
// true as the file system's change times: use it when asked to, never by
// default. It is safe for concurrent use.
type Cache struct{}

// NewCache returns an empty cache.
func NewCache() *Cache { return &Cache{} }

// LoadCache reads a cache that [Cache.Save] wrote. A file that does not exist
// gives an empty cache. Any other failure gives an empty cache, too, and an
// error: [ErrBadCache] if the content is at fault or the file is not the
// user's own, a regular file and unwritable by others.
func LoadCache(name string) (*Cache, error) { return NewCache(), errors.ErrUnsupported }

// Lookup returns the digest of the file whose local path is given, if its
// stamp is still the one it had when it was hashed.
func (c *Cache) Lookup(path string, s Stamp) (manifest.Digest, bool) { return manifest.Digest{}, false }

// Put remembers a digest. read is when the reading of the file began: a file
// whose mtime or change time is less than 2 s before that, or later, is
// forgotten instead, since a write in the same tick of the file system's clock
// would not show (git's "racily clean" entries).
func (c *Cache) Put(path string, s Stamp, d manifest.Digest, read time.Time) {}

// Len returns the number of files remembered.
func (c *Cache) Len() int { return 0 }

// Save writes the cache to the file, mode 0600, replacing it by rename. What
// was neither looked up nor put since the load is kept only while the cache is
// below its bound of 2 million files.
func (c *Cache) Save(name string) error { return errors.ErrUnsupported }
