package catalog

import (
	"database/sql"

	"github.com/pubsync/pubsync/sync/manifest"
)

// A scan reads what stands in many directories with one statement: two for each are
// most of what a large tree of small directories costs. It takes directories and their
// names in order, and like [stands] it takes time in proportion to the names, not to
// what stands: where there is much else in between it stops.
type scan struct {
	c    *conn
	dirs []manifest.Path // in order
	want int             // names in them
}

// scanLeast is how many directories are worth a scan.
const scanLeast = 4

// read calls f with every row that stands in the directories, in order, and returns
// how many of them it is through with. A row is good until f returns.
func (s *scan) read(f func(k int, id int64, row *liveRow) error) (through int, err error) {
	if len(s.dirs) < scanLeast {
		return 0, nil
	}
	var (
		r    rowScan
		id   int64
		path sql.RawBytes
		n    int
		last = len(s.dirs) - 1
	)
	limit := 3*s.want + 64
	err = s.c.rows(append([]any{&path, &id}, r.dest()...), func() error {
		n++
		for through < last && string(s.dirs[through]) < string(path) {
			through++
		}
		if string(s.dirs[through]) != string(path) {
			return nil
		}
		row := liveRow{r.entry(""), r.blob.Int64, r.from}
		return f(through, id, &row)
	}, "SELECT d.path, d.id, "+entryCols+` FROM dirs d
		CROSS JOIN entries e ON e.dir=d.id AND e.to_pub IS NULL LEFT JOIN blobs b ON b.id=e.blob
		WHERE d.path BETWEEN ?1 AND ?2 ORDER BY d.path, e.name LIMIT ?3+0`,
		[]byte(s.dirs[0]), []byte(s.dirs[last]), limit)
	if err == nil && n < limit {
		through = len(s.dirs)
	}
	return through, err
}
