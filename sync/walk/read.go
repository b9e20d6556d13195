package walk

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"sync"

	"github.com/pubsync/pubsync/sync/manifest"
)

const defaultParallel = 4

// A crew reads the directories of one source, several at once.
type crew struct {
	src *source

	mu   sync.Mutex
	more sync.Cond // work was added, or all is done
	todo []*node   // last in, first out: keeps it short
	busy int
	err  error
}

// readAll reads the source from the top down.
func (s *source) readAll(ctx context.Context, parallel int) error {
	if parallel <= 0 {
		parallel = defaultParallel
	}
	s.items = &node{depth: s.take.top()}
	c := &crew{src: s, todo: []*node{s.items}}
	c.more.L = &c.mu
	stop := context.AfterFunc(ctx, func() { c.fail(context.Cause(ctx)) })
	var wg sync.WaitGroup
	for range parallel {
		wg.Go(c.work)
	}
	wg.Wait()
	if !stop() { // it ended, be it that the reading was through before anybody was told
		return context.Cause(ctx)
	}
	if c.err != nil {
		return c.err
	}
	s.items.prune()
	return nil
}

func (c *crew) work() {
	var l listing
	for n := c.next(); n != nil; n = c.next() {
		kids, err := c.src.readNode(n, &l)
		if err != nil {
			c.fail(err)
		}
		c.finish(kids)
	}
}

// next returns a directory to read, nil once there will be none.
func (c *crew) next() *node {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.todo) == 0 && c.busy > 0 && c.err == nil {
		c.more.Wait()
	}
	if len(c.todo) == 0 || c.err != nil {
		return nil
	}
	n := c.todo[len(c.todo)-1]
	c.todo = c.todo[:len(c.todo)-1]
	c.busy++
	return n
}

func (c *crew) finish(kids []*node) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.todo = append(c.todo, kids...)
	c.busy--
	c.more.Broadcast()
}

func (c *crew) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
	}
	c.more.Broadcast()
}

// readNode lists and examines one directory, and returns those in it to read
// next.
func (s *source) readNode(n *node, l *listing) ([]*node, error) {
	d, err := s.root.openDir(n.rel)
	if n.rel != "" && errors.Is(err, fs.ErrNotExist) {
		n.gone = true
		return nil, nil
	}
	if err != nil && n.rel != "" {
		return nil, openError(s.local(n.rel), err) // it was a directory before
	}
	if err != nil {
		return nil, s.pathError("open", n.rel, err)
	}
	defer d.close()
	l.reset(n.rel)
	if err := d.read(l); err != nil {
		return nil, s.pathError("list", n.rel, err)
	}
	// One string holds all the directory's paths: the items cut theirs from it.
	paths, from := string(l.buf), 0
	n.items = make([]item, 0, len(l.ends))
	for _, e := range l.ends {
		p := paths[from:e.end]
		from = e.end
		it, depth, err := s.examine(d, p, p[n.nameStart():], e.kind, n.depth)
		if err != nil {
			return nil, s.pathError("lstat", p, err)
		}
		if it.drop {
			continue
		}
		if it.kind == fs.ModeDir && s.enters(&it) {
			it.kid = &node{rel: p, depth: depth}
		}
		n.items = append(n.items, it)
	}
	n.sort()
	return n.kids(), nil
}

// examine returns the item of a name in d, marked to drop if it is not taken.
// hint are the type bits as the listing told them.
func (s *source) examine(d directory, p, name string, hint fs.FileMode, above depth) (item, depth, error) {
	if hint != kindUnknown {
		if _, ok := s.take.judge(p, hint == fs.ModeDir, above); !ok {
			return item{drop: true}, above, nil
		}
	}
	m, err := d.lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return item{drop: true}, above, nil
	}
	if err != nil {
		return item{}, above, err
	}
	depth, ok := s.take.judge(p, m.kind == fs.ModeDir, above)
	it := newItem(p, &m)
	it.transit = !depth.selects()
	it.drop = !ok
	return it, depth, nil
}

func newItem(p string, m *meta) item {
	_, err := manifest.ParsePath(p)
	return item{path: p, link: m.link, kind: m.kind, mode: uint16(m.mode), checked: err == nil, Stamp: m.Stamp}
}

// enters reports whether a directory is to be read. One whose name no tree may
// hold is only in question while stripping may take that name away.
func (s *source) enters(it *item) bool {
	return it.checked || s.moves && len(it.path) <= manifest.MaxPath
}

func (n *node) kids() []*node {
	var kids []*node
	for i := range n.items {
		if kid := n.items[i].kid; kid != nil {
			kids = append(kids, kid)
		}
	}
	return kids
}

func (s *source) pathError(op, rel string, err error) error {
	return &fs.PathError{Op: op, Path: s.local(rel), Err: err}
}

func (s *source) local(rel string) string { return localPath(s.dir, rel) }

func localPath(dir, rel string) string { return filepath.Join(dir, filepath.FromSlash(rel)) }
