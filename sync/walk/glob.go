package walk

import (
	"fmt"
	"path"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/bmatcuk/doublestar/v4"
)

// globs is a set of doublestar patterns held against paths while a walk goes
// down. The zero value, without patterns, selects everything.
type globs struct {
	list []glob
}

type glob struct {
	pattern string
	// lead are the leading components that can be held against a directory one
	// by one; a directory that differs in one of them leads to no match.
	lead []string
	// open tells that matches may lie deeper than lead is long.
	open bool
	// base: without a slash, held against the last component at any depth.
	base bool
	// literal: no pattern, though it looks like a broken one.
	literal bool
	hits    *atomic.Bool
}

// argumentGlobs parses the arguments of a command line. One that is no pattern
// can only be a name, for which a shell may have put it there.
func argumentGlobs(patterns []string) (globs, error) {
	var g globs
	for _, p := range patterns {
		one, err := newGlob(p, !doublestar.ValidatePattern(p))
		if err != nil {
			return globs{}, err
		}
		g.list = append(g.list, one)
	}
	return g, nil
}

// profileGlobs parses the globs of a [Shape], where one without a slash is held
// against the last component.
func profileGlobs(patterns []string) (globs, error) {
	var g globs
	for _, p := range patterns {
		if !doublestar.ValidatePattern(p) {
			return globs{}, fmt.Errorf("%w: glob %q", ErrPattern, p)
		}
		one, err := newGlob(p, false)
		if err != nil {
			return globs{}, err
		}
		one.base = !strings.Contains(one.pattern, "/")
		g.list = append(g.list, one)
	}
	return g, nil
}

func newGlob(p string, literal bool) (glob, error) {
	clean := path.Clean(p)
	if p == "" || clean == ".." || strings.HasPrefix(clean, "../") || clean[0] == '/' {
		return glob{}, fmt.Errorf("%w: glob %q does not lead into the directory", ErrPattern, p)
	}
	if clean == "." {
		clean = "**"
	}
	g := glob{pattern: clean, literal: literal, hits: new(atomic.Bool)}
	g.lead, g.open = leading(clean, literal)
	return g, nil
}

// leading splits a pattern into the components before the first that may stand
// for several (or is only a part of a class or of braces that hold a slash), and
// tells whether there is such a one.
func leading(pattern string, literal bool) (lead []string, open bool) {
	parts := strings.Split(pattern, "/")
	for i, part := range parts {
		if !literal && (strings.Contains(part, "**") || !doublestar.ValidatePattern(part)) {
			return parts[:i], true
		}
	}
	return parts, false
}

// match reports whether one of the patterns matches the path, be it literally:
// a shell may have expanded it already.
func (g *globs) match(p string) bool {
	found := false
	for i := range g.list {
		if one := &g.list[i]; one.match(p) {
			one.hits.Store(true)
			found = true
		}
	}
	return found
}

func (g *glob) match(p string) bool {
	if g.base {
		p = path.Base(p)
	}
	return g.matchPart(g.pattern, p)
}

func (g *glob) matchPart(pattern, s string) bool {
	if s == pattern || g.literal {
		return s == pattern
	}
	ok, err := doublestar.Match(pattern, s)
	return ok && err == nil
}

// leads reports whether something below the directory may match.
func (g *globs) leads(dir string) bool {
	for i := range g.list {
		if g.list[i].leads(dir) {
			return true
		}
	}
	return false
}

func (g *glob) leads(dir string) bool {
	if g.base {
		return true
	}
	n := 0
	for part := range strings.SplitSeq(dir, "/") {
		if n == len(g.lead) {
			return g.open
		}
		if !g.matchPart(g.lead[n], part) {
			return false
		}
		n++
	}
	return n < len(g.lead) || g.open
}

// idle returns the first pattern that matched nothing.
func (g *globs) idle() (string, bool) {
	for i := range g.list {
		if !g.list[i].hits.Load() {
			return g.list[i].pattern, true
		}
	}
	return "", false
}

// GlobSources turns the GLOB arguments of `publish` into sources: relative
// globs become globs of the source dir; an absolute glob one of the source "/"
// (the drive on Windows); a glob that begins with "../" one of the directory it
// leads to. It does not look at the disk. An empty glob is
// an [ErrPattern].
func GlobSources(dir string, patterns []string) ([]Source, error) {
	if dir == "" {
		dir = "."
	}
	var sources []Source
	index := make(map[string]int)
	for _, p := range patterns {
		from, rest, err := globBase(dir, p)
		if err != nil {
			return nil, err
		}
		i, ok := index[from]
		if !ok {
			i = len(sources)
			index[from] = i
			sources = append(sources, Source{Dir: from})
		}
		sources[i].Globs = append(sources[i].Globs, rest)
	}
	return sources, nil
}

func globBase(dir, pattern string) (from, rest string, err error) {
	if pattern == "" {
		return "", "", fmt.Errorf("%w: an empty glob", ErrPattern)
	}
	vol := filepath.VolumeName(pattern)
	rest = path.Clean(filepath.ToSlash(pattern[len(vol):]))
	if strings.HasPrefix(rest, "/") {
		if rest = strings.TrimLeft(rest, "/"); rest == "" {
			rest = "."
		}
		return vol + string(filepath.Separator), rest, nil
	}
	from = dir
	for rest == ".." || strings.HasPrefix(rest, "../") {
		from = filepath.Join(from, "..")
		if rest = strings.TrimPrefix(rest[2:], "/"); rest == "" {
			rest = "."
		}
	}
	return from, rest, nil
}
