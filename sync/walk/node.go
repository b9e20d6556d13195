package walk

import (
	"io/fs"
	"slices"
	"strings"
)

// A node is one directory that was read.
type node struct {
	rel   string // its path below the source, "" for the source itself
	depth depth
	items []item // what it holds, by name
	gone  bool   // it vanished before it was read
}

// An item is one path that was examined.
type item struct {
	path    string // below the source
	link    string
	kid     *node // directories that were read
	kind    fs.FileMode
	mode    uint16
	checked bool // the path is known to be good
	transit bool // a directory, taken only if it leads to something that is
	drop    bool
	Stamp
}

// nameStart returns where, in the paths of n's items, their names begin.
func (n *node) nameStart() int {
	if n.rel == "" {
		return 0
	}
	return len(n.rel) + 1
}

func (n *node) sort() {
	start := n.nameStart()
	slices.SortFunc(n.items, func(a, b item) int { return strings.Compare(a.path[start:], b.path[start:]) })
}

// prune drops the directories that vanished or turned out to lead to nothing,
// and reports whether anything is left.
func (n *node) prune() bool {
	left := false
	for i := range n.items {
		it := &n.items[i]
		below := false
		if it.kid != nil {
			below = it.kid.prune()
			it.drop = it.kid.gone
		}
		it.drop = it.drop || it.transit && !below
		left = left || !it.drop
	}
	return left
}

// count returns the number of items left.
func (n *node) count() int {
	c := 0
	n.each(func(*item) { c++ })
	return c
}

// each calls f for every item left, in byte order of path. That order is not the
// order of names: "a.b" comes after the directory "a", but before "a/x". So what
// a directory holds takes its place as if it were called "a/".
func (n *node) each(f func(*item)) {
	var open []*item // directories whose contents are still to come
	start := n.nameStart()
	flush := func(name string) {
		for len(open) > 0 {
			last := open[len(open)-1]
			if name != "" && !contentsBefore(last.path[start:], name) {
				return
			}
			open = open[:len(open)-1]
			last.kid.each(f)
		}
	}
	for i := range n.items {
		it := &n.items[i]
		if it.drop {
			continue
		}
		flush(it.path[start:])
		f(it)
		if it.kid != nil {
			open = append(open, it)
		}
	}
	flush("")
}

// contentsBefore reports whether dir+"/" sorts before name, which is after dir.
func contentsBefore(dir, name string) bool {
	return !strings.HasPrefix(name, dir) || name[len(dir)] > '/'
}
