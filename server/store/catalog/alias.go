package catalog

import "slices"

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

// newest adds to live what stands in a directory at the names of aliases.
func (p *plan) newest(dir int64, aliases []wish, live map[string]liveRow) error {
	var s rowScan
	for _, w := range aliases {
		err := p.c.rows(s.dest(), func() error {
			live[w.name()] = liveRow{s.entry(""), s.blob.Int64, s.from}
			return nil
		}, "SELECT "+entryCols+` FROM (SELECT * FROM entries WHERE dir=? AND name=? ORDER BY from_pub DESC LIMIT 1) e
			LEFT JOIN blobs b ON b.id=e.blob WHERE e.to_pub IS NULL`, dir, []byte(w.name()))
		if err != nil {
			return err
		}
	}
	return nil
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
