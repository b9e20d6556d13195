package session

import (
	"cmp"
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

const (
	minMerged  = 256 << 10 // bytes; a smaller archive is not taken to be made of others
	maxBeside  = 4         // bases that lie beside a file
	besideScan = 256       // entries of a directory that are looked at
)

// archiveExts are the extensions of what may hold the members of other archives.
// Only the choice of bases goes by names: what a file is, its content says.
var archiveExts = map[string]bool{
	".tar": true, ".gz": true, ".tgz": true, ".zip": true, ".jar": true, ".war": true, ".whl": true, ".apk": true, ".deb": true,
}

// beside chooses several bases for an archive that has no predecessor: it may be
// made of what lies in its directory, as of the target or of the newest earlier
// build. Names that begin like its own come first, then what is large.
func (x *exchange) beside(e *manifest.Entry) ([]wire.Basis, error) {
	ext := path.Ext(e.Path.Base())
	if e.Size < minMerged || !archiveExts[ext] {
		return nil, nil
	}
	before, err := x.session.knownBuilds(x.ctx)
	if err != nil {
		return nil, err
	}
	for _, t := range append([]manifest.Path{x.session.rec.Target}, before.targets[:min(len(before.targets), 1)]...) {
		list, err := x.session.store().ReadDir(x.ctx, t.Join(e.Path.Dir()), store.Latest, "", besideScan)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		list = slices.DeleteFunc(list, func(f manifest.Entry) bool {
			return f.Kind != manifest.File || f.Size < minSimilar || path.Ext(f.Path.Base()) != ext || !x.auth.Sight()(f.Path)
		})
		if len(list) > 0 {
			return likeliest(list, e.Path.Base()), nil
		}
	}
	return nil, nil
}

// likeliest returns the contents of the files that are most likely part of one of
// that name.
func likeliest(list []manifest.Entry, name string) (bases []wire.Basis) {
	slices.SortStableFunc(list, func(a, b manifest.Entry) int {
		return cmp.Or(cmp.Compare(sameStart(b.Path.Base(), name), sameStart(a.Path.Base(), name)), cmp.Compare(b.Size, a.Size))
	})
	for _, f := range list {
		b := wire.Basis{Digest: f.Digest, Size: f.Size}
		if len(bases) < maxBeside && !slices.ContainsFunc(bases, b.Is) {
			bases = append(bases, b)
		}
	}
	return bases
}

// sameStart returns the length of the first word of both names, if that is the same,
// else 0.
func sameStart(a, b string) int {
	word := func(s string) string {
		if i := strings.IndexAny(s, "-_. "); i >= 0 {
			return s[:i]
		}
		return s
	}
	if w := word(a); w == word(b) {
		return len(w)
	}
	return 0
}
