package walk

import (
	"fmt"
	"io"
	"strings"
)

// A Filter is a list of include and exclude rules with rsync's semantics (the
// section FILTER RULES of rsync(1)). Rules are tried in the order they were
// added and the first that matches decides; a path that none matches is taken.
//
// In a pattern, "*" matches any run of bytes but a slash, "**" any run, "?" any
// byte but a slash, "[...]" one byte of a class; backslash quotes the byte after
// it in a pattern that has a wildcard. A leading slash anchors the pattern at
// the source directory; without one it matches the end of the path. A trailing
// slash lets it match only directories. A pattern without slash or "**" is
// matched against the last component. A trailing "/***" matches a directory and
// all it holds. Excluded directories are not read. Bytes are compared as they
// are; there is no notion of characters or case.
//
// As in rsync, a rule "+ PATTERN" includes and "- PATTERN" excludes whatever
// the option it was given with, "!" empties the list, and an empty pattern adds
// nothing.
//
// The zero Filter takes everything. Adding is for one goroutine; Match may be
// called concurrently once all rules are in.
type Filter struct {
	rules []rule
}

// Include adds a rule of --include. Errors wrap [ErrPattern].
func (f *Filter) Include(pattern string) error { return f.add(pattern, true) }

// Exclude adds a rule of --exclude. Errors wrap [ErrPattern].
func (f *Filter) Exclude(pattern string) error { return f.add(pattern, false) }

// IncludeFrom adds the rules of --include-from: a pattern a line, where empty
// lines and lines that begin with "#" or ";" are comments and a line may end in
// a carriage return. With nul (--from0), patterns end in NUL instead. name is
// for errors.
func (f *Filter) IncludeFrom(r io.Reader, name string, nul bool) error {
	return f.addFrom(r, name, nul, true)
}

// ExcludeFrom adds the rules of --exclude-from, read like [Filter.IncludeFrom].
func (f *Filter) ExcludeFrom(r io.Reader, name string, nul bool) error {
	return f.addFrom(r, name, nul, false)
}

func (f *Filter) addFrom(r io.Reader, name string, nul, include bool) error {
	lines, err := readLines(r, nul)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for _, line := range lines {
		if err := f.add(line, include); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (f *Filter) add(pattern string, include bool) error {
	switch {
	case pattern == "":
		return nil
	case pattern == "!":
		f.rules = nil
		return nil
	case strings.HasPrefix(pattern, "+ "), strings.HasPrefix(pattern, "- "):
		include = pattern[0] == '+'
		if pattern = pattern[2:]; pattern == "" {
			return fmt.Errorf("%w: a rule ends after its sign", ErrPattern)
		}
	}
	if strings.IndexByte(pattern, 0) >= 0 {
		return fmt.Errorf("%w: %q has a NUL", ErrPattern, pattern)
	}
	f.rules = append(f.rules, parseRule(pattern, include))
	return nil
}

// Match reports whether the path below a source (slash-separated, relative) is
// taken by the rules. It does not look at the directories above: a walk has
// asked about those before.
func (f *Filter) Match(path string, dir bool) bool {
	if f == nil {
		return true
	}
	var framed string // "/PATH/", made when a rule asks for it
	for i := range f.rules {
		r := &f.rules[i]
		if r.frame() && framed == "" {
			framed = "/" + path + "/"
		}
		if r.match(path, framed, dir) {
			return r.include
		}
	}
	return true
}

// A rule is one pattern, parsed. Which part of a path it is held against follows
// from where its slashes and double stars are.
type rule struct {
	include  bool
	pattern  string // without the leading and the trailing slash
	anchored bool   // there was a leading slash
	dirOnly  bool   // there was a trailing slash
	slashes  int    // in the pattern, the leading one counted, the trailing not
	wild     bool   // it has a wildcard
	double   bool   // it has "**"
	leading  bool   // it begins with "**"
	triple   bool   // it ends in "***"
}

func parseRule(pattern string, include bool) rule {
	r := rule{
		include: include,
		wild:    strings.ContainsAny(pattern, "*?["),
		double:  strings.Contains(pattern, "**"),
		leading: strings.HasPrefix(pattern, "**"),
		triple:  strings.HasSuffix(pattern, "***"),
	}
	if len(pattern) > 1 && strings.HasSuffix(pattern, "/") {
		r.dirOnly, pattern = true, pattern[:len(pattern)-1]
	}
	r.slashes = strings.Count(pattern, "/")
	r.pattern, r.anchored = strings.CutPrefix(pattern, "/")
	return r
}

// frame reports whether the rule is matched against a path with a slash put
// before it (so that "**/x" matches "x") or, for a directory, after it (so that
// "x/***" matches "x").
func (r *rule) frame() bool { return r.leading || r.triple }

func (r *rule) match(path, framed string, dir bool) bool {
	if r.dirOnly && !dir {
		return false
	}
	subject := path
	if r.frame() {
		subject = framed
		if !r.leading {
			subject = subject[1:]
		}
		if !r.triple || !dir {
			subject = subject[:len(subject)-1]
		}
	}
	switch {
	case r.anchored, r.leading:
		return r.matchWhole(subject)
	case r.double:
		return r.matchAfterSlash(subject)
	}
	subject, ok := lastComponents(subject, r.slashes+1)
	return ok && r.matchWhole(subject)
}

func (r *rule) matchWhole(s string) bool {
	if r.wild {
		return wildMatch(r.pattern, s)
	}
	return r.pattern == s
}

// matchAfterSlash tries the pattern at the start and after every slash.
func (r *rule) matchAfterSlash(s string) bool {
	for {
		if r.matchWhole(s) {
			return true
		}
		i := strings.IndexByte(s, '/')
		if i < 0 {
			return false
		}
		s = s[i+1:]
	}
}

// lastComponents returns the last n components of path, and whether it has as
// many.
func lastComponents(path string, n int) (string, bool) {
	for i := len(path) - 1; i >= 0; i-- {
		if path[i] != '/' {
			continue
		}
		if n--; n == 0 {
			return path[i+1:], true
		}
	}
	return path, n == 1
}
