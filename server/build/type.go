package build

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// A Type says how builds of a type are named and kept. The zero Type has no
// aliases and keeps everything.
type Type struct {
	Depth       int           // components below the type that name a build; 0: all that a target has
	Aliases     []string      // names that follow the newest build
	Named       []string      // names that a push may ask for
	KeepBuilds  int           // of a line; 0 is no bound
	KeepDays    int           // since the last publication; 0 is no bound
	KeepHistory time.Duration // of what was replaced or removed; 0: for ever
}

// Types are the types that are configured, by name.
type Types map[string]Type

// Of returns the build that a publication to target belongs to, and false if its
// type is not configured or the target is above any build.
func (ts Types) Of(target manifest.Path) (manifest.Path, bool) {
	t, ok := ts[target.First()]
	if !ok {
		return "", false
	}
	parts := strings.Split(string(target), "/")
	n := 1 + t.Depth
	if t.Depth == 0 {
		n = len(parts)
	}
	if n < 2 || len(parts) < n {
		return "", false
	}
	return manifest.Path(strings.Join(parts[:n], "/")), true
}

// Check returns a *wire.Error if a push may not go to target because a name in
// it is an alias, or if it may not move the names it asks for.
func (ts Types) Check(target manifest.Path, names []string) error {
	t := ts[target.First()]
	build, ok := ts.Of(target)
	if ok {
		for _, part := range strings.Split(string(build), "/")[1:] {
			if slices.Contains(t.Aliases, part) || slices.Contains(t.Named, part) {
				return wire.Errorf(wire.CodeBadPath, "%q is an alias of the type %q and cannot name a build", part, target.First()).
					WithHint("publish under the build's own name; the alias follows by itself, or with --alias")
			}
		}
	}
	for i, name := range names {
		switch {
		case !ok:
			return wire.Errorf(wire.CodeBadRequest, "no alias can show %q: it is no build of a type that has any", target)
		case !slices.Contains(t.Named, name) && !slices.Contains(t.Aliases, name), slices.Contains(names[:i], name):
			return wire.Errorf(wire.CodeBadRequest, "the type %q has no alias %q, or it is asked for twice", target.First(), name).
				WithHint(fmt.Sprintf("it has %q; more can be given as named_aliases in the server's configuration", slices.Concat(t.Aliases, t.Named)))
		}
	}
	return nil
}

// Names returns what a publication to target means for aliases: its build, the
// links that follow if the build is new, and those that move because they are
// asked for. The names have passed Check.
func (ts Types) Names(target manifest.Path, names []string, at time.Time) (build manifest.Path, follow, move manifest.List) {
	build, ok := ts.Of(target)
	if !ok {
		return "", nil, nil
	}
	for _, a := range ts[target.First()].Aliases {
		if !slices.Contains(names, a) {
			follow = append(follow, link(build, a, at))
		}
	}
	for _, a := range names {
		move = append(move, link(build, a, at))
	}
	follow.Sort()
	move.Sort()
	return build, follow, move
}

// Newer reports whether the build named a is newer than the one named b, as far as
// names tell: those that differ in nothing but numbers, such as 42 and 41, v1.10 and
// v1.9, or 2026-05-02 and 2026-05-01, go by the first number that differs. Of others,
// such as hashes of commits, neither is newer.
func (Types) Newer(a, b string) bool {
	first := 0 // how the first numbers that differ compare
	for a != "" || b != "" {
		var textA, textB, numA, numB string
		textA, numA, a = cutNumber(a)
		textB, numB, b = cutNumber(b)
		if textA != textB || (numA == "") != (numB == "") {
			return false
		}
		first = cmp.Or(first, compareNumbers(numA, numB))
	}
	return first > 0
}

// cutNumber parts a name into what comes before its first number, that number,
// and the rest.
func cutNumber(name string) (text, number, rest string) {
	i := strings.IndexAny(name, digits)
	if i < 0 {
		return name, "", ""
	}
	rest = strings.TrimLeft(name[i:], digits)
	return name[:i], name[i : len(name)-len(rest)], rest
}

const digits = "0123456789"

// compareNumbers compares two rows of digits as numbers.
func compareNumbers(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

// link returns the alias of that name which shows the build.
func link(build manifest.Path, name string, at time.Time) manifest.Entry {
	return manifest.Entry{
		Path: build.Dir().Join(manifest.Path(name)), Kind: manifest.Symlink, Mode: 0o777,
		MTime: at.UnixNano(), Link: build.Base(),
	}
}
