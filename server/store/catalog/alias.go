package catalog

import (
	"slices"

	"github.com/pubsync/pubsync/sync/manifest"
)

// An alias moves with every build, so that its name has a row for each move that
// is still kept. Finding the one that stands among them as other entries are
// found would take longer with every build; these go by the key, newest first.

// split parts the aliases from the other wishes.
func split(wishes []wish) (others, aliases []wish) {
	if !slices.ContainsFunc(wishes, func(w wish) bool { return w.alias }) {
		return wishes, nil
	}
	for _, w := range wishes {
		if w.alias {
			aliases = append(aliases, w)
		} else {
			others = append(others, w)
		}
	}
	return others, aliases
}

// newest compares the wishes for aliases in the directory at path with what is at
// their names.
func (p *plan) newest(dir int64, path manifest.Path, aliases []wish) error {
	for i := range aliases {
		var (
			s   rowScan
			row *liveRow
		)
		err := p.c.rows(s.dest(), func() error {
			row = &liveRow{s.entry(""), s.blob.Int64, s.from}
			return nil
		}, "SELECT "+entryCols+` FROM (SELECT * FROM entries WHERE dir=? AND name=? ORDER BY from_pub DESC LIMIT 1) e
			LEFT JOIN blobs b ON b.id=e.blob WHERE e.to_pub IS NULL`, dir, []byte(aliases[i].name()))
		if err == nil {
			err = p.decide(dir, path, &aliases[i], row)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// showsNewer reports whether an alias in dir shows a newer directory than the one
// it was to show.
func (p *plan) showsNewer(dir int64, shown, asked string) (bool, error) {
	if p.commit.Newer == nil || shown == asked || !p.commit.Newer(shown, asked) {
		return false, nil
	}
	return isStandingDir(p.c, dir, shown)
}

// endAliases ends the rows of aliases that move in publication n.
func (p *plan) endAliases(n int64) error {
	for _, a := range p.left {
		_, err := p.c.exec("UPDATE entries SET to_pub=? WHERE dir=? AND name=? AND from_pub=?", n, a.dir, []byte(a.name), a.from)
		if err != nil {
			return err
		}
	}
	return nil
}
