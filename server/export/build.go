package export

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/pubsync/pubsync/server/files/treelink"
	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// bringUp exports a target as it stands at v, if it does not yet.
func (x *Exporter) bringUp(ctx context.Context, t manifest.Path, v store.Version, anew bool, rep *Report) error {
	top, err := x.resolve(ctx, t, v)
	if errors.Is(err, store.ErrNotFound) {
		delete(x.seen, t)
		return x.retire(t)
	}
	if err != nil {
		return err
	}
	if top.Kind != manifest.Dir {
		return fmt.Errorf("%w: it is a %v, not a directory", ErrBadTarget, top.Kind)
	}
	if same, err := x.unchanged(ctx, t, top.Path, v); err != nil {
		return err
	} else if same && !anew {
		x.seen[t] = seen{v, top.Path}
		return nil
	}
	delete(x.seen, t) // until it is brought up
	if err := x.bringUpTo(ctx, t, v, top, anew, rep); err != nil {
		return err
	}
	x.seen[t] = seen{v, top.Path}
	return nil
}

// bringUpTo exports what a target leads to, unless it is exported so already.
func (x *Exporter) bringUpTo(ctx context.Context, t manifest.Path, v store.Version, top manifest.Entry, anew bool, rep *Report) error {
	l, err := x.plan(ctx, t, top.Path, v, rep)
	if err != nil {
		return err
	}
	old, err := x.current(t)
	if err != nil {
		return err
	}
	had := x.readList(t, old)
	switch {
	case anew:
		had = nil
	case had != nil && had.ManifestDigest() == l.ManifestDigest():
		return nil
	}
	return x.replace(ctx, t, v, top, l, old, had, rep)
}

// resolve returns what is at a target, or what it leads to if it is a link: only
// beside it or below that, so that who may publish an alias cannot have anything
// else exported.
func (x *Exporter) resolve(ctx context.Context, t manifest.Path, v store.Version) (manifest.Entry, error) {
	e, err := x.cfg.Store.Lookup(ctx, t, v)
	if err != nil || e.Kind != manifest.Symlink {
		return e, err
	}
	e, err = treelink.Resolve(t, func(p manifest.Path) (manifest.Entry, error) { return x.cfg.Store.Lookup(ctx, p, v) })
	switch {
	case errors.Is(err, store.ErrNotFound):
		return e, err
	case err != nil:
		return e, fmt.Errorf("%w: %w", ErrBadTarget, err)
	case t.Dir() == "" || !e.Path.Within(t.Dir()) || e.Path == t.Dir():
		return e, fmt.Errorf("%w: it is a link to %q, which is not beside it", ErrBadTarget, e.Path)
	}
	return e, nil
}

// replace builds a version beside the old one and swaps the two.
func (x *Exporter) replace(ctx context.Context, t manifest.Path, v store.Version, top manifest.Entry, l manifest.List,
	old string, had manifest.List, rep *Report) error {
	if err := x.prepare(t); err != nil {
		return err
	}
	part := path.Join(home(t), partName)
	b := builder{x: x, dir: part, rep: rep, placed: map[inode]string{}}
	b.remember(path.Join(home(t), old), had)
	x.restrict(&top)
	if err := b.build(ctx, top, l); err != nil {
		return errors.Join(err, x.removeTree(part))
	}
	name, err := x.freeName(t, v)
	if err != nil {
		return err
	}
	if err := x.writeList(t, name, l); err != nil {
		return err
	}
	if err := x.root.Rename(part, path.Join(home(t), name)); err != nil {
		return err
	}
	if err := syncAll(x.root); err != nil {
		return err
	}
	// The old version's grace begins before it is replaced, so that a crash
	// in between cannot shorten it.
	if had != nil {
		if err := x.touch(path.Join(home(t), old+listSuffix)); err != nil {
			return err
		}
	}
	if err := x.swap(t, name); err != nil {
		return err
	}
	rep.Targets++
	return nil
}

// builder makes one version.
type builder struct {
	x      *Exporter
	dir    string // of the version, in the root
	rep    *Report
	placed map[inode]string // files that further names can be linked to
}

// inode is what files that share one have in common.
type inode struct {
	digest manifest.Digest
	mode   uint32
	mtime  int64
}

func inodeOf(e *manifest.Entry) inode { return inode{e.Digest, e.Mode, e.MTime} }

// remember makes the files of the version in dir available for linking.
func (b *builder) remember(dir string, l manifest.List) {
	for i := range l {
		if l[i].Kind == manifest.File {
			b.placed[inodeOf(&l[i])] = path.Join(dir, string(l[i].Path))
		}
	}
}

// build makes the tree. Folders are open to us until they are filled; then
// they get their own modes and times, the deepest first.
func (b *builder) build(ctx context.Context, top manifest.Entry, l manifest.List) error {
	if err := b.x.root.Mkdir(b.dir, 0o700); err != nil {
		return err
	}
	for i := range l {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := b.add(ctx, &l[i])
		if errors.Is(err, fs.ErrNotExist) && b.x.root.MkdirAll(path.Dir(b.path(&l[i])), 0o755) == nil {
			err = b.add(ctx, &l[i]) // a directory that has no entry of its own
		}
		if err != nil {
			return fmt.Errorf("%q: %w", l[i].Path, err)
		}
	}
	for i := len(l) - 1; i >= 0; i-- {
		if l[i].Kind == manifest.Dir {
			if err := b.finish(&l[i], b.path(&l[i])); err != nil {
				return err
			}
		}
	}
	return b.finish(&top, b.dir)
}

func (b *builder) path(e *manifest.Entry) string { return path.Join(b.dir, string(e.Path)) }

func (b *builder) add(ctx context.Context, e *manifest.Entry) error {
	name := b.path(e)
	switch e.Kind {
	case manifest.Dir:
		return b.x.root.Mkdir(name, 0o700)
	case manifest.Symlink:
		if err := b.x.root.Symlink(e.Link, name); err != nil {
			return err
		}
		return setLinkTime(b.x.root, name, e.ModTime())
	}
	return b.place(ctx, e, name)
}

// finish gives a file or folder its own mode and time.
func (b *builder) finish(e *manifest.Entry, name string) error {
	if err := b.x.root.Chmod(name, fileMode(e.Mode)); err != nil {
		return err
	}
	return b.x.root.Chtimes(name, e.ModTime(), e.ModTime())
}
