package catalog

import (
	"errors"
	"strings"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// maxNamed is how many paths a ConflictError names.
const maxNamed = 20

// A liveRow is an entry that stands when a commit begins.
type liveRow struct {
	manifest.Entry
	blob int64
	from int64 // the publication that made it
}

// dirID returns the number of the directory row at path and makes one where
// there is none, which a fresh directory hints at.
func dirID(c *conn, path manifest.Path, fresh bool) (id int64, err error) {
	const find = "SELECT id FROM dirs WHERE path=?"
	if !fresh {
		err := c.row([]any{&id}, find, []byte(path))
		if !errors.Is(err, store.ErrNotFound) {
			return id, err
		}
	}
	err = c.row([]any{&id}, "INSERT INTO dirs(path) VALUES (?) ON CONFLICT DO NOTHING RETURNING id", []byte(path))
	if errors.Is(err, store.ErrNotFound) { // it was there after all
		err = c.row([]any{&id}, find, []byte(path))
	}
	return id, err
}

// live returns what stands in a directory, by name: all of it, or at least what
// is wished for. The latter takes time in proportion to the wishes, however
// large the directory: one look at the range they span, which mostly is little
// more than themselves, and only if it is much more, one by one.
func (p *plan) live(dir int64, wishes []wish, all bool) (map[string]liveRow, error) {
	const q = "SELECT " + entryCols + " FROM entries e LEFT JOIN blobs b ON b.id=e.blob WHERE e.dir=? AND e.to_pub IS NULL"
	var (
		s   rowScan
		n   int
		out = make(map[string]liveRow, len(wishes))
	)
	add := func() error {
		n++
		out[string(s.name)] = liveRow{s.entry(""), s.blob.Int64, s.from}
		return nil
	}
	if all {
		return out, p.c.rows(s.dest(), add, q, dir)
	}
	if len(wishes) > 1 {
		limit := 3 * len(wishes)
		first, last := []byte(wishes[0].name()), []byte(wishes[len(wishes)-1].name())
		err := p.c.rows(s.dest(), add, q+" AND e.name BETWEEN ? AND ? ORDER BY e.name LIMIT ?", dir, first, last, limit)
		if err != nil || n < limit {
			return out, err
		}
	}
	err := inGroups(len(wishes), func(i int) any { return []byte(wishes[i].name()) }, func(marks string, names []any) error {
		return p.c.rows(s.dest(), add, q+" AND e.name IN "+marks, append([]any{dir}, names...)...)
	})
	return out, err
}

// inGroups calls f with IN lists that together hold n values, few at a time,
// the last one filled up by repeating a value.
func inGroups(n int, value func(int) any, f func(marks string, values []any) error) error {
	for i := 0; i < n; {
		size := 1
		for _, g := range []int{1, 4, 16, 64, 256} { // few sizes, few statements
			if g/2 <= n-i {
				size = g
			}
		}
		values := make([]any, 0, size+3)
		for j := range size {
			values = append(values, value(min(i+j, n-1)))
		}
		if err := f(marks(size), values); err != nil {
			return err
		}
		i += size
	}
	return nil
}

// marks returns "(?,?,...)" with n question marks.
func marks(n int) string { return "(?" + strings.Repeat(",?", n-1) + ")" }

func (p *plan) conflict(path manifest.Path) {
	p.conflicts.Total++
	if len(p.conflicts.Paths) < maxNamed {
		p.conflicts.Paths = append(p.conflicts.Paths, path)
	}
}

// conflictsBelow adds all that stands below dir.
func (p *plan) conflictsBelow(dir manifest.Path) error {
	var path, name []byte
	from, to := below(dir)
	return p.c.rows([]any{&path, &name}, func() error {
		p.conflict(manifest.Path(path).Join(manifest.Path(name)))
		return nil
	}, `SELECT d.path, e.name FROM dirs d CROSS JOIN entries e ON e.dir=d.id
		WHERE d.id IN (SELECT id FROM dirs WHERE path=?1 UNION ALL SELECT id FROM dirs WHERE path>=?2 AND path<?3)
		AND e.to_pub IS NULL`, []byte(dir), from, to)
}
