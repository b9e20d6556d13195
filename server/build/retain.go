package build

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// A Store is the part of [store.Store] that retention needs.
type Store interface {
	store.Records
	Version(ctx context.Context) (store.Version, error)
	VersionAt(ctx context.Context, t time.Time) (store.Version, error)
	Targets(ctx context.Context, dir manifest.Path, f func(store.Target) error) error
	Lookup(ctx context.Context, p manifest.Path, v store.Version) (manifest.Entry, error)
	ReadDir(ctx context.Context, dir manifest.Path, v store.Version, after string, limit int) ([]manifest.Entry, error)
	Commit(ctx context.Context, c store.Commit) (store.Publication, error)
	Forget(ctx context.Context, target manifest.Path, v store.Version) (store.Forgotten, error)
	Usage(ctx context.Context, p manifest.Path) (store.Usage, error)
}

var _ Store = store.Store(nil)

// Note is the text in the note of a publication that retention made.
const Note = "retention"

// A Removal is a build that went, or would go.
type Removal struct {
	Target manifest.Path
	Last   time.Time     // when it was last published to
	Number store.Version // the publication that removed it; 0 in a dry run
	Why    string        // the bounds that it is beyond, for people
	Usage  store.Usage   // what was in it
}

// Retained says what retention did, or would do.
type Retained struct {
	Removed   []Removal
	Forgotten int // rows of history dropped; 0 in a dry run
}

// RetainOptions say how to retain.
type RetainOptions struct {
	Now    time.Time
	DryRun bool // only tell
	// Audit, if not nil, writes down a removal in the transaction that makes it;
	// with its error the build stays, and Retain ends.
	Audit func(tx store.Tx, r Removal) error
}

// Retain removes the builds that no type keeps any longer and forgets the
// history that is too old. It may run beside everything else: a build that is
// published to, pinned or shown by an alias meanwhile stays.
func Retain(ctx context.Context, s Store, types Types, o RetainOptions) (Retained, error) {
	r := retention{RetainOptions: o, ctx: ctx, s: s, types: types}
	for _, name := range slices.Sorted(maps.Keys(types)) {
		if err := r.typ(manifest.Path(name), types[name]); err != nil {
			return r.out, fmt.Errorf("retention of type %q: %w", name, err)
		}
	}
	return r.out, nil
}

type retention struct {
	RetainOptions
	ctx   context.Context
	s     Store
	types Types
	seen  store.Version // what the choice of builds is based on
	out   Retained
}

// A kept is a build that is there.
type kept struct {
	target manifest.Path
	last   store.Version
	time   time.Time
}

func (r *retention) typ(name manifest.Path, t Type) error {
	if t.KeepBuilds > 0 || t.KeepDays > 0 {
		lines, err := r.lines(name)
		if err != nil {
			return err
		}
		for _, dir := range slices.Sorted(maps.Keys(lines)) {
			if err := r.line(dir, lines[dir], t); err != nil {
				return err
			}
		}
	}
	if t.KeepHistory == 0 || r.DryRun {
		return nil
	}
	v, err := r.s.VersionAt(r.ctx, r.Now.Add(-t.KeepHistory))
	if err != nil || v == 0 {
		return err
	}
	f, err := r.s.Forget(r.ctx, name, v)
	r.out.Forgotten += f.Entries
	return err
}

// lines returns the builds of a type, by the directory they are in.
func (r *retention) lines(typ manifest.Path) (lines map[manifest.Path][]kept, err error) {
	if r.seen, err = r.s.Version(r.ctx); err != nil {
		return nil, err
	}
	newest := make(map[manifest.Path]store.Target) // by build
	err = r.s.Targets(r.ctx, typ, func(t store.Target) error {
		if build, ok := r.types.Of(t.Path); ok && t.Last > newest[build].Last {
			newest[build] = t
		}
		return nil
	})
	lines = make(map[manifest.Path][]kept)
	for build, t := range newest {
		lines[build.Dir()] = append(lines[build.Dir()], kept{build, t.Last, t.Time})
	}
	return lines, err
}

