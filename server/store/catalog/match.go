package catalog

import (
	"context"
	"errors"
	"slices"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// Match implements [store.Tree].
func (c *Catalog) Match(ctx context.Context, dir manifest.Path, l manifest.List, f func(i int, e manifest.Entry) error) error {
	within, order := byDirectory(l)
	slices.Sort(order)
	return c.read(ctx, func(r *conn) error {
		through, err := matchMany(r, dir, l, within, order, f)
		if err != nil {
			return err
		}
		for _, d := range order[through:] {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := match(r, dir.Join(d), l, within[d], f); err != nil {
				return err
			}
		}
		return nil
	})
}

// matchMany holds the entries of directories, given in order, against what stands
// there, and returns how many it is through with; of the one after, it takes what it
// dealt with out of within.
func matchMany(r *conn, dir manifest.Path, l manifest.List, within map[manifest.Path][]int32, order []manifest.Path, f func(int, manifest.Entry) error) (int, error) {
	s := scan{c: r, want: len(l)}
	for _, d := range order {
		s.dirs = append(s.dirs, dir.Join(d))
	}
	return s.read(func(k int, _ int64, row *liveRow) error {
		is, name := within[order[k]], string(row.Path)
		for len(is) > 0 && l[is[0]].Path.Base() < name {
			is = is[1:]
		}
		if len(is) == 0 || l[is[0]].Path.Base() != name {
			within[order[k]] = is
			return nil
		}
		within[order[k]] = is[1:]
		row.Path = l[is[0]].Path
		return f(int(is[0]), row.Entry)
	})
}

// byDirectory returns the indices of the entries in each directory of a list, and
// the directories in the order in which they come.
func byDirectory(l manifest.List) (within map[manifest.Path][]int32, order []manifest.Path) {
	within = map[manifest.Path][]int32{}
	for i := 0; i < len(l); {
		d := l[i].Path.Dir()
		is, known := within[d]
		if !known {
			order = append(order, d)
		}
		for ; i < len(l) && l[i].Path.Dir() == d; i++ {
			is = append(is, int32(i))
		}
		within[d] = is
	}
	return within, order
}

// match holds the entries of one directory against what stands there.
func match(r *conn, dir manifest.Path, l manifest.List, is []int32, f func(int, manifest.Entry) error) error {
	var id int64
	err := r.row([]any{&id}, "SELECT id FROM dirs WHERE path=?", []byte(dir))
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	want := names{len(is), func(i int) string { return l[is[i]].Path.Base() }}
	return stands(r, id, want, false, func(i int, row *liveRow) error {
		if row == nil {
			return nil
		}
		row.Path = l[is[i]].Path
		return f(int(is[i]), row.Entry)
	})
}
