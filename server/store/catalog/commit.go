package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// Commit implements [store.Tree].
func (c *Catalog) Commit(ctx context.Context, commit store.Commit) (store.Publication, error) {
	if err := checkCommit(&commit); err != nil {
		return store.Publication{}, err
	}
	var pub store.Publication
	err := c.write(ctx, func(w *conn) (err error) {
		pub, err = c.publish(ctx, w, &commit)
		return err
	})
	if err != nil {
		return store.Publication{}, err
	}
	// Concurrent commits may come here in the other order.
	for n := c.version.Load(); n < int64(pub.Number); n = c.version.Load() {
		c.version.CompareAndSwap(n, int64(pub.Number))
	}
	return pub, nil
}

func checkCommit(c *store.Commit) error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("commit to %q: %w: %s", c.Target, store.ErrInvalid, fmt.Sprintf(format, args...))
	}
	if c.Target != "" {
		if _, err := manifest.ParsePath(string(c.Target)); err != nil {
			return fmt.Errorf("commit: target: %w", err)
		}
	}
	if c.Standing != nil && len(c.Standing) != len(c.Entries) {
		return bad("%d entries, of which %d may stand", len(c.Entries), len(c.Standing))
	}
	if c.Remove && (len(c.Entries) > 0 || c.Target == "") {
		return bad("a removal takes no entries and not the root")
	}
	if err := c.Entries.Check(); err != nil {
		return fmt.Errorf("commit to %q: %w", c.Target, err)
	}
	for i := range c.Entries {
		e := &c.Entries[i]
		if e.Kind == manifest.File && e.Digest.IsZero() {
			return bad("%q has no digest", e.Path)
		}
		if len(c.Target)+1+len(e.Path) > manifest.MaxPath {
			return bad("%q below it is longer than %d bytes", e.Path, manifest.MaxPath)
		}
	}
	return checkAliases(c, bad)
}

func checkAliases(c *store.Commit, bad func(string, ...any) error) error {
	for _, l := range []manifest.List{c.Aliases, c.Follow} {
		if err := l.Check(); err != nil {
			return fmt.Errorf("commit to %q: aliases: %w", c.Target, err)
		}
		for i := range l {
			a := &l[i]
			if a.Kind != manifest.Symlink || a.Path.Within(c.Target) || c.Target.Within(a.Path) {
				return bad("alias %q is no symbolic link, or within the target", a.Path)
			}
		}
	}
	for i := range c.Follow {
		if a := &c.Follow[i]; c.Build == "" || !c.Target.Within(c.Build) || a.Path.Dir() != c.Build.Dir() {
			return bad("alias %q is not beside the build %q", a.Path, c.Build)
		}
	}
	return nil
}

// publish is a commit within its transaction.
func (c *Catalog) publish(ctx context.Context, w *conn, commit *store.Commit) (pub store.Publication, err error) {
	if commit.Before != nil {
		if err := commit.Before(tx{w}); err != nil {
			return pub, err
		}
	}
	if err := unseen(w, commit); err != nil {
		return pub, err
	}
	p := newPlan(w, commit)
	if err := p.make(); err != nil {
		return pub, err
	}
	if p.conflicts.Total > 0 {
		return pub, &p.conflicts
	}
	if err := p.findBlobs(); err != nil {
		return pub, err
	}
	if err := ctx.Err(); err != nil {
		return pub, err
	}
	var n int64
	if err := w.row([]any{&n}, "SELECT coalesce(max(number), 0)+1 FROM publications"); err != nil {
		return pub, err
	}
	if err := p.apply(n); err != nil {
		return pub, err
	}
	pub = store.Publication{
		Number: store.Version(n), Target: commit.Target, Time: time.Unix(0, commit.Time.UnixNano()).UTC(),
		TreeDigest: commit.TreeDigest, Mirror: commit.Mirror, Owner: commit.Owner, Added: p.added, Replaced: p.replaced,
		Removed: p.removed, Entries: len(commit.Entries), Note: commit.Note,
	}
	if err := p.settle(n); err != nil {
		return pub, err
	}
	if commit.After != nil {
		if err := commit.After(tx{w}, &pub); err != nil {
			return pub, err
		}
	}
	return pub, log(w, &pub)
}

// unseen returns ErrStale if something was published that the committer has not
// seen.
func unseen(w *conn, commit *store.Commit) error {
	if commit.Seen == 0 {
		return nil
	}
	last, err := publishedSince(w, commit.Target, commit.Seen)
	if err == nil && last > 0 {
		err = fmt.Errorf("commit to %q: %w: publication %d came after %d", commit.Target, store.ErrStale, last, commit.Seen)
	}
	return err
}

