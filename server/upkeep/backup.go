package upkeep

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Backup writes a copy of the store to dir, which must not exist or be empty,
// while the store is in use; see [store.Maintenance]. With it go the files that
// the server keeps in the store's folder besides, so that the copy, served, is
// known by the same key: see [Config.Beside]. lacking is as there.
func (k *Keeper) Backup(ctx context.Context, dir string) (lacking int, err error) {
	lacking, err = k.cfg.Store.Backup(ctx, dir)
	if err != nil {
		return lacking, err
	}
	for _, name := range k.cfg.Beside {
		if err := copyTree(filepath.Join(k.cfg.Dir, name), filepath.Join(dir, name)); err != nil {
			return lacking, fmt.Errorf("back up to %s: %w", dir, err)
		}
	}
	return lacking, nil
}

// copyTree copies a file, or a folder of files, with modes. One that is not there
// is passed over; links and the like are.
func copyTree(from, to string) error {
	st, err := os.Lstat(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	switch {
	case st.IsDir():
		return copyFolder(from, to, st.Mode().Perm())
	case st.Mode().IsRegular():
		return copyFile(from, to, st.Mode().Perm())
	}
	return nil
}

func copyFolder(from, to string, mode fs.FileMode) error {
	if err := os.Mkdir(to, mode); err != nil {
		return err
	}
	list, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range list {
		if err := copyTree(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// copyFile copies a small file and makes it durable.
func copyFile(from, to string, mode fs.FileMode) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Sync(), f.Close())
}