// line removes what a line has beyond its bounds.
func (r *retention) line(dir manifest.Path, builds []kept, t Type) error {
	slices.SortFunc(builds, func(a, b kept) int { return cmp.Compare(b.last, a.last) })
	shown, err := r.shown(dir)
	if err != nil {
		return err
	}
	rank := 0
	for _, b := range builds {
		e, err := r.s.Lookup(r.ctx, b.target, store.Latest)
		if errors.Is(err, store.ErrNotFound) || err == nil && e.Kind != manifest.Dir {
			continue // removed before
		}
		if err != nil {
			return err
		}
		rank++
		young := t.KeepBuilds > 0 && rank <= t.KeepBuilds || t.KeepDays > 0 && r.Now.Sub(b.time) <= days(t.KeepDays)
		if young || shown[b.target.Base()] {
			continue
		}
		if err := r.remove(b, t.bounds()); err != nil {
			return err
		}
	}
	return nil
}

// bounds names the bounds of a type, for people.
func (t *Type) bounds() string {
	var list []string
	if t.KeepBuilds > 0 {
		list = append(list, fmt.Sprintf("keep_builds = %d", t.KeepBuilds))
	}
	if t.KeepDays > 0 {
		list = append(list, fmt.Sprintf("keep_days = %d", t.KeepDays))
	}
	return "beyond " + strings.Join(list, " and ")
}

func days(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }

// shown returns the names that symbolic links directly in dir lead to.
func (r *retention) shown(dir manifest.Path) (map[string]bool, error) {
	const page = 1000
	shown := make(map[string]bool)
	for after := ""; ; {
		list, err := r.s.ReadDir(r.ctx, dir, store.Latest, after, page)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		for _, e := range list {
			if e.Kind == manifest.Symlink {
				name, _, _ := strings.Cut(strings.TrimPrefix(e.Link, "./"), "/")
				shown[name] = true
			}
		}
		if len(list) < page {
			return shown, nil
		}
		after = list[len(list)-1].Path.Base()
	}
}

// errKept ends a removal that is not to be.
var errKept = errors.New("kept")

// remove removes a build, unless it is pinned, or anything was published to it
// since the choice was made: that is also how an alias comes to show it.
func (r *retention) remove(b kept, why string) error {
	check := func(tx store.Tx) error {
		is, err := pinned(tx, b.target)
		if err == nil && is {
			err = errKept
		}
		return err
	}
	usage, err := r.s.Usage(r.ctx, b.target)
	if err != nil {
		return err
	}
	removal := Removal{Target: b.target, Last: b.time, Usage: usage, Why: why}
	if r.DryRun {
		err := r.s.View(r.ctx, check)
		if err == nil {
			r.out.Removed = append(r.out.Removed, removal)
		}
		return unlessKept(err)
	}
	note, err := json.Marshal(struct {
		By string `json:"by"`
	}{Note})
	if err != nil {
		return err
	}
	p, err := r.s.Commit(r.ctx, store.Commit{
		Target: b.target, Remove: true, Overwrite: true, Seen: r.seen, Time: r.Now, Note: string(note), Before: check,
		After: func(tx store.Tx, p *store.Publication) error {
			removal.Number = p.Number
			if r.Audit == nil {
				return nil
			}
			return r.Audit(tx, removal)
		},
	})
	if err != nil {
		return unlessKept(err)
	}
	r.out.Removed = append(r.out.Removed, removal)
	f, err := r.s.Forget(r.ctx, b.target, p.Number)
	r.out.Forgotten += f.Entries
	return err
}

func unlessKept(err error) error {
	if errors.Is(err, errKept) || errors.Is(err, store.ErrStale) {
		return nil
	}
	return err
}
