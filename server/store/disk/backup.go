package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/server/store/catalog"
)

// Backup implements [store.Maintenance]. The catalog is copied first: whatever
// it refers to at that moment is durable, is never altered, and stays, since
// collection waits. The format file comes last and makes it a store.
func (s *Store) Backup(ctx context.Context, dir string) error {
	end, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	if err := s.backup(ctx, dir); err != nil {
		return fmt.Errorf("back up to %s: %w", dir, full(err))
	}
	return nil
}

func (s *Store) backup(ctx context.Context, dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if list, err := os.ReadDir(dir); err != nil {
		return err
	} else if len(list) > 0 {
		return fmt.Errorf("%w: the folder is not empty", store.ErrInvalid)
	}
	to, err := NewFS(dir)
	if err != nil {
		return err
	}
	defer to.Close()
	db := filepath.Join(dir, "catalog.db")
	if err := s.cat.CopyTo(ctx, db); err != nil {
		return err
	}
	for _, name := range []string{"packs", "blobs"} {
		if err := mkdir(to, "", name); err != nil {
			return err
		}
	}
	cat, err := catalog.Open(ctx, catalog.Options{Path: db})
	if err != nil {
		return err
	}
	err = s.backupContent(ctx, cat, to, dir)
	if err := errors.Join(err, cat.Close()); err != nil {
		return err
	}
	return checkFormat(to)
}

// backupContent copies what the copied catalog refers to. Damaged blobs are
// left out, as they would be refused.
func (s *Store) backupContent(ctx context.Context, cat *catalog.Catalog, to FS, dir string) error {
	packs, err := cat.Packs(ctx)
	if err != nil {
		return err
	}
	for _, p := range packs {
		if err := errors.Join(ctx.Err(), s.copyFile(to, packName(p.ID), p.Extent)); err != nil {
			return err
		}
	}
	var files []catalog.Blob
	for after := int64(0); ; {
		page, err := cat.Blobs(ctx, after, scanPage)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			break
		}
		files = files[:0]
		for _, b := range page {
			if b.Pack == 0 && !b.Damaged {
				files = append(files, b)
			}
		}
		if err := s.backupFiles(ctx, files, to, dir); err != nil {
			return err
		}
		after = page[len(page)-1].ID
	}
	return errors.Join(to.SyncDir("packs"), to.SyncDir("blobs"))
}

func (s *Store) backupFiles(ctx context.Context, list []catalog.Blob, to FS, dir string) error {
	dirs := make(map[string]bool)
	for _, b := range list {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !dirs[blobDir(b.Digest)] {
			dirs[blobDir(b.Digest)] = true
			if err := mkdir(to, "blobs", fan(b.Digest)); err != nil {
				return err
			}
		}
		name := blobName(b.Digest)
		if path, ok := s.fs.Path(name); ok && os.Link(path, filepath.Join(dir, filepath.FromSlash(name))) == nil {
			continue
		}
		if err := s.copyFile(to, name, b.Size); err != nil {
			return err
		}
	}
	for d := range dirs {
		if err := to.SyncDir(d); err != nil {
			return err
		}
	}
	return nil
}

// copyFile copies the first size bytes of a file and makes them durable. A
// source that is missing or short, damage that Check reports, gives as much.
func (s *Store) copyFile(to FS, name string, size int64) error {
	from, err := s.fs.OpenFile(name, os.O_RDONLY, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer from.Close()
	held, err := from.Size()
	if err != nil {
		return err
	}
	f, err := to.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	size = min(size, held)
	err = copyAt(f, 0, io.NewSectionReader(from, 0, size), size)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
