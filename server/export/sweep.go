package export

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/pubsync/pubsync/sync/manifest"
)

// retire takes a target's symlink away, and the folders above it that are then
// empty. Its versions go when their grace period ends.
func (x *Exporter) retire(t manifest.Path) error {
	name, err := x.current(t)
	if err != nil || name == "" {
		return err
	}
	if err := x.touch(path.Join(home(t), name+listSuffix)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := x.root.Remove(string(t)); err != nil {
		return err
	}
	for dir := t.Dir(); dir != ""; dir = dir.Dir() {
		if x.root.Remove(string(dir)) != nil {
			break // not empty
		}
	}
	return nil
}

// homes calls f for every target that has a folder, chosen or not.
func (x *Exporter) homes(f func(manifest.Path) error) error {
	all, err := fs.ReadDir(x.root.FS(), versionsDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	var errs []error
	for _, h := range all {
		text, err := x.root.ReadFile(path.Join(versionsDir, h.Name(), targetName))
		if err != nil {
			continue // a crash left it before it held anything
		}
		t, err := manifest.ParsePath(string(text))
		if err != nil || home(t) != path.Join(versionsDir, h.Name()) {
			continue
		}
		if err := f(t); err != nil {
			errs = append(errs, fmt.Errorf("export %q: %w", t, err))
		}
	}
	return errors.Join(errs...)
}

// retireOthers takes away the targets that are no longer chosen.
func (x *Exporter) retireOthers() error {
	return x.homes(func(t manifest.Path) error {
		if slices.Contains(x.targets, t) || x.displaced(t) {
			return nil
		}
		return x.retire(t)
	})
}

// displaced reports whether a folder above the target's place is none, so that
// the target has no symlink of its own there.
func (x *Exporter) displaced(t manifest.Path) bool {
	for dir := t.Dir(); dir != ""; dir = dir.Dir() {
		if fi, err := x.root.Lstat(string(dir)); err == nil && !fi.IsDir() {
			return true
		}
	}
	return false
}

// sweep removes the versions whose grace period has ended.
func (x *Exporter) sweep(rep *Report) error {
	return x.homes(func(t manifest.Path) error {
		current := ""
		if !x.displaced(t) {
			var err error
			if current, err = x.current(t); err != nil {
				if slices.Contains(x.targets, t) {
					return err // said of its build already, but nothing may go
				}
				current = ""
			}
		}
		left, err := x.sweepHome(t, current, rep)
		if err == nil && left == 0 {
			err = x.removeTree(home(t))
		}
		return err
	})
}

// sweepHome removes what has expired among a target's versions and returns how
// many are left.
func (x *Exporter) sweepHome(t manifest.Path, current string, rep *Report) (left int, err error) {
	all, err := fs.ReadDir(x.root.FS(), home(t))
	if err != nil {
		return 0, err
	}
	for _, e := range all {
		if !e.IsDir() || e.Name() == partName {
			continue
		}
		list := path.Join(home(t), e.Name()+listSuffix)
		fi, err := x.root.Lstat(list)
		if e.Name() == current || err == nil && !x.expired(fi.ModTime()) {
			left++
			continue
		}
		if err := x.removeTree(path.Join(home(t), e.Name())); err != nil {
			return 0, err
		}
		if err := x.root.Remove(list); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return 0, err
		}
		rep.Removed++
	}
	return left, x.sweepLists(t, all)
}

// sweepLists removes lists without a version: a crash came between the two.
func (x *Exporter) sweepLists(t manifest.Path, all []fs.DirEntry) error {
	for _, e := range all {
		name, ok := strings.CutSuffix(e.Name(), listSuffix)
		if !ok {
			continue
		}
		if _, err := x.root.Lstat(path.Join(home(t), name)); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := x.root.Remove(path.Join(home(t), e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// removeTree removes a tree whose folders may be closed to us. Files are left
// as they are: their inodes may be shared.
func (x *Exporter) removeTree(name string) error {
	if x.root.RemoveAll(name) == nil {
		return nil
	}
	if err := x.openFolders(name); err != nil {
		return err
	}
	return x.root.RemoveAll(name)
}

func (x *Exporter) openFolders(name string) error {
	fi, err := x.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !fi.IsDir() {
		return nil
	}
	if err != nil {
		return err
	}
	if err := x.root.Chmod(name, 0o700); err != nil {
		return err
	}
	all, err := fs.ReadDir(x.root.FS(), name)
	if err != nil {
		return err
	}
	for _, e := range all {
		if !e.IsDir() {
			continue
		}
		if err := x.openFolders(path.Join(name, e.Name())); err != nil {
			return err
		}
	}
	return nil
}