// publishedSince returns the number of a publication to target, or below it, after a
// version, and 0 if there was none.
func publishedSince(c *conn, target manifest.Path, v store.Version) (last int64, err error) {
	from, to := below(target)
	err = c.row([]any{&last}, `SELECT last FROM targets
		WHERE (target=?1 OR target>=?2 AND target<?3) AND last>?4 LIMIT 1`, []byte(target), from, to, int64(v))
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	return last, err
}

// findBlobs finds the blob of every new file, or says which are gone.
func (p *plan) findBlobs() error {
	var (
		gone store.GoneError
		seen = make(map[manifest.Digest]bool)
		want = make([]int, 0, findPage)
		ds   = make([]manifest.Digest, 0, findPage)
	)
	flush := func() error {
		err := find(p.c, ds, func(i int, b Blob) error {
			in := &p.inserts[want[i]]
			if b.Size != in.entry.Size {
				return fmt.Errorf("commit to %q: %w: %q has %d bytes, its content %d",
					p.commit.Target, store.ErrInvalid, in.entry.Path, in.entry.Size, b.Size)
			}
			if !b.Damaged {
				in.blob = b.ID
			}
			return nil
		})
		for _, i := range want {
			if d := p.inserts[i].entry.Digest; p.inserts[i].blob == 0 && !seen[d] {
				seen[d] = true
				gone.Total++
				if len(gone.Digests) < maxGone {
					gone.Digests = append(gone.Digests, d)
				}
			}
		}
		want, ds = want[:0], ds[:0]
		return err
	}
	for i := range p.inserts {
		if in := &p.inserts[i]; in.entry.Kind == manifest.File && in.blob == 0 {
			want, ds = append(want, i), append(ds, in.entry.Digest)
		}
		if len(ds) == findPage || i == len(p.inserts)-1 {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if gone.Total > 0 {
		return &gone
	}
	return nil
}

// maxGone is how many digests a GoneError names.
const maxGone = 1000

// apply ends and inserts rows as publication n.
func (p *plan) apply(n int64) error {
	if err := p.endRows(n); err != nil {
		return err
	}
	if err := p.endAliases(n); err != nil {
		return err
	}
	for _, dir := range p.trees {
		from, to := below(dir)
		k, err := p.c.exec(`UPDATE entries SET to_pub=?4 WHERE to_pub IS NULL AND dir IN (
			SELECT id FROM dirs WHERE path=?1 UNION ALL SELECT id FROM dirs WHERE path>=?2 AND path<?3)`,
			[]byte(dir), from, to, n)
		if err != nil {
			return err
		}
		p.removed += int(k)
	}
	return p.insertRows(n)
}

func (p *plan) endRows(n int64) error {
	for i := 0; i < len(p.ends); {
		dir, first := p.ends[i].dir, i
		for i < len(p.ends) && p.ends[i].dir == dir {
			i++
		}
		run := p.ends[first:i]
		err := inGroups(len(run), func(i int) any { return []byte(run[i].name) }, func(marks string, names []any) error {
			_, err := p.c.exec("UPDATE entries SET to_pub=? WHERE dir=? AND to_pub IS NULL AND name IN "+marks,
				append([]any{n, dir}, names...)...)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// insertSizes are the numbers of rows that one statement inserts, most first.
func insertSizes() [3]int { return [...]int{100, 10, 1} }

func (p *plan) insertRows(n int64) error {
	rest := p.inserts
	for _, size := range insertSizes() {
		q := insertInto + rowMarks + strings.Repeat(","+rowMarks, size-1)
		args := make([]any, 0, size*strings.Count(rowMarks, "?"))
		for len(rest) >= size {
			args = args[:0]
			for i := range rest[:size] {
				args = rest[i].args(args, n)
			}
			if _, err := p.c.exec(q, args...); err != nil {
				return err
			}
			rest = rest[size:]
		}
	}
	return nil
}

const (
	insertInto = "INSERT INTO entries(dir, name, from_pub, kind, mode, size, mtime, blob, link, stem) VALUES "
	rowMarks   = "(?,?,?,?,?,?,?,?,?,?)"
)

func (in *insert) args(dst []any, n int64) []any {
	e := in.entry
	var link any
	if e.Kind == manifest.Symlink {
		link = []byte(e.Link)
	}
	return append(dst, in.dir, []byte(e.Path.Base()), n, int64(e.Kind), int64(e.Mode), e.Size, e.MTime,
		sql.NullInt64{Int64: in.blob, Valid: in.blob != 0}, link, stemOf(e))
}
