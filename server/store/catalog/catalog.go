package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"sync/atomic"

	"github.com/pubsync/pubsync/server/store"
)

// readers is how many connections read at once.
const readers = 6

// What the writer and each reader keep of the file in memory. A page of 4 KiB
// takes 8 KiB of it: the allocator of modernc.org/sqlite rounds up to powers of
// two, and a page has a header.
const (
	writerCache = "cache_size(-4000)" // KiB
	readerCache = "cache_size(-1000)"
)

// A Catalog is an open catalog. It implements [store.Tree] and [store.Records],
// and offers the disk package what it needs to know about blobs. It is safe for
// concurrent use.
type Catalog struct {
	db, rdb *sql.DB
	writer  chan *conn // holds the one writer while nobody writes
	queue   queue      // of what is to be written
	pool    chan *conn // idle readers, nil for one not opened yet
	version atomic.Int64
	past    atomic.Pointer[horizons]
	leases  *leases
	check   *checkpointer
}

// Options say where a catalog is.
type Options struct {
	Path     string // the SQLite file
	Volatile bool   // commits are not synced: for tests
}

// Open opens a catalog and creates it if there is none. Only one Catalog may
// have a file open; the caller sees to that. Close it.
func Open(ctx context.Context, o Options) (*Catalog, error) {
	c := &Catalog{writer: make(chan *conn, 1), pool: make(chan *conn, readers), leases: newLeases()}
	if err := c.open(o); err != nil {
		c.Close()
		return nil, fmt.Errorf("open catalog %s: %w", o.Path, err)
	}
	return c, ctx.Err()
}

func (c *Catalog) open(o Options) (err error) {
	sync := "synchronous(FULL)"
	if o.Volatile {
		sync = "synchronous(OFF)"
	}
	c.db, err = sql.Open("sqlite", dsn(o.Path, "journal_mode(WAL)", sync, "wal_autocheckpoint(0)",
		writerCache, "temp_store(MEMORY)", "busy_timeout(10000)"))
	if err != nil {
		return err
	}
	w, err := newConn(c.db)
	if err != nil {
		return err
	}
	c.writer <- w
	if err := migrate(w); err != nil {
		return err
	}
	if err := c.recall(w); err != nil {
		return err
	}
	c.rdb, err = sql.Open("sqlite", dsn(o.Path, "query_only(1)", readerCache, "temp_store(MEMORY)", "busy_timeout(10000)"))
	if err != nil {
		return err
	}
	for range readers {
		c.pool <- nil // opened when first wanted
	}
	c.check = newCheckpointer(c.db, o.Path+"-wal")
	return nil
}

// dsn returns the data source name for the file with the given pragmas. The
// path is escaped as in a URL, which is how SQLite reads it.
func dsn(path string, pragmas ...string) string {
	u := url.URL{Path: path}
	return "file:" + u.EscapedPath() + "?" + url.Values{"_pragma": pragmas}.Encode()
}

// recall loads what is kept in memory.
func (c *Catalog) recall(w *conn) error {
	var v int64
	if err := w.row([]any{&v}, "SELECT coalesce(max(number), 0) FROM publications"); err != nil {
		return err
	}
	c.version.Store(v)
	return c.loadHorizons(w)
}

// Close waits for the writer and closes all connections. Readers must be done.
func (c *Catalog) Close() error {
	var errs []error
	if c.check != nil {
		errs = append(errs, c.check.close())
	}
	close(c.pool)
	for r := range c.pool {
		if r != nil {
			errs = append(errs, r.close())
		}
	}
	if c.rdb != nil {
		errs = append(errs, c.rdb.Close())
	}
	if c.db != nil {
		select {
		case w := <-c.writer:
			errs = append(errs, w.close())
		default:
		}
		errs = append(errs, c.db.Close())
	}
	return errors.Join(errs...)
}

// read runs f with a connection that reads. Each statement of f sees the newest
// commit, unless f makes a snapshot.
func (c *Catalog) read(ctx context.Context, f func(*conn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case r := <-c.pool:
		defer func() { c.pool <- r }()
		if r == nil {
			var err error
			if r, err = newConn(c.rdb); err != nil {
				return err
			}
		}
		return f(r)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Version implements [store.Tree].
func (c *Catalog) Version(ctx context.Context) (store.Version, error) {
	return store.Version(c.version.Load()), ctx.Err()
}
