package storetest

import (
	"fmt"
	"time"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// diff returns the differences in words: "+path", "-path", "~path" or, if only
// metadata differs, "=path".
func (k *kit) diff(dir manifest.Path, from, to store.Version) (out []string) {
	k.Helper()
	k.must(k.Diff(ctx, dir, from, to, func(c store.Change) error {
		sign := "~"
		switch {
		case c.Before == nil:
			sign = "+"
		case c.After == nil:
			sign = "-"
		case c.Before.Digest == c.After.Digest && c.Before.Kind == c.After.Kind && c.Before.Link == c.After.Link:
			sign = "="
		}
		for _, e := range []*manifest.Entry{c.Before, c.After} {
			if e != nil && e.Path != c.Path {
				k.Fatalf("change of %q has an entry of %q", c.Path, e.Path)
			}
		}
		out = append(out, sign+string(c.Path))
		return nil
	}))
	return out
}

func (k *kit) targets(dir manifest.Path) (out []string) {
	k.Helper()
	k.must(k.Targets(ctx, dir, func(t store.Target) error {
		out = append(out, fmt.Sprintf("%s@%d", t.Path, t.Last))
		return nil
	}))
	return out
}

var historyTests = []test{
	{"a difference names what came, went and changed, in both directions", func(k *kit) {
		k.publish("t", "", "a=1", "d/b=2", "d/same=s", "l->x")
		k.publish("u", "", "other=1")
		k.publish("t", "mirror overwrite", "a=one", "d/same=s", "d/e/new=3", "l->y")
		k.publish("t", "mirror overwrite", "a=1", "d/b=2", "d/same=s", "l->x")
		equals(k, "1 to 3", k.diff("t", 1, 3), []string{"~a", "~l", "-d/b", "+d/e", "+d/e/new"})
		equals(k, "3 to 1", k.diff("t", 3, 1), []string{"~a", "~l", "+d/b", "-d/e", "-d/e/new"})
		equals(k, "1 to 4: gone and come again", k.diff("t", 1, 4), nil)
		equals(k, "below a directory", k.diff("t/d", 1, store.Latest), nil)
		equals(k, "from nothing", k.diff("t/d/e", 1, 3), []string{"+new"})
		equals(k, "the root", k.diff("", 1, 2), []string{"+u", "+u/other"})
		k.want(k.Diff(ctx, "t", 1, 9, nil), store.ErrNotFound)
		k.want(k.Diff(ctx, "none", 1, 3, nil), store.ErrNotFound)
	}},
	{"a mirror empties a directory that it keeps", func(k *kit) {
		k.publish("t", "", "d/", "d/f=1", "d/sub/g=2", "e/")
		p := k.publish("t", "mirror overwrite", "d/", "e/")
		equal(k, "removed", p.Removed, 3)
		k.shows("t", store.Latest, "d/", "e/")
		k.want(justErr(k.Commit(ctx, change("u", "mirror", "d/", "d/f=1"))), nil)
		k.want(justErr(k.Commit(ctx, change("u", "mirror", "d/"))), store.ErrExists)
	}},
	{"a difference in metadata alone is one", func(k *kit) {
		k.publish("t", "", "f=1")
		c := change("t", "", "f=1")
		c.Entries[0].Mode = 0o755
		_, err := k.Commit(ctx, c)
		k.must(err)
		equals(k, "diff", k.diff("t", 1, 2), []string{"=f"})
	}},
	{"a difference of many entries in one directory and in many", func(k *kit) {
		var specs, want []string
		for i := range 4200 {
			specs = append(specs, fmt.Sprintf("f%04d=1", i))
			want = append(want, fmt.Sprintf("~f%04d", i))
		}
		for i := range 2100 {
			specs = append(specs, fmt.Sprintf("sub/d%04d/f=1", i))
			want = append(want, fmt.Sprintf("~sub/d%04d/f", i))
		}
		k.put("1", "12")
		_, err := k.Commit(ctx, change("t", "", specs...))
		k.must(err)
		for i := range specs {
			specs[i] += "2"
		}
		_, err = k.Commit(ctx, change("t", "overwrite", specs...))
		k.must(err)
		equals(k, "diff", k.diff("t", 1, 2), want)
		equals(k, "diff", k.diff("t", 2, 1), want)
	}},
	{"targets in order, with their newest publication", func(k *kit) {
		for _, t := range []manifest.Path{"a/2", "a/1", "a", "b/1", "a/1", "a.b"} {
			k.publish(t, "", "f=1")
		}
		equals(k, "below a", k.targets("a"), []string{"a@3", "a/1@5", "a/2@1"})
		equals(k, "all", k.targets(""), []string{"a@3", "a.b@6", "a/1@5", "a/2@1", "b/1@4"})
		equals(k, "none", k.targets("c"), nil)
	}},
	{"the version at a time", func(k *kit) {
		for i := range 3 {
			c := change("t", "overwrite", "f=1")
			c.Entries[0].MTime += int64(i)
			c.Time = now.Add(time.Duration(i) * time.Hour)
			k.put("1")
			_, err := k.Commit(ctx, c)
			k.must(err)
		}
		for at, want := range map[time.Duration]store.Version{-1: 0, 0: 1, time.Hour - 1: 1, time.Hour: 2, 5 * time.Hour: 3} {
			v, err := k.VersionAt(ctx, now.Add(at))
			k.must(err)
			equal(k, at.String(), v, want)
		}
	}},
	{"an alias does not go back while what it shows is there", func(k *kit) {
		push := func(c store.Commit, link string) {
			k.Helper()
			k.put("1")
			c.Overwrite, c.Time, c.Newer = true, now, func(shown, asked string) bool { return shown > asked }
			if c.Build = c.Target; c.Remove {
				c.Build = ""
			} else {
				c.Entries = tree("f=1")
			}
			_, err := k.Commit(ctx, c)
			k.must(err)
			e, err := k.Lookup(ctx, "p/latest", store.Latest)
			k.must(err)
			equal(k, "latest after "+string(c.Target), e.Link, link)
		}
		follow := func(name string) manifest.List { return tree("p/latest->" + name) }
		push(store.Commit{Target: "p/5", Follow: follow("5")}, "5")
		push(store.Commit{Target: "p/3", Follow: follow("3")}, "5")
		push(store.Commit{Target: "p/3", Aliases: follow("3")}, "5")
		push(store.Commit{Target: "p/7", Follow: follow("7")}, "7")
		push(store.Commit{Target: "p/7", Remove: true}, "7")
		push(store.Commit{Target: "p/4", Aliases: follow("4")}, "4")
		push(store.Commit{Target: "p/4", Aliases: follow("4")}, "4")
	}},
	{"an alias that follows moves for a new build only", func(k *kit) {
		push := func(target manifest.Path, specs ...string) {
			k.Helper()
			k.put("1", "2")
			build := "p/" + manifest.Path(target[2:3])
			c := change(target, "", specs...)
			c.Build, c.Follow = build, tree("p/latest->"+build.Base())
			_, err := k.Commit(ctx, c)
			k.must(err)
		}
		link := func(want string) {
			k.Helper()
			e, err := k.Lookup(ctx, "p/latest", store.Latest)
			k.must(err)
			equal(k, "latest", e.Link, want)
		}
		k.publish("p/0", "", "f=1")
		push("p/0", "g=1") // the build is there, the alias is not
		link("0")
		push("p/1/below", "f=1")
		link("1")
		push("p/2", "f=1")
		link("2")
		push("p/1/other", "f=1")
		push("p/1", "f2=2")
		link("2")
		push("p/3", "f=1")
		link("3")
		_, err := k.Commit(ctx, store.Commit{Target: "p/1", Build: "p/2", Follow: tree("p/latest->2")})
		k.want(err, store.ErrInvalid)
	}},
	{"a commit on what was seen fails if more came since", func(k *kit) {
		k.publish("t/1", "", "f=1")
		k.publish("t/1/sub", "", "f=1")
		k.publish("t/2", "", "f=1")
		remove := store.Commit{Target: "t/1", Remove: true, Overwrite: true, Time: now, Seen: 1}
		_, err := k.Commit(ctx, remove)
		k.want(err, store.ErrStale)
		remove.Seen = 2
		_, err = k.Commit(ctx, remove)
		k.must(err)
		k.shows("t", store.Latest, "2/", "2/f=1")
	}},
	{"where nothing ended there is nothing to forget", func(k *kit) {
		k.publish("t", "", "f=1")
		k.publish("t", "", "g=1")
		f, err := k.Forget(ctx, "t", 2)
		k.must(err)
		equal(k, "forgotten", f.Entries, 0)
		k.shows("t", 1, "f=1")
		k.publish("t/sub", "overwrite", "f=2")
		k.publish("t/sub", "overwrite", "f=3")
		f, err = k.Forget(ctx, "t", 4)
		k.must(err)
		equal(k, "forgotten", f.Entries, 1)
		k.want(k.Walk(ctx, "", 3, nil), store.ErrNotFound)
		k.shows("t/sub", 4, "f=3")
	}},
}

func justErr[T any](_ T, err error) error { return err }
