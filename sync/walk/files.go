package walk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/pubsync/pubsync/sync/manifest"
)

// A lister examines the paths of --files-from. It keeps the directory it looked
// into last open, for lists are mostly sorted.
type lister struct {
	*source
	seen map[string]bool
	dir  directory
	at   string // path of dir
	l    listing
}

// readFiles examines the listed names instead of reading the whole source.
func (s *source) readFiles(ctx context.Context, names []string) error {
	s.items = &node{}
	ls := &lister{source: s, seen: make(map[string]bool, len(names))}
	defer ls.leave()
	for i, name := range names {
		if i%1024 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := ls.add(name); err != nil {
			return err
		}
	}
	s.items.sort()
	return nil
}

// add takes one line of the list.
func (ls *lister) add(name string) error {
	rel := path.Clean(strings.TrimLeft(name, "/"))
	if rel == ".." || strings.HasPrefix(rel, "../") {
		return fmt.Errorf("%w: listed name %q leads out of %q", manifest.ErrBadPath, name, ls.dirName())
	}
	inside := rel == "." || strings.HasSuffix(name, "/") || strings.HasSuffix(name, "/.")
	if rel == "." {
		return ls.addContents("", ls.take.top())
	}
	depth, ok := ls.judge(rel)
	if !ok {
		return nil
	}
	m, err := ls.examine(rel)
	if err != nil {
		return ls.pathError("lstat", rel, err)
	}
	if inside && m.kind != fs.ModeDir {
		return ls.pathError("list", rel, syscall.ENOTDIR)
	}
	depth, ok = ls.take.judge(rel, m.kind == fs.ModeDir, depth)
	if !ok {
		return nil
	}
	if err := ls.addAbove(rel); err != nil {
		return err
	}
	if depth.selects() {
		ls.keep(rel, &m)
	}
	if !inside {
		return nil
	}
	return ls.addContents(rel, depth)
}

func (ls *lister) dirName() string { return ls.source.dir }

// judge holds the directories above rel against the shape: a profile's exclusion
// of a directory holds for what is listed by name in it, too.
func (ls *lister) judge(rel string) (depth, bool) {
	above := *ls.take
	above.filter = nil
	d := above.top()
	for i := range rel {
		if rel[i] != '/' {
			continue
		}
		var ok bool
		if d, ok = above.judge(rel[:i], true, d); !ok {
			return d, false
		}
	}
	return d, true
}

// examine is lstat through the directory kept open.
func (ls *lister) examine(rel string) (meta, error) {
	parent := ""
	if i := strings.LastIndexByte(rel, '/'); i >= 0 {
		parent = rel[:i]
	}
	if err := ls.enter(parent); err != nil {
		return meta{}, err
	}
	return ls.dir.lstat(path.Base(rel))
}

func (ls *lister) enter(parent string) error {
	if ls.dir != nil && ls.at == parent {
		return nil
	}
	ls.leave()
	d, err := ls.root.openDir(parent)
	if err != nil {
		return err
	}
	ls.dir, ls.at = d, parent
	return nil
}

func (ls *lister) leave() {
	if ls.dir != nil {
		ls.dir.close()
		ls.dir = nil
	}
}

func (ls *lister) keep(rel string, m *meta) {
	if ls.seen[rel] {
		return
	}
	ls.seen[rel] = true
	ls.items.items = append(ls.items.items, newItem(rel, m))
}

// addAbove takes the directories above rel.
func (ls *lister) addAbove(rel string) error {
	for dir := path.Dir(rel); dir != "." && !ls.seen[dir]; dir = path.Dir(dir) {
		m, err := ls.root.lstat(dir)
		if err != nil {
			return ls.pathError("lstat", dir, err)
		}
		ls.keep(dir, &m)
	}
	return nil
}

// addContents takes what a listed directory directly holds.
func (ls *lister) addContents(rel string, above depth) error {
	ls.leave()
	if err := ls.enter(rel); err != nil {
		return ls.pathError("open", rel, err)
	}
	ls.l.reset(rel)
	if err := ls.dir.read(&ls.l); err != nil {
		return ls.pathError("list", rel, err)
	}
	names, from := string(ls.l.buf), 0
	for _, e := range slices.Clone(ls.l.ends) {
		p := names[from:e.end]
		from = e.end
		it, depth, err := ls.source.examine(ls.dir, p, path.Base(p), e.kind, above)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return ls.pathError("lstat", p, err)
		}
		if !it.drop && depth.selects() && !ls.seen[p] {
			ls.seen[p] = true
			ls.items.items = append(ls.items.items, it)
		}
	}
	return nil
}
