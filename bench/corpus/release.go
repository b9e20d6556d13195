package corpus

import (
	"fmt"
	"path"
	"strings"
)

// Kind says which client fetches a release.
type Kind int

const (
	// NPM is a package of the npm registry, fetched with "npm pack" (a .tgz).
	NPM Kind = iota
	// GoModule is a module fetched with "go mod download" (a .zip).
	GoModule
	// DebianSource is the .orig.tar.gz of a Debian source package, fetched with
	// "apt-get source".
	DebianSource
)

// String names the kind as the report does.
func (k Kind) String() string {
	switch k {
	case NPM:
		return "npm"
	case GoModule:
		return "go"
	case DebianSource:
		return "debian"
	}
	return fmt.Sprintf("Kind(%d)", int(k))
}

// Release is one published file, fixed by its digest.
type Release struct {
	Kind    Kind
	Name    string // of the package or module
	Version string // of the package; for Debian the upstream version
	SHA256  string // of the file, in hex
}

// File is the name the release is kept and pushed under. It holds the version, as the
// names of releases do.
func (r Release) File() string {
	switch r.Kind {
	case GoModule:
		return strings.ReplaceAll(r.Name, "/", "-") + "-" + r.Version + ".zip"
	case DebianSource:
		return r.Name + "_" + r.Version + ".orig.tar.gz"
	}
	return strings.ReplaceAll(strings.TrimPrefix(r.Name, "@"), "/", "-") + "-" + r.Version + ".tgz"
}

// String is what the package client is asked for.
func (r Release) String() string { return r.Name + "@" + r.Version }

// Pair is two consecutive releases of one thing.
type Pair struct {
	Old, New Release
	Held     bool // of the table that nothing was tuned on
}

// Label names the pair in a table: "vite 6.1.0 to 6.1.1".
func (p Pair) Label() string {
	name := p.Old.Name
	if p.Old.Kind == GoModule {
		name = strings.TrimPrefix(name, "github.com/")
	}
	return fmt.Sprintf("%s %s to %s", name, strings.TrimPrefix(p.Old.Version, "v"), strings.TrimPrefix(p.New.Version, "v"))
}

// Pairs puts the table's releases together: neighbours in the table with the same
// kind and name are consecutive.
func Pairs() []Pair { return pairs(Releases(), false) }

// HeldOutPairs does so with the other table.
func HeldOutPairs() []Pair { return pairs(HeldOut(), true) }

func pairs(all []Release, held bool) []Pair {
	var pairs []Pair
	for i := 1; i < len(all); i++ {
		if all[i].Kind == all[i-1].Kind && all[i].Name == all[i-1].Name {
			pairs = append(pairs, Pair{all[i-1], all[i], held})
		}
	}
	return pairs
}

// Family names what the pair is summed up with: its kind, and whether it was held
// out.
func (p Pair) Family() string {
	if p.Held {
		return p.Old.Kind.String() + ", held out"
	}
	return p.Old.Kind.String()
}

// Find gives the release with that name and version; the table has it, or the
// program is wrong.
func Find(name, version string) (Release, error) {
	for _, r := range Releases() {
		if r.Name == name && r.Version == version {
			return r, nil
		}
	}
	return Release{}, fmt.Errorf("corpus: no release %s in the table", path.Join(name)+"@"+version)
}
