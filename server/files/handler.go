package files

import (
	"context"
	"net/http"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/server/web"
	"github.com/pubsync/pubsync/sync/manifest"
)

// PageSize is the number of entries on one page of a directory.
const PageSize = 1000

// A Store is the part of [store.Store] that reading needs. Version is called
// once for each request and should cost no more than a memory access.
type Store interface {
	Version(ctx context.Context) (store.Version, error)
	Lookup(ctx context.Context, p manifest.Path, v store.Version) (manifest.Entry, error)
	ReadDir(ctx context.Context, dir manifest.Path, v store.Version, after string, limit int) ([]manifest.Entry, error)
	Walk(ctx context.Context, dir manifest.Path, v store.Version, f func(manifest.Entry) error) error
	Open(ctx context.Context, d manifest.Digest) (store.Blob, error)
}

var _ Store = store.Store(nil)

// A Config says what a [Handler] serves. Only Store is required.
type Config struct {
	Store Store

	// Prefix is the URL path below which the tree appears, without a slash
	// at its end. Default "/files".
	Prefix string

	// Sight returns what the sender of a request may read; it is called once
	// for each request. A nil Sight, or a nil result, means everything. It is
	// asked about files, links and directories alike; the root is always
	// visible. A directory that is hidden does not hide what lies below it:
	// the result answers for that itself.
	Sight func(*http.Request) store.Sight

	// Accel hands the sending of large files to a web server in front.
	Accel Accel

	// Site renders directories for people. Default: one with no title.
	Site *web.Site

	// Fail writes the answer to a request that failed with err, which
	// [Status] classifies. The answer to an err that wraps
	// [store.ErrNotFound] must not depend on anything else. Default: the
	// status and a line of plain text.
	Fail func(w http.ResponseWriter, r *http.Request, err error)

	// Damaged is told of content that could not be read although the tree
	// has it, with the path it was asked for under. Optional.
	Damaged func(p manifest.Path, d manifest.Digest, err error)

	// CacheEntries bounds the entries of the newest version kept in memory,
	// about 300 bytes each, the path's length included. Default 32,768, which
	// holds what a build asks for; negative: none.
	CacheEntries int

	// MaxList bounds the entries of one recursive list, which is built in
	// memory at about 200 bytes each. Default 1,000,000.
	MaxList int
}

// A Handler serves the published tree. It is safe for concurrent use. Mount it
// where the request's path arrives as it was sent: a router that cleans paths
// or redirects must leave those below Prefix alone.
type Handler struct {
	cfg     Config
	cache   *cache
	fixed   fixed
	zstd    encoders
	buffers buffers
	signers chan struct{}
}

// New returns a handler for c.
func New(c Config) *Handler {
	if c.Prefix == "" {
		c.Prefix = "/files"
	}
	if c.Site == nil {
		c.Site = web.New(web.Config{Files: c.Prefix})
	}
	if c.Fail == nil {
		c.Fail = failPlain
	}
	if c.Damaged == nil {
		c.Damaged = func(manifest.Path, manifest.Digest, error) {}
	}
	if c.CacheEntries == 0 {
		c.CacheEntries = 32_768
	}
	if c.MaxList == 0 {
		c.MaxList = 1_000_000
	}
	return &Handler{cfg: c, cache: newCache(c.CacheEntries), fixed: newFixed(), signers: make(chan struct{}, signers)}
}

// ServeHTTP answers a request for something below Prefix.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := h.serve(w, r); err != nil {
		h.cfg.Fail(w, r, err)
	}
}
