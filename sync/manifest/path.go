package manifest

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Limits of a path, in bytes: those of Linux's file systems.
const (
	MaxPath = 4095
	MaxName = 255
)

// ErrBadPath is the error for a path that no tree may contain. The error that
// wraps it says which path (quoted) and which rule.
var ErrBadPath = errors.New("path not allowed")

// A Path names an entry: components joined by single slashes, relative,
// without a leading or trailing slash. A component is any bytes, UTF-8 or not,
// except that these are refused, by client and server alike:
//
//   - an empty component, "." and "..", also when they appear only after one
//     round of percent-decoding ("%2e%2e", "..%2fx"), since a proxy in front of
//     a server may decode once too often;
//   - control bytes (below 0x20, and 0x7f) and backslashes;
//   - a trailing dot, and the device names of Windows standing alone (con,
//     prn, aux, nul, com1 to com9, lpt1 to lpt9, in any case): a mirror on
//     Windows could not hold them ("aux.c" is fine);
//   - a drive ("c:") as the first component;
//   - more than [MaxName] bytes in a component or [MaxPath] in all.
//
// The zero Path is the root of a tree and is not an entry.
type Path string

// ParsePath checks s and returns it as a Path. Every error wraps [ErrBadPath].
func ParsePath(s string) (Path, error) {
	if s == "" {
		return "", badPath(s, "it is empty")
	}
	if len(s) > MaxPath {
		return "", badPath(s[:64]+"...", fmt.Sprintf("it has %d bytes, more than %d", len(s), MaxPath))
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c < 0x20 || c == 0x7f:
			return "", badPath(s, fmt.Sprintf("control byte %#02x", c))
		case c == '\\':
			return "", badPath(s, "backslash")
		}
	}
	first := true
	for name := range strings.SplitSeq(s, "/") {
		if rule := nameRule(name); rule != "" {
			return "", badPath(s, rule)
		}
		if first && len(name) == 2 && name[1] == ':' && isLetter(name[0]) {
			return "", badPath(s, "it begins with a drive")
		}
		first = false
	}
	return Path(s), nil
}

// A PathError is the [ErrBadPath] for one path.
type PathError struct {
	Path string // as it was given, or its beginning
	Rule string // that it breaks, for people: "backslash"
}

func (e *PathError) Error() string { return fmt.Sprintf("%v: %q: %s", ErrBadPath, e.Path, e.Rule) }
func (e *PathError) Unwrap() error { return ErrBadPath }

func badPath(s, rule string) error { return &PathError{s, rule} }

// nameRule returns the rule that the component breaks, or "".
func nameRule(name string) string {
	switch {
	case name == "":
		return "empty component, or a slash at an end"
	case name == "." || name == "..":
		return "dot component"
	case len(name) > MaxName:
		return fmt.Sprintf("a component of more than %d bytes", MaxName)
	case name[len(name)-1] == '.':
		return "a component ends in a dot"
	case isDevice(name):
		return "a device name of Windows"
	case strings.IndexByte(name, '%') >= 0 && hidesDots(name):
		return "percent-encoded dot component"
	}
	return ""
}

// hidesDots reports whether decoding name once gives a component "." or "..",
// or a NUL.
func hidesDots(name string) bool {
	dec, err := url.PathUnescape(name)
	if err != nil {
		return false
	}
	for part := range strings.FieldsFuncSeq(dec, func(r rune) bool { return r == '/' || r == '\\' }) {
		if part == "." || part == ".." {
			return true
		}
	}
	return strings.IndexByte(dec, 0) >= 0
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func isDevice(name string) bool {
	if len(name) != 3 && len(name) != 4 {
		return false // as most: no other letters have these for their lower case
	}
	switch strings.ToLower(name[:3]) {
	case "con", "prn", "aux", "nul":
		return len(name) == 3
	case "com", "lpt":
		return len(name) == 4 && '1' <= name[3] && name[3] <= '9'
	}
	return false
}

// Escape returns p percent-encoded for a URL's path, slashes and ':', '+' and '~'
// standing for themselves; decoding gives exactly the bytes of p.
func (p Path) Escape() string {
	if !strings.Contains(string(p), "/") {
		return url.PathEscape(string(p))
	}
	parts := strings.Split(string(p), "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return strings.Join(parts, "/")
}

// Dir returns the path of the directory that holds p, "" at the top.
func (p Path) Dir() Path {
	i := strings.LastIndexByte(string(p), '/')
	if i < 0 {
		return ""
	}
	return p[:i]
}

// Base returns the last component of p.
func (p Path) Base() string { return string(p[strings.LastIndexByte(string(p), '/')+1:]) }

// Stem returns the last component of p without its digits: files that differ
// only in version or date have the same.
func (p Path) Stem() string {
	name := p.Base()
	out := make([]byte, 0, len(name))
	for i := range len(name) {
		if c := name[i]; c < '0' || c > '9' {
			out = append(out, c)
		}
	}
	return string(out)
}

// First returns the first component of p: of a target, its type.
func (p Path) First() string {
	first, _, _ := strings.Cut(string(p), "/")
	return first
}

// Join returns the path of q below p; either may be the root.
func (p Path) Join(q Path) Path {
	switch {
	case p == "":
		return q
	case q == "":
		return p
	}
	return p + "/" + q
}

// Within reports whether p is dir or lies below it, compared by component:
// "share2" is not within "share". Everything is within the root.
func (p Path) Within(dir Path) bool {
	if dir == "" || p == dir {
		return true
	}
	return len(p) > len(dir) && p[len(dir)] == '/' && p[:len(dir)] == dir
}

// Rel returns p relative to dir, and whether p is within dir.
func (p Path) Rel(dir Path) (Path, bool) {
	switch {
	case !p.Within(dir):
		return "", false
	case dir == "":
		return p, true
	case p == dir:
		return "", true
	}
	return p[len(dir)+1:], true
}
