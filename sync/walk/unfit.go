package walk

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/pubsync/pubsync/sync/manifest"
)

// An Unfit is something in a source that no tree may hold, mostly for its name:
// see [manifest.ParsePath].
type Unfit struct {
	Local string // its path
	Rule  string // that it breaks, for people
}

// An UnfitError is the error for what no tree may hold. It wraps
// [manifest.ErrBadPath].
type UnfitError struct {
	Unfit []Unfit // at most 20, in order of path; a directory stands for what it holds
	Total int
}

// maxUnfit is how many an UnfitError tells of.
const maxUnfit = 20

func (e *UnfitError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d of the names to be pushed cannot be published: ", e.Total)
	for i, u := range e.Unfit {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%q (%s)", u.Local, u.Rule)
	}
	if more := e.Total - len(e.Unfit); more > 0 {
		fmt.Fprintf(&b, " and %d more", more)
	}
	return b.String()
}

func (e *UnfitError) Unwrap() error { return manifest.ErrBadPath }

// fit returns what a tree may hold of the items, in their order. The rest is an
// [*UnfitError], or, if somebody wants to be told, left out.
func (o *Options) fit(all []placed, found []*source) ([]placed, error) {
	var (
		failed UnfitError
		dir    string // the directory last found unfit, with a slash
		kept   = all[:0]
	)
	for i := range all {
		p := all[i]
		if dir != "" && strings.HasPrefix(p.path, dir) {
			continue
		}
		rule := p.rule()
		if rule == "" {
			kept = append(kept, p)
			continue
		}
		if p.kind == fs.ModeDir {
			dir = p.path + "/"
		}
		u := Unfit{found[p.source].local(p.item.path), rule}
		if o.Unfit != nil {
			o.Unfit(u)
			continue
		}
		if failed.Total++; len(failed.Unfit) < maxUnfit {
			failed.Unfit = append(failed.Unfit, u)
		}
	}
	if failed.Total > 0 {
		return nil, &failed
	}
	return slices.Clip(kept), nil
}

// rule returns the rule that the item breaks, "" if none.
func (p *placed) rule() string {
	if p.checked && p.path == p.item.path && p.kind != fs.ModeSymlink {
		return ""
	}
	e := p.entry()
	err := e.Check()
	var bad *manifest.PathError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &bad):
		return bad.Rule
	}
	return err.Error()
}
