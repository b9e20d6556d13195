package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/server/store/catalog"
)

// format is what the file of that name holds.
const format = "pubsync store 1\n"

// PackSize is the size in bytes that a pack does not exceed unless the options
// say otherwise.
const PackSize = 256 << 20

// Options say where a store is and how it is kept.
type Options struct {
	Dir string // the folder; made if it is not there
	// FS holds everything but the lock and the catalog, which are always in
	// Dir. Nil: the real file system below Dir. The store closes it.
	FS FS
	// PackSize is the most bytes in a pack; 0: the constant of that name.
	PackSize int64
	// Volatile leaves the catalog unsynced: for tests that make many stores. A
	// power cut may then take what was committed, or the catalog.
	Volatile bool
}

// A Store is an open store. It implements [store.Store].
type Store struct {
	store.Tree
	store.Records

	cat   *catalog.Catalog
	fs    FS
	lock  *os.File
	packs *packs
	parts *partials
	seq   atomic.Uint64 // of names in tmp

	// sweep: see the package comment.
	sweep sync.RWMutex
	// maintain is held by the one maintenance that runs.
	maintain chan struct{}
	buffers  sync.Pool
}

var _ store.Store = (*Store)(nil)

// Open opens the store in a folder and makes it if there is none. Only one
// process at a time may have it open; for others Open fails with ErrLocked. It
// reads no content and takes well under a second for millions of entries.
func Open(ctx context.Context, o Options) (*Store, error) {
	s := &Store{maintain: make(chan struct{}, 1)}
	if err := s.open(ctx, o); err != nil {
		s.Close()
		return nil, fmt.Errorf("open store %s: %w", o.Dir, err)
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, o Options) (err error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return err
	}
	if s.lock, err = os.OpenFile(filepath.Join(o.Dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return err
	}
	if err := lockFile(s.lock); err != nil {
		return err
	}
	if s.fs = o.FS; s.fs == nil {
		if s.fs, err = NewFS(o.Dir); err != nil {
			return err
		}
	}
	if err := prepare(s.fs); err != nil {
		return full(err)
	}
	if s.cat, err = catalog.Open(ctx, catalog.Options{Path: filepath.Join(o.Dir, "catalog.db"), Volatile: o.Volatile}); err != nil {
		return err
	}
	s.Tree, s.Records = s.cat, s.cat
	size := o.PackSize
	if size == 0 {
		size = PackSize
	}
	s.parts = newPartials()
	s.packs, err = newPacks(ctx, s.fs, s.cat, size)
	return err
}

// prepare makes the folder's parts and empties tmp.
func prepare(fsys FS) error {
	if err := checkFormat(fsys); err != nil {
		return err
	}
	for _, name := range []string{"packs", "blobs", "derived", "staging", "tmp"} {
		if err := mkdir(fsys, "", name); err != nil {
			return err
		}
	}
	list, err := fsys.ReadDir("tmp")
	if err != nil {
		return err
	}
	for _, e := range list {
		if err := fsys.Remove("tmp/" + e.Name()); err != nil {
			return err
		}
	}
	return nil
}

// checkFormat reads the format file, or writes it in a new store.
func checkFormat(fsys FS) error {
	f, err := fsys.OpenFile("format", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	got := make([]byte, len(format)+1)
	n, _ := f.ReadAt(got, 0)
	if got := string(got[:n]); got == format {
		return nil
	} else if n >= len(format) {
		return fmt.Errorf("format %q, but this program knows %q: use a newer pubsync", got, format)
	}
	// New, or cut off while it was new.
	if _, err := f.WriteAt([]byte(format), 0); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return fsys.SyncDir(".")
}

// Close implements [store.Store].
func (s *Store) Close() error {
	var errs []error
	if s.packs != nil {
		errs = append(errs, s.packs.close())
	}
	if s.cat != nil {
		errs = append(errs, s.cat.Close())
	}
	if s.fs != nil {
		errs = append(errs, s.fs.Close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}

// tempName returns a new name in tmp.
func (s *Store) tempName() string { return fmt.Sprintf("tmp/%016x", s.seq.Add(1)) }

// checkSession returns ErrInvalid for what is no session id: it becomes a file
// name.
func checkSession(id store.SessionID) error {
	ok := len(id) > 0 && len(id) <= 64
	for i := 0; ok && i < len(id); i++ {
		c := id[i]
		ok = 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
	}
	if !ok {
		return fmt.Errorf("session %q: %w", id, store.ErrInvalid)
	}
	return nil
}

// removeIfThere removes a file that need not exist.
func removeIfThere(fsys FS, name string) error {
	if err := fsys.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
