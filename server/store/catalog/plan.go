package catalog

import (
	"errors"
	"slices"
	"strings"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// impliedMode is the mode of directories that come into being because
// something lies below them.
const impliedMode = 0o755

// A wish is an entry that a commit wants in a directory. Of the entry's path
// only the last component counts.
type wish struct {
	entry   *manifest.Entry
	implied bool // a directory that must be there, with whatever metadata
	alias   bool
	follow  bool // an alias that moves for a new build only
}

func (w *wish) name() string { return w.entry.Path.Base() }

// A plan is what a commit is going to do, found by comparing what it wishes
// with what stands. Making it changes nothing that anybody can see: it only
// gives numbers to directories.
type plan struct {
	c      *conn
	commit *store.Commit

	wishes map[manifest.Path][]wish // by directory
	asked  map[manifest.Path]bool   // directories wished for
	fresh  map[manifest.Path]bool   // directories that come into being: nothing is in them
	ids    map[manifest.Path]int64  // of fresh directories: numbers given before their turn, or hadNumber

	inserts []insert
	ends    []ended
	left    []ended         // aliases that move
	trees   []manifest.Path // directories all of whose content ends
	moved   []manifest.Path // aliases that change
	rebuilt bool            // the build was there before

	added, replaced, removed int
	conflicts                store.ConflictError
}

// An insert is a row to be: its directory, entry and, once known, blob.
type insert struct {
	dir   int64
	entry *manifest.Entry
	blob  int64
}

// An ended is a row that no longer stands.
type ended struct {
	dir  int64
	name string
	from int64 // the publication that made it
}

func newPlan(c *conn, commit *store.Commit) *plan {
	return &plan{
		c: c, commit: commit,
		wishes: make(map[manifest.Path][]wish),
		asked:  map[manifest.Path]bool{"": true},
		fresh:  make(map[manifest.Path]bool),
		ids:    make(map[manifest.Path]int64),
	}
}

// make compares what is wished with what stands.
func (p *plan) make() error {
	settled, err := p.settled()
	if err != nil {
		return err
	}
	p.collect(settled)
	dirs := make([]manifest.Path, 0, len(p.wishes))
	for d := range p.wishes {
		dirs = append(dirs, d)
	}
	slices.Sort(dirs) // a directory before what it holds
	for i, d := range dirs {
		if p.fresh[d] && p.ids[d] == 0 && len(p.wishes[d]) > 0 {
			if err := p.number(dirs[i:min(i+maxNumbered, len(dirs))]); err != nil {
				return err
			}
		}
		if err := p.directory(d); err != nil {
			return err
		}
	}
	if p.commit.Remove {
		return p.removeTarget()
	}
	return nil
}

// settled tells the entries that need not be compared, nil for none: the committer
// saw them stand, and what it saw has not changed since. A mirror compares all, to
// find what else stands.
func (p *plan) settled() ([]bool, error) {
	commit := p.commit
	if commit.Standing == nil || commit.Mirror {
		return nil, nil
	}
	last, err := publishedSince(p.c, commit.Target, commit.StandingAt)
	for _, dir := range above(commit.Target)[1:] {
		if err != nil || last > 0 {
			break
		}
		err = p.c.row([]any{&last}, "SELECT last FROM targets WHERE target=? AND last>?", []byte(dir), int64(commit.StandingAt))
		if errors.Is(err, store.ErrNotFound) {
			last, err = 0, nil
		}
	}
	if err != nil || last > 0 {
		return nil, err
	}
	return commit.Standing, nil
}

// collect gathers the wishes: the entries that are not settled, the aliases, and the
// directories above both.
func (p *plan) collect(settled []bool) {
	target, entries := p.commit.Target, p.commit.Entries
	for i := range entries {
		if entries[i].Kind == manifest.Dir {
			p.asked[target.Join(entries[i].Path)] = true
		}
	}
	var rel, dir manifest.Path
	dir = target
	for i := range entries {
		if settled != nil && settled[i] {
			continue
		}
		if d := entries[i].Path.Dir(); d != rel {
			rel, dir = d, target.Join(d) // entries of one directory mostly follow each other
		}
		p.wish(dir, wish{entry: &entries[i]})
	}
	for i := range p.commit.Aliases {
		a := &p.commit.Aliases[i]
		p.wish(a.Path.Dir(), wish{entry: a, alias: true})
	}
	for i := range p.commit.Follow {
		a := &p.commit.Follow[i]
		p.wish(a.Path.Dir(), wish{entry: a, alias: true, follow: true})
	}
	if p.commit.Remove {
		return
	}
	p.imply(target)
	if p.commit.Mirror {
		p.empty(target)
		for i := range entries {
			if entries[i].Kind == manifest.Dir {
				p.empty(target.Join(entries[i].Path))
			}
		}
	}
}

// empty has a directory looked at in which nothing is wished for: what stands
// there ends.
func (p *plan) empty(dir manifest.Path) {
	if _, ok := p.wishes[dir]; !ok {
		p.wishes[dir] = nil
	}
}

func (p *plan) wish(dir manifest.Path, w wish) {
	p.wishes[dir] = append(p.wishes[dir], w)
	p.imply(dir)
}

// imply wishes for the directory dir and all above it.
func (p *plan) imply(dir manifest.Path) {
	for ; ; dir = dir.Dir() {
		if p.asked[dir] {
			// Wished for, or in the push, whose own directories above are
			// implied by the wish for it.
			return
		}
		p.asked[dir] = true
		e := &manifest.Entry{Path: dir, Kind: manifest.Dir, Mode: impliedMode, MTime: p.commit.Time.UnixNano()}
		p.wishes[dir.Dir()] = append(p.wishes[dir.Dir()], wish{entry: e, implied: true})
	}
}

// hadNumber stands for the number of a directory that has one from when it was there
// before.
const hadNumber = -1

// maxNumbered is how many directories are looked at for some to be numbered together.
const maxNumbered = 100

// number gives numbers to those of the directories, in order, in which something comes
// into being that are fresh, be it that the one they are in is. A statement for each would
// take longer than all else that is done about it.
func (p *plan) number(dirs []manifest.Path) error {
	var paths []any
	within := make(map[manifest.Path]bool)
	for _, d := range dirs {
		if p.ids[d] == 0 && len(p.wishes[d]) > 0 && (p.fresh[d] || within[d.Dir()]) {
			within[d], p.ids[d] = true, hadNumber
			paths = append(paths, []byte(d))
		}
	}
	var (
		id   int64
		path []byte
	)
	for _, size := range insertSizes() {
		q := "INSERT INTO dirs(path) VALUES (?)" + strings.Repeat(",(?)", size-1) + " ON CONFLICT DO NOTHING RETURNING id, path"
		for ; len(paths) >= size; paths = paths[size:] {
			err := p.c.rows([]any{&id, &path}, func() error {
				p.ids[manifest.Path(path)] = id // else it is not told
				return nil
			}, q, paths[:size]...)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// directory compares the wishes for what is directly in dir with what is.
func (p *plan) directory(dir manifest.Path) error {
	if len(p.wishes[dir]) == 0 && p.fresh[dir] {
		return nil
	}
	id := p.ids[dir]
	if id <= 0 {
		var err error
		if id, err = dirID(p.c, dir, p.fresh[dir] && id != hadNumber); err != nil {
			return err
		}
	}
	wishes := p.wishes[dir]
	slices.SortFunc(wishes, func(a, b wish) int { return strings.Compare(a.name(), b.name()) })
	all := p.commit.Mirror && !p.commit.Remove && dir.Within(p.commit.Target)
	if p.fresh[dir] {
		for i := range wishes {
			if err := p.decide(id, dir, &wishes[i], nil); err != nil {
				return err
			}
		}
		return nil
	}
	if b := p.commit.Build; b != "" && b.Dir() == dir {
		var err error
		if p.rebuilt, err = isStandingDir(p.c, id, b.Base()); err != nil {
			return err
		}
	}
	others, aliases := split(wishes)
	if err := p.newest(id, dir, aliases); err != nil {
		return err
	}
	want := names{len(others), func(i int) string { return others[i].name() }}
	return stands(p.c, id, want, all, func(i int, row *liveRow) error {
		if i >= 0 {
			return p.decide(id, dir, &others[i], row)
		}
		p.removed++
		return p.end(id, dir.Join(row.Path), row)
	})
}

// isStandingDir reports whether a directory of the name stands in dir.
func isStandingDir(c *conn, dir int64, name string) (is bool, err error) {
	err = stands(c, dir, names{1, func(int) string { return name }}, false, func(_ int, row *liveRow) error {
		is = row != nil && row.Kind == manifest.Dir
		return nil
	})
	return is, err
}

// decide plans for one wish in the directory at path, where row stands, nil for
// nothing.
func (p *plan) decide(dir int64, path manifest.Path, w *wish, row *liveRow) error {
	e, name := w.entry, w.name()
	if row != nil && (w.implied && row.Kind == manifest.Dir || w.follow && p.rebuilt) {
		return nil
	}
	if row != nil && w.alias && row.Kind != manifest.Symlink {
		p.conflict(path.Join(manifest.Path(name)))
		return nil
	}
	if row != nil && w.alias {
		stays, err := p.showsNewer(dir, row.Link, e.Link)
		if err != nil || stays {
			return err
		}
	}
	same := row != nil && row.Kind == e.Kind && row.Digest == e.Digest && row.Link == e.Link
	if same && row.SameAs(e) {
		return nil
	}
	in := insert{dir: dir, entry: e}
	switch {
	case row == nil:
		p.added++
	case w.alias:
		p.replaced++
		p.left = append(p.left, ended{dir, name, row.from})
	case same:
		p.replaced++
		p.ends = append(p.ends, ended{dir, name, row.from})
	default:
		p.replaced++
		if err := p.end(dir, path.Join(manifest.Path(name)), row); err != nil {
			return err
		}
	}
	if w.alias {
		p.moved = append(p.moved, path.Join(manifest.Path(name)))
	}
	if same {
		in.blob = row.blob
	} else if e.Kind == manifest.Dir {
		p.fresh[path.Join(manifest.Path(name))] = true
	}
	p.inserts = append(p.inserts, in)
	return nil
}

// end plans the end of the row at path and, if it is a directory, of all below.
func (p *plan) end(dir int64, path manifest.Path, row *liveRow) error {
	if !p.commit.Overwrite {
		p.conflict(path)
		if row.Kind != manifest.Dir {
			return nil
		}
		return p.conflictsBelow(path)
	}
	p.ends = append(p.ends, ended{dir, path.Base(), row.from})
	if row.Kind == manifest.Dir {
		p.trees = append(p.trees, path)
	}
	return nil
}

// removeTarget plans the end of the target itself.
func (p *plan) removeTarget() error {
	path := p.commit.Target
	id, err := dirID(p.c, path.Dir(), false)
	if err != nil {
		return err
	}
	return stands(p.c, id, names{1, func(int) string { return path.Base() }}, false, func(_ int, row *liveRow) error {
		if row == nil {
			return nil
		}
		p.removed++
		return p.end(id, path, row)
	})
}
