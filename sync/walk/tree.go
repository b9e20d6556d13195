package walk

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/pubsync/pubsync/sync/manifest"
)

// A Tree is what a walk found. Entries and the methods use the same index.
// Distinct indexes may be used concurrently.
type Tree struct {
	// Entries has every entry at its path below the target, in order, the
	// digests of files zero. The caller may set digests, and nothing else.
	Entries manifest.List

	roots   []root
	dirs    []string // as given, one for each root
	origins []origin
	locals  []string // paths below the source, nil where all are as in Entries
}

// An origin is what a Tree knows of an entry besides the entry.
type origin struct {
	ctime  int64
	dev    uint64
	inode  uint64
	source uint32
}

// Local returns the local path of entry i, for messages and as the key of a
// [Cache] (absolute only if the source was given so).
func (t *Tree) Local(i int) string { return localPath(t.dirs[t.origins[i].source], t.rel(i)) }

func (t *Tree) rel(i int) string {
	if t.locals != nil {
		return t.locals[i]
	}
	return string(t.Entries[i].Path)
}

// Stamp returns what the walk, or the last [Tree.Refresh], saw of entry i.
func (t *Tree) Stamp(i int) Stamp {
	e, o := &t.Entries[i], &t.origins[i]
	return Stamp{Size: e.Size, MTime: e.MTime, CTime: o.ctime, Dev: o.dev, Inode: o.inode}
}

// Close releases the source directories. Open files stay open.
func (t *Tree) Close() error {
	var errs []error
	for _, r := range t.roots {
		errs = append(errs, r.close())
	}
	t.roots = nil
	return errors.Join(errs...)
}

// A Stamp is what tells whether a file was touched, as in git's index. On
// systems other than Unix, Dev, Inode and CTime are zero.
type Stamp struct {
	Size  int64  // bytes, 0 for what is no file
	MTime int64  // modification, nanoseconds since the Unix epoch
	CTime int64  // change of content or metadata, nanoseconds since the Unix epoch
	Dev   uint64 // device number
	Inode uint64
}

// A placed item is one with the path at which it arrives.
type placed struct {
	*item
	source int
	path   string
}

// fill makes the tree of what was found in the sources.
func (t *Tree) fill(o *Options, found []*source) error {
	var all []placed
	for i, s := range found {
		all = slices.Grow(all, s.items.count())
		var err error
		s.items.each(func(it *item) {
			if isSpecial(it.kind) {
				if o.Skipped != nil {
					o.Skipped(s.local(it.path), it.kind)
				}
				return
			}
			p, e := o.Shape.place(it.path, it.kind)
			if err == nil {
				err = e
			}
			if p != "" {
				all = append(all, placed{it, i, p})
			}
		})
		if err != nil {
			return err
		}
	}
	if len(found) > 1 || o.Shape.moves() {
		var err error
		if all, err = merge(all, found); err != nil {
			return err
		}
	}
	all, err := o.fit(all, found)
	if err != nil {
		return err
	}
	t.take(all, o.Shape.moves())
	return nil
}

func isSpecial(kind fs.FileMode) bool {
	return kind != 0 && kind != fs.ModeDir && kind != fs.ModeSymlink
}

// merge puts the items in order and unites directories with the same path.
func merge(all []placed, found []*source) ([]placed, error) {
	slices.SortStableFunc(all, func(a, b placed) int { return strings.Compare(a.path, b.path) })
	kept := all[:0]
	for _, p := range all {
		if len(kept) == 0 || kept[len(kept)-1].path != p.path {
			kept = append(kept, p)
			continue
		}
		if q := kept[len(kept)-1]; q.kind != fs.ModeDir || p.kind != fs.ModeDir {
			return nil, fmt.Errorf("%w: %q and %q would both be %q", ErrDuplicate,
				found[q.source].local(q.item.path), found[p.source].local(p.item.path), p.path)
		}
	}
	return kept, nil
}

func (p *placed) entry() manifest.Entry {
	e := manifest.Entry{Path: manifest.Path(p.path), Mode: uint32(p.mode), MTime: p.MTime}
	switch p.kind {
	case fs.ModeDir:
		e.Kind = manifest.Dir
	case fs.ModeSymlink:
		e.Kind, e.Link = manifest.Symlink, p.link
	default:
		e.Kind, e.Size = manifest.File, p.Size
	}
	return e
}

// take copies the items into the tree's own slices.
func (t *Tree) take(all []placed, moved bool) {
	t.Entries = make(manifest.List, len(all))
	t.origins = make([]origin, len(all))
	if moved {
		t.locals = make([]string, len(all))
	}
	for i := range all {
		p := &all[i]
		t.Entries[i] = p.entry()
		t.origins[i] = origin{ctime: p.CTime, dev: p.Dev, inode: p.Inode, source: uint32(p.source)}
		if moved {
			t.locals[i] = p.item.path
		}
	}
}
