package walk

import (
	"fmt"
	"io/fs"
	"strings"
)

// A Shape is the part of a build type's profile that says which files are
// taken and where they arrive.
type Shape struct {
	// Include, if there are any, are doublestar globs of which a path must
	// match one; Exclude are globs of which it must match none. A glob without
	// a slash is matched against the last component, any other against the
	// whole path below the source. A directory that matches stands for
	// everything below it.
	Include []string
	Exclude []string
	// Strip is the number of leading path components to drop, as in tar's
	// --strip-components. A file with no more components than that is an
	// [ErrStripped]; a directory just drops out.
	Strip int
	// Flatten keeps only the last component of each file and no directory.
	Flatten bool
}

// moves reports whether the shape changes paths.
func (s *Shape) moves() bool { return s.Strip > 0 || s.Flatten }

// place returns the path at which a walked path arrives, "" if it is a directory
// that drops out.
func (s *Shape) place(local string, kind fs.FileMode) (string, error) {
	rest, dir := local, kind == fs.ModeDir
	for range s.Strip {
		i := strings.IndexByte(rest, '/')
		if i < 0 {
			if dir {
				return "", nil
			}
			return "", fmt.Errorf("%w: strip %d of %q", ErrStripped, s.Strip, local)
		}
		rest = rest[i+1:]
	}
	if !s.Flatten {
		return rest, nil
	}
	if dir {
		return "", nil
	}
	return rest[strings.LastIndexByte(rest, '/')+1:], nil
}

// A taking decides what one source gives: its globs, the filter rules and the
// shape's globs together. It is safe for concurrent use.
type taking struct {
	filter  *Filter
	globs   globs // of the source
	include globs // of the shape
	exclude globs // of the shape
}

func newTaking(o *Options, src *Source) (*taking, error) {
	t := &taking{filter: o.Filter}
	var err error
	if t.globs, err = argumentGlobs(src.Globs); err != nil {
		return nil, err
	}
	if t.include, err = profileGlobs(o.Shape.Include); err != nil {
		return nil, fmt.Errorf("include: %w", err)
	}
	if t.exclude, err = profileGlobs(o.Shape.Exclude); err != nil {
		return nil, fmt.Errorf("exclude: %w", err)
	}
	return t, nil
}

// A depth tells how far a directory has satisfied the selections: what lies
// below one that matched needs no match of its own.
type depth struct {
	globs   bool // the source's
	include bool // the shape's
}

// top returns the depth of the source directory itself.
func (t *taking) top() depth {
	return depth{globs: len(t.globs.list) == 0, include: len(t.include.list) == 0}
}

// selects reports whether what has come to this depth is taken, and is not only
// on the way to something that is.
func (d depth) selects() bool { return d.globs && d.include }

// judge decides about a path in a directory that had come to the depth given:
// the depth the path comes to, and whether it is worth keeping at all.
func (t *taking) judge(p string, dir bool, d depth) (depth, bool) {
	if !d.globs {
		d.globs = t.globs.match(p)
	}
	if !d.include {
		d.include = t.include.match(p)
	}
	if !d.globs && !(dir && t.globs.leads(p)) || !d.include && !(dir && t.include.leads(p)) {
		return d, false
	}
	return d, !t.exclude.match(p) && t.filter.Match(p, dir)
}
