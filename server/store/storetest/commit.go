package storetest

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

var commitTests = []test{
	{"a merge adds, keeps, replaces", func(k *kit) {
		p := k.publish("a/t", "", "d/", "d/f=1", "g=2", "l->g")
		equal(k, "counts", fmt.Sprint(p.Number, p.Added, p.Replaced, p.Removed, p.Entries), "1 6 0 0 4") // with a, a/t
		p = k.publish("a/t", "overwrite", "d/f=1", "g=3", "h=4")
		equal(k, "counts", fmt.Sprint(p.Number, p.Added, p.Replaced, p.Removed, p.Entries), "2 1 1 0 3")
		k.shows("", store.Latest, "a/", "a/t/", "a/t/d/", "a/t/d/f=1", "a/t/g=3", "a/t/h=4", "a/t/l->g")
	}},
	{"a mirror ends what was not pushed", func(k *kit) {
		k.publish("t", "", "d/", "d/f=1", "d/sub/", "d/sub/x=9", "g=2")
		k.publish("t2", "", "keep=1")
		p := k.publish("t", "mirror overwrite", "g=2", "n/", "n/f=5")
		equal(k, "counts", fmt.Sprint(p.Added, p.Replaced, p.Removed), "2 0 4")
		k.shows("", store.Latest, "t/", "t/g=2", "t/n/", "t/n/f=5", "t2/", "t2/keep=1")
		p = k.publish("t", "mirror overwrite")
		equal(k, "removed", p.Removed, 3)
		k.shows("", store.Latest, "t/", "t2/", "t2/keep=1")
	}},
	{"what the committer saw stand is not looked at while nothing comes after", func(k *kit) {
		// One of the entries does not stand: so it shows who looked.
		merge := func(target manifest.Path) (added int) {
			c := change(target, "", "d/", "d/f=1", "d/new=1", "lie=1")
			c.Standing, c.StandingAt = []bool{true, true, false, true}, 1
			p, err := k.Commit(ctx, c)
			k.must(err)
			return p.Added
		}
		k.publish("a/t", "", "d/", "d/f=1")
		k.publish("other", "", "f=1")
		equal(k, "added", merge("a/t"), 1)
		k.shows("a/t", store.Latest, "d/", "d/f=1", "d/new=1")
		equal(k, "added once something was published there", merge("a/t"), 1)
		k.shows("a/t", store.Latest, "d/", "d/f=1", "d/new=1", "lie=1")
	}},
	{"what the committer saw stand is looked at where something came after", func(k *kit) {
		k.publish("a/t", "", "d/", "d/f=1")
		for _, target := range []manifest.Path{"a/t", "a/t/d", "a", ""} {
			seen, err := k.Version(ctx)
			k.must(err)
			gone := store.Commit{Target: target, Mirror: true, Overwrite: true, Time: now}
			_, err = k.Commit(ctx, gone)
			k.must(err)
			c := change("a/t", "", "d/", "d/f=1")
			c.Standing, c.StandingAt = []bool{true, true}, seen
			_, err = k.Commit(ctx, c)
			k.must(err)
			k.shows("a/t", store.Latest, "d/", "d/f=1")
		}
	}},
	{"a mirror looks at all", func(k *kit) {
		k.publish("t", "", "d/", "d/f=1", "d/g=1")
		c := change("t", "mirror overwrite", "d/", "d/f=1")
		c.Standing, c.StandingAt = []bool{true, true}, 1
		_, err := k.Commit(ctx, c)
		k.must(err)
		k.shows("t", store.Latest, "d/", "d/f=1")
		c.Standing = c.Standing[:1]
		_, err = k.Commit(ctx, c)
		k.want(err, store.ErrInvalid)
	}},
	{"nothing changed is a publication all the same", func(k *kit) {
		k.publish("t", "", "d/", "d/f=1", "l->x")
		p := k.publish("t", "mirror", "d/", "d/f=1", "l->x")
		equal(k, "counts", fmt.Sprint(p.Number, p.Added, p.Replaced, p.Removed, p.Entries), "2 0 0 0 3")
	}},
	{"directories that a list leaves out come into being", func(k *kit) {
		k.publish("t", "mirror", "a/b/c/f=1")
		k.shows("t", store.Latest, "a/", "a/b/", "a/b/c/", "a/b/c/f=1")
		e, err := k.Lookup(ctx, "t/a/b", store.Latest)
		k.must(err)
		equal(k, "entry", e, manifest.Entry{Path: "t/a/b", Kind: manifest.Dir, Mode: 0o755, MTime: now.UnixNano()})
		p := k.publish("t", "mirror", "a/b/c/f=1")
		equal(k, "changes", p.Added+p.Replaced+p.Removed, 0)
	}},
	{"metadata follows the push", func(k *kit) {
		k.publish("t", "", "d/", "f=1", "l->x")
		c := change("t", "", "d/", "f=1", "l->x")
		for i := range c.Entries {
			c.Entries[i].Mode, c.Entries[i].MTime = 0o700, -1
		}
		p, err := k.Commit(ctx, c)
		k.must(err)
		equal(k, "replaced", p.Replaced, 3)
		for _, e := range c.Entries {
			got, err := k.Lookup(ctx, manifest.Path("t").Join(e.Path), store.Latest)
			k.must(err)
			e.Path = got.Path
			equal(k, "entry", got, e)
		}
	}},
	{"names and links of any bytes", func(k *kit) {
		k.publish("t", "", "a b=1", "a%b=1", "é\xff\xfe=1", "a+b:c=1", "l->\xff\xfe/../../etc")
		k.shows("t", store.Latest, "a b=1", "a%b=1", "a+b:c=1", "l->\xff\xfe/../../etc", "é\xff\xfe=1")
		_, err := k.Lookup(ctx, "t/é\xff\xfe", store.Latest)
		k.must(err)
	}},
	{"publishing to the root", func(k *kit) {
		k.publish("", "", "f=1", "d/", "d/g=2")
		k.shows("", store.Latest, "d/", "d/g=2", "f=1")
		k.publish("", "mirror overwrite", "f=1")
		k.shows("", store.Latest, "f=1")
	}},
	{"a prefix of a name is no directory above it", func(k *kit) {
		k.publish("share", "", "f=1")
		k.publish("share2", "", "f=2")
		k.publish("share.d", "", "f=3")
		k.publish("share", "mirror overwrite", "g=4")
		k.shows("share2", store.Latest, "f=2")
		k.shows("share.d", store.Latest, "f=3")
		k.shows("share", store.Latest, "g=4")
	}},
	{"content that is gone stops it", func(k *kit) {
		k.publish("t", "", "held=1")
		c := change("t", "", "held=1", "x=nowhere", "y=nowhere", "z=neither")
		_, err := k.Commit(ctx, c)
		k.want(err, store.ErrGone)
		var gone *store.GoneError
		if !errors.As(err, &gone) || gone.Total != 2 || len(gone.Digests) != 2 {
			k.Fatalf("got %v, want two digests gone", err)
		}
		k.shows("t", store.Latest, "held=1")
		v, _ := k.Version(ctx)
		equal(k, "version", v, 1)
		k.must(k.MarkDamaged(ctx, manifest.DigestOf([]byte("1"))))
		_, err = k.Commit(ctx, change("u", "", "f=1"))
		k.want(err, store.ErrGone)
	}},
	{"a size that is not the content's stops it", func(k *kit) {
		k.put("x")
		c := change("t", "", "f=x")
		c.Entries[0].Size = 7
		_, err := k.Commit(ctx, c)
		k.want(err, store.ErrInvalid)
	}},
	{"bad lists, targets and aliases are refused", func(k *kit) {
		k.put("1")
		bad := []store.Commit{
			{Target: "../t"}, {Target: "t", Entries: manifest.List{{Path: "b"}, {Path: "a"}}},
			{Target: "", Remove: true}, {Target: "t", Remove: true, Entries: tree("f=1")},
			{Target: "t", Entries: manifest.List{{Path: "f", Kind: manifest.File}}},
			{Target: "a/t", Aliases: tree("a/t/l->x")}, {Target: "a/t", Aliases: tree("a->x")}, {Target: "t", Aliases: tree("f=1")},
		}
		for _, c := range bad {
			if _, err := k.Commit(ctx, c); err == nil {
				k.Fatalf("%+v was committed", c)
			}
		}
	}},
	{"Before and After see and change records, or stop it", func(k *kit) {
		k.put("1")
		c := change("t", "", "f=1")
		stop := errors.New("stop")
		c.Before = func(tx store.Tx) error { return errors.Join(tx.Put("b", "k", []byte("v")), stop) }
		_, err := k.Commit(ctx, c)
		k.want(err, stop)
		c.Before = func(tx store.Tx) error { return tx.Put("b", "k", []byte("v")) }
		c.After = func(tx store.Tx, p *store.Publication) error { return stop }
		_, err = k.Commit(ctx, c)
		k.want(err, stop)
		k.must(k.View(ctx, func(tx store.Tx) error {
			_, err := tx.Get("b", "k")
			k.want(err, store.ErrNotFound)
			return nil
		}))
		k.shows("", store.Latest)
		c.After = func(tx store.Tx, p *store.Publication) error {
			v, err := tx.Get("b", "k")
			p.Note = fmt.Sprintf("%s %d", v, p.Number)
			return err
		}
		p, err := k.Commit(ctx, c)
		k.must(err)
		equal(k, "note", p.Note, "v 1")
		l, err := k.Log(ctx, "t", 0, 1)
		k.must(err)
		equal(k, "logged", l[0], p)
	}},
	{"a removal ends the target itself", func(k *kit) {
		k.publish("a/t", "", "d/", "d/f=1")
		k.publish("a/u", "", "f=1")
		c := store.Commit{Target: "a/t", Remove: true, Time: now}
		_, err := k.Commit(ctx, c)
		k.want(err, store.ErrExists)
		c.Overwrite = true
		p, err := k.Commit(ctx, c)
		k.must(err)
		equal(k, "removed", p.Removed, 3)
		k.shows("", store.Latest, "a/", "a/u/", "a/u/f=1")
		k.shows("a/t", 1, "d/", "d/f=1")
		_, err = k.Commit(ctx, c)
		k.must(err)
	}},
	{"aliases move with the commit", func(k *kit) {
		for i, build := range []manifest.Path{"p/1", "p/2"} {
			k.put("1")
			c := change(build, "", "f=1")
			c.Aliases = tree("p/latest->" + build.Base())
			p, err := k.Commit(ctx, c)
			k.must(err)
			equal(k, "replaced", p.Replaced, i)
		}
		k.shows("p", store.Latest, "1/", "1/f=1", "2/", "2/f=1", "latest->2")
		k.shows("p", 1, "1/", "1/f=1", "latest->1")
		c := change("q/1", "overwrite", "f=1")
		c.Aliases = tree("p/1->x")
		_, err := k.Commit(ctx, c)
		k.want(err, store.ErrExists)
	}},
	{"many files in many directories, changed in part", func(k *kit) {
		var specs []string
		for i := range 700 {
			specs = append(specs, fmt.Sprintf("d%d/f%d=%d", i%7, i, i%50))
		}
		k.publish("t", "", specs...)
		for i := range specs {
			if i%3 == 0 {
				specs[i] += "new"
			}
		}
		p := k.publish("t", "overwrite", specs...)
		equal(k, "replaced", p.Replaced, 234)
		equal(k, "entries", len(k.show("t", store.Latest)), 707)
		p = k.publish("t", "mirror overwrite", specs[:100]...)
		equal(k, "removed", p.Removed, 600)
	}},
	{"publishers at once, to one target and to many", func(k *kit) {
		k.put("1")
		var wg sync.WaitGroup
		for i := range 8 {
			for _, target := range []manifest.Path{"shared", manifest.Path(fmt.Sprintf("own/%d", i))} {
				wg.Go(func() {
					if _, err := k.Commit(ctx, change(target, "", fmt.Sprintf("f%d=1", i))); err != nil {
						k.Error(err)
					}
				})
			}
		}
		wg.Wait()
		equal(k, "shared", len(k.show("shared", store.Latest)), 8)
		equal(k, "own", len(k.show("own", store.Latest)), 16)
		v, _ := k.Version(ctx)
		equal(k, "version", v, 16)
	}},
	{"everything survives a restart", func(k *kit) {
		p := k.publish("t", "", "d/", "d/f=1", "l->x")
		k.reopen()
		k.shows("t", store.Latest, "d/", "d/f=1", "l->x")
		l, err := k.Log(ctx, "", 0, 10)
		k.must(err)
		equals(k, "log", l, []store.Publication{p})
		equal(k, "time", p.Time.Equal(now) && p.Time.Location() == time.UTC, true)
	}},
}

