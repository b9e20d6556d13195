package walk

import (
	"errors"
	"io"
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
// the option it was given with, and "!" empties the list.
//
// The zero Filter takes everything. Adding is for one goroutine; Match may be
// called concurrently once all rules are in.
type Filter struct {
	rules []rule
}

type rule struct{}

// Include adds a rule of --include.
func (f *Filter) Include(pattern string) error { return errors.ErrUnsupported }

// Exclude adds a rule of --exclude. An empty pattern is an [ErrPattern].
func (f *Filter) Exclude(pattern string) error { return errors.ErrUnsupported }

// IncludeFrom adds the rules of --include-from: a pattern a line, where empty
// lines and lines that begin with "#" or ";" are comments. With nul (--from0),
// patterns end in NUL instead. name is for errors.
func (f *Filter) IncludeFrom(r io.Reader, name string, nul bool) error { return errors.ErrUnsupported }

// ExcludeFrom adds the rules of --exclude-from, read like [Filter.IncludeFrom].
func (f *Filter) ExcludeFrom(r io.Reader, name string, nul bool) error { return errors.ErrUnsupported }

// Match reports whether the path below a source (slash-separated, relative) is
// taken by the rules. It does not look at the directories above: a walk has
// asked about those before.
func (f *Filter) Match(path string, dir bool) bool { return true }

// ReadNames reads a list of --files-from: a name a line (empty lines and lines
// that begin with "#" or ";" are skipped, a carriage return before the newline
// is dropped), or with nul (--from0) a name up to each NUL. It refuses a list of
// more than 64 MiB. Names are returned as they stand.
func ReadNames(r io.Reader, nul bool) ([]string, error) { return nil, errors.ErrUnsupported }
