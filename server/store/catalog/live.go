package catalog

import (
	"errors"
	"strings"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// maxNamed is how many paths a ConflictError names.
const maxNamed = 20

// A liveRow is an entry that stands. Its path is its name.
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

// names are what is looked for in a directory: n names in ascending order.
type names struct {
	n  int
	at func(i int) string
}

// stands calls f, in the order of the names, for each of them with the row that
// stands in the directory, nil for none; with all, also for each row that none
// names, with index -1. A row is good until f returns. It takes time in
// proportion to the names, however large the directory, unless all is asked for:
// one look at the range they span, which mostly is little more than themselves,
// and only if it is much more, name by name.
func stands(c *conn, dir int64, want names, all bool, f func(i int, row *liveRow) error) error {
	const q = "SELECT " + entryCols + " FROM entries e LEFT JOIN blobs b ON b.id=e.blob WHERE e.dir=? AND e.to_pub IS NULL"
	m := merge{c: c, want: want, all: all, f: f}
	if all {
		return m.run(want.n, q+" ORDER BY e.name", dir)
	}
	if want.n > 1 {
		m.limit = 3 * want.n
		first, last := []byte(want.at(0)), []byte(want.at(want.n-1))
		err := m.run(want.n, q+" AND e.name BETWEEN ? AND ? ORDER BY e.name LIMIT ?+0", dir, first, last, m.limit)
		if err != nil || m.next == want.n {
			return err
		}
	}
	from := m.next
	return inGroups(want.n-from, func(i int) any { return []byte(want.at(from + i)) }, func(marks string, names []any) error {
		end := min(m.next+len(names), want.n)
		return m.run(end, q+" AND e.name IN "+marks+" ORDER BY e.name", append([]any{dir}, names...)...)
	})
}

// merge holds rows against names, both in order.
type merge struct {
	c     *conn
	want  names
	all   bool
	limit int // on the rows of a query; 0: none
	next  int // the first name not dealt with
	f     func(i int, row *liveRow) error
}

// run deals with the rows of a query and with the names before end, except where
// the query came to its limit: then with those before its last row.
func (m *merge) run(end int, q string, args ...any) error {
	var (
		s rowScan
		n int
	)
	err := m.c.rows(s.dest(), func() error {
		n++
		name := string(s.name)
		for m.next < end && m.want.at(m.next) < name {
			if err := m.missing(); err != nil {
				return err
			}
		}
		i := -1
		if m.next < end && m.want.at(m.next) == name {
			i = m.next
			m.next++
		}
		if i < 0 && !m.all {
			return nil
		}
		row := liveRow{s.entry(""), s.blob.Int64, s.from}
		return m.f(i, &row)
	}, q, args...)
	if err != nil || m.limit > 0 && n == m.limit {
		m.limit = 0
		return err
	}
	for m.next < end {
		if err := m.missing(); err != nil {
			return err
		}
	}
	return nil
}

// missing deals with a name of which no row stands.
func (m *merge) missing() error {
	m.next++
	return m.f(m.next-1, nil)
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