// ruleTests show who may change what: without leave to overwrite nothing that
// exists changes but metadata.
var ruleTests = []test{
	{"changing what exists needs leave", func(k *kit) {
		k.publish("t", "", "d/", "d/f=1", "e/", "e/x=1", "e/y=2", "f=1", "l->a")
		for _, tt := range []struct {
			flags, specs string
			conflicts    []manifest.Path
		}{
			{"", "f=2", []manifest.Path{"t/f"}},
			{"", "l->b", []manifest.Path{"t/l"}},
			{"", "f->a", []manifest.Path{"t/f"}},
			{"", "l=1", []manifest.Path{"t/l"}},
			{"", "f/", []manifest.Path{"t/f"}},
			{"", "f/new=1", []manifest.Path{"t/f"}},
			{"", "e=1", []manifest.Path{"t/e", "t/e/x", "t/e/y"}},
			{"mirror", "f=1", []manifest.Path{"t/d", "t/d/f", "t/e", "t/e/x", "t/e/y", "t/l"}},
		} {
			k.put("1", "2")
			_, err := k.Commit(ctx, change("t", tt.flags, tt.specs))
			var conflict *store.ConflictError
			if !errors.As(err, &conflict) || !errors.Is(err, store.ErrExists) {
				k.Fatalf("%s: got %v, want a conflict", tt.specs, err)
			}
			equal(k, tt.specs, conflict.Total, len(tt.conflicts))
			for _, p := range tt.conflicts {
				if !contains(conflict.Paths, p) {
					k.Fatalf("%s: got %q, want %q", tt.specs, conflict.Paths, tt.conflicts)
				}
			}
		}
		k.shows("t", store.Latest, "d/", "d/f=1", "e/", "e/x=1", "e/y=2", "f=1", "l->a")
	}},
	{"with leave anything may take the place of anything", func(k *kit) {
		states := []string{"x=1", "x->a", "x/ x/f=2 x/d/ x/d/g=3", "x=2", "x/", "x->b", "x/new=1", "x=1"}
		for _, s := range states {
			k.publish("t", "overwrite", fields(s)...)
			want := fields(s)
			if s == "x/new=1" {
				want = []string{"x/", "x/new=1"}
			}
			got := k.show("t", store.Latest)
			equal(k, s, fmt.Sprint(len(got)), fmt.Sprint(len(want)))
			for _, w := range want {
				if !contains(got, w) {
					k.Fatalf("after %q: %q", s, got)
				}
			}
		}
	}},
	{"a file where the target's directories should be", func(k *kit) {
		k.publish("", "", "a=1")
		_, err := k.Commit(ctx, change("a/b/c", "", "f=1"))
		k.want(err, store.ErrExists)
		k.publish("a/b/c", "overwrite", "f=1")
		k.shows("", store.Latest, "a/", "a/b/", "a/b/c/", "a/b/c/f=1")
	}},
	{"adding beside what exists needs none", func(k *kit) {
		k.publish("t", "", "f=1")
		k.publish("t", "", "g=1")
		k.shows("t", store.Latest, "f=1", "g=1")
	}},
	{"names at most 20 conflicts and counts all", func(k *kit) {
		var one, two []string
		for i := range 30 {
			one, two = append(one, fmt.Sprintf("f%d=1", i)), append(two, fmt.Sprintf("f%d=2", i))
		}
		k.publish("t", "", one...)
		_, err := k.Commit(ctx, change("t", "", two...))
		var conflict *store.ConflictError
		if !errors.As(err, &conflict) || conflict.Total != 30 || len(conflict.Paths) != 20 {
			k.Fatalf("got %#v", err)
		}
	}},
}
