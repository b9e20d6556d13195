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
func (s *Store) Backup(ctx context.Context, dir string) (lacking int, err error) {
	end, err := s.begin(ctx)
	if err != nil {
		return 0, err
	}
	defer end()
	c := copying{s: s, ctx: ctx, dir: dir}
	if err := c.run(); err != nil {
		return c.lacking, fmt.Errorf("back up to %s: %w", dir, full(err))
	}
	return c.lacking, nil
}

// copying is a backup under way.
type copying struct {
	s       *Store
	ctx     context.Context
	dir     string
	to      FS // dir
	lacking int
}

func (c *copying) run() error {
	dir := c.dir
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
	c.to = to
	db := filepath.Join(dir, "catalog.db")
	if err := c.s.cat.CopyTo(c.ctx, db); err != nil {
		return err
	}
	for _, name := range []string{"packs", "blobs"} {
		if err := mkdir(to, "", name); err != nil {
			return err
		}
	}
	cat, err := catalog.Open(c.ctx, catalog.Options{Path: db})
	if err != nil {
		return err
	}
	err = c.content(cat)
	if err := errors.Join(err, cat.Close()); err != nil {
		return err
	}
	return checkFormat(to)
}

// content copies what the copied catalog refers to. Damaged blobs are left out,
// as they would be refused.
func (c *copying) content(cat *catalog.Catalog) error {
	packs, err := cat.Packs(c.ctx)
	if err != nil {
		return err
	}
	for _, p := range packs {
		if err := errors.Join(c.ctx.Err(), c.file(packName(p.ID), p.Extent)); err != nil {
			return err
		}
	}
	var files []catalog.Blob
	for after := int64(0); ; {
		page, err := cat.Blobs(c.ctx, after, scanPage)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			break
		}
		files = files[:0]
		for _, b := range page {
			switch {
			case b.Damaged:
				c.lacking++
			case b.Pack == 0:
				files = append(files, b)
			}
		}
		if err := c.files(files); err != nil {
			return err
		}
		after = page[len(page)-1].ID
	}
	return errors.Join(c.to.SyncDir("packs"), c.to.SyncDir("blobs"))
}

// files copies, or links, blobs that have files of their own.
func (c *copying) files(list []catalog.Blob) error {
	dirs := make(map[string]bool)
	for _, b := range list {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		if !dirs[blobDir(b.Digest)] {
			dirs[blobDir(b.Digest)] = true
			if err := mkdir(c.to, "blobs", fan(b.Digest)); err != nil {
				return err
			}
		}
		name := blobName(b.Digest)
		if c.link(name, b.Size) {
			continue
		}
		if err := c.file(name, b.Size); err != nil {
			return err
		}
	}
	for d := range dirs {
		if err := c.to.SyncDir(d); err != nil {
			return err
		}
	}
	return nil
}

// link makes a hard link of a file that has the size, where that can be.
func (c *copying) link(name string, size int64) bool {
	path, ok := c.s.fs.Path(name)
	if !ok {
		return false
	}
	st, err := c.s.fs.Stat(name)
	return err == nil && st.Size() == size && os.Link(path, filepath.Join(c.dir, filepath.FromSlash(name))) == nil
}

// file copies the first size bytes of a file and makes them durable. A source
// that is missing or short, damage that Check reports, gives as much, and counts as
// lacking.
func (c *copying) file(name string, size int64) error {
	from, err := c.s.fs.OpenFile(name, os.O_RDONLY, 0)
	if errors.Is(err, os.ErrNotExist) {
		c.lacking++
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
	if held < size {
		c.lacking++
		size = held
	}
	f, err := c.to.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = copyAt(f, 0, io.NewSectionReader(from, 0, size), size)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
