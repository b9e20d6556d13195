package walk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
)

// Errors of a walk. What wraps them names the local path.
var (
	// ErrDuplicate is the error for one path of the target that two local
	// paths claim; the error names both.
	ErrDuplicate = errors.New("two local paths for one path of the target")
	// ErrChanged is the error for a file that is no longer what was walked, or
	// that changed while it was read. [Tree.Refresh] and a retry may help.
	ErrChanged = errors.New("changed since it was listed")
	// ErrPattern is the error for a filter rule or glob that cannot be read.
	ErrPattern = errors.New("malformed pattern")
	// ErrStripped is the error for a file with no more path components than
	// are to be stripped.
	ErrStripped = errors.New("nothing is left of the path after stripping")
	// ErrNoMatch is the error for a glob of [Source.Globs] that matches nothing.
	ErrNoMatch = errors.New("no such file and no match")
)

// A Source is a directory to walk.
type Source struct {
	// Dir is the directory as given by the user; it is followed if it is a
	// symbolic link, and it is the start of the local paths in errors.
	Dir string
	// Globs, if there are any, select what is taken below Dir: slash-separated
	// doublestar patterns relative to Dir ("out/*.img", "**/*.deb",
	// "{a,b}/x"), or exact names. A directory that matches is taken with
	// everything below it. Directories that no glob can reach are not read.
	// Every glob must match something, else [ErrNoMatch].
	Globs []string
}

// Options says what to walk and what to take. The zero value walks nothing.
type Options struct {
	Sources []Source

	// Filter holds the --include and --exclude rules; nil takes everything.
	// Rules match paths as they are below a source, before stripping.
	Filter *Filter

	// Files, if not nil, is the list of --files-from: paths relative to the
	// one source (more than one source, or globs, are then an error). As with
	// rsync -a, a directory named in it arrives empty unless the name ends in a
	// slash, which takes what it directly holds, and the directories above a
	// listed path arrive with it. Rules of Filter and Shape apply to the
	// listed paths, not to the directories above. A path that does not exist
	// is an error, as is one that leads through a symbolic link or to "..".
	Files []string

	// Shape is applied last.
	Shape Shape

	// Skipped, if not nil, is told of every device, socket and pipe that would
	// have been taken: its local path and its type bits. It is called in order
	// of path, from the goroutine that called Walk, before Walk returns.
	Skipped func(path string, kind fs.FileMode)

	// Unfit, if not nil, is told of everything that no tree may hold, which is
	// then left out, a directory with all below it. It is called as Skipped is.
	Unfit func(Unfit)

	// Parallel is the number of directories read at once; 0 means 4. One
	// file descriptor is held for each.
	Parallel int

	// openRoot replaces the system's, in tests.
	openRoot func(string) (root, error)
}

// Walk lists what o selects. It stops when ctx ends.
//
// A directory or file that cannot be examined is an error, for a publication
// must not silently lack a part; a file that vanished between the reading of
// its directory and its examination was deleted and is left out. A name that
// [manifest.ParsePath] refuses is an [*UnfitError], unless o.Unfit is told.
//
// The caller must Close the Tree.
func Walk(ctx context.Context, o Options) (*Tree, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	t := &Tree{}
	var found []*source
	for i := range o.Sources {
		s, err := walkSource(ctx, &o, i)
		if err != nil {
			t.Close()
			return nil, err
		}
		t.roots = append(t.roots, s.root)
		t.dirs = append(t.dirs, s.dir)
		found = append(found, s)
	}
	if err := t.fill(&o, found); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

func (o *Options) check() error {
	if o.Files != nil && (len(o.Sources) != 1 || len(o.Sources[0].Globs) > 0) {
		return errors.New("a list of files needs exactly one source directory, without globs")
	}
	if o.Shape.Strip < 0 {
		return fmt.Errorf("cannot strip %d components", o.Shape.Strip)
	}
	return nil
}

// A source is one source directory, walked.
type source struct {
	dir   string
	root  root
	take  *taking
	moves bool  // the shape changes paths
	items *node // the directory itself
}

func walkSource(ctx context.Context, o *Options, i int) (*source, error) {
	src := &o.Sources[i]
	take, err := newTaking(o, src)
	if err != nil {
		return nil, err
	}
	open := o.openRoot
	if open == nil {
		open = openRoot
	}
	r, err := open(src.Dir)
	if err != nil {
		return nil, err
	}
	s := &source{dir: src.Dir, root: r, take: take, moves: o.Shape.moves()}
	if o.Files != nil {
		err = s.readFiles(ctx, o.Files)
	} else {
		err = s.readAll(ctx, o.Parallel)
	}
	if err == nil {
		err = s.checkGlobs()
	}
	if err != nil {
		r.close()
		return nil, err
	}
	return s, nil
}

// checkGlobs returns an [ErrNoMatch] for a glob that nothing matched. What lies
// below a directory that was taken whole was never held against the globs.
func (s *source) checkGlobs() error {
	if _, ok := s.take.globs.idle(); ok {
		s.items.each(func(it *item) { s.take.globs.match(it.path) })
	}
	if p, ok := s.take.globs.idle(); ok {
		return fmt.Errorf("%w: %q in %q", ErrNoMatch, p, s.dir)
	}
	return nil
}
