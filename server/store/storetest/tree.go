package storetest

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

func fields(s string) []string { return strings.Fields(s) }

func contains[T comparable](l []T, v T) bool { return slices.Contains(l, v) }

var versionTests = []test{
	{"every version stays readable", func(k *kit) {
		k.publish("t", "", "d/", "d/f=1", "g=1")
		k.publish("t", "overwrite", "d/f=2")
		k.publish("t", "mirror overwrite", "d=file")
		k.publish("t", "overwrite", "d/", "d/f=3")
		for v, want := range [][]string{
			{}, {"t/", "t/d/", "t/d/f=1", "t/g=1"}, {"t/", "t/d/", "t/d/f=2", "t/g=1"}, {"t/", "t/d=file"}, {"t/", "t/d/", "t/d/f=3"},
		} {
			k.shows("", store.Version(v), want...)
		}
		for _, v := range []store.Version{5, -2} {
			_, err := k.Lookup(ctx, "t", v)
			k.want(err, store.ErrNotFound)
			_, err = k.ReadDir(ctx, "t", v, "", 9)
			k.want(err, store.ErrNotFound)
			k.want(k.Walk(ctx, "t", v, nil), store.ErrNotFound)
		}
		v, err := k.Version(ctx)
		k.must(err)
		equal(k, "version", v, 4)
	}},
	{"Lookup finds entries as they were", func(k *kit) {
		c := change("t", "", "d/", "d/f=1", "l->x")
		k.publish("t", "", "d/", "d/f=1", "l->x")
		k.publish("t", "mirror overwrite")
		for _, e := range c.Entries {
			e.Path = manifest.Path("t").Join(e.Path)
			got, err := k.Lookup(ctx, e.Path, 1)
			k.must(err)
			equal(k, "entry", got, e)
			for _, v := range []store.Version{0, 2, store.Latest} {
				_, err = k.Lookup(ctx, e.Path, v)
				k.want(err, store.ErrNotFound)
			}
		}
		_, err := k.Lookup(ctx, "", store.Latest)
		k.want(err, store.ErrNotFound)
		_, err = k.Lookup(ctx, "t/d/f/g", 1)
		k.want(err, store.ErrNotFound)
	}},
	{"Match finds what stands at the paths of a list", func(k *kit) {
		// In "wide" the names asked for are few among many, in "t" all there is,
		// with names about the slash on either side of a directory's content.
		specs := []string{"a-b=1", "a/", "a/f=2", "a/l->x", "a.b=3", "gone=9", "wide/"}
		for i := range 500 {
			specs = append(specs, fmt.Sprintf("wide/f%03d=%d", i, i))
		}
		k.publish("t", "", specs...)
		k.publish("t", "overwrite", "a/f=4")
		asked := change("t", "", "a-b=1", "a/", "a/f=5", "a/l->x", "a/new=6", "a.b=3", "none/", "none/f=7",
			"wide/e=1", "wide/f000=1", "wide/f001=1", "wide/f250=1", "wide/f250x=1", "wide/f499=1", "wide/g=1").Entries
		for _, target := range []manifest.Path{"t", "other"} {
			got := map[manifest.Path]manifest.Digest{}
			k.must(k.Match(ctx, target, asked, func(i int, e manifest.Entry) error {
				equal(k, "path", e.Path, asked[i].Path)
				if _, twice := got[e.Path]; twice {
					k.Errorf("%q was told twice", e.Path)
				}
				got[e.Path] = e.Digest
				return nil
			}))
			want := map[manifest.Path]manifest.Digest{}
			for i := range asked {
				if e, err := k.Lookup(ctx, target.Join(asked[i].Path), store.Latest); err == nil {
					want[asked[i].Path] = e.Digest
				}
			}
			equal(k, "matches", len(want), map[manifest.Path]int{"t": 9, "other": 0}[target])
			equal(k, "found", fmt.Sprint(got), fmt.Sprint(want))
		}
		k.want(k.Match(ctx, "t", asked, func(int, manifest.Entry) error { return io.EOF }), io.EOF)
	}},
	{"Match knows many directories from those about them", func(k *kit) {
		var specs []string
		for i := range 40 {
			dir := fmt.Sprintf("d%02d", i)
			specs = append(specs, dir+"/", dir+"/f=1", dir+"/g=2", dir+"/x=3")
		}
		for _, target := range []manifest.Path{"t", "t-x", "t/d05/more", "u"} {
			k.publish(target, "", specs...)
		}
		k.publish("t", "overwrite", "d07/f=4")
		var asked []string
		for i := range 20 {
			dir := fmt.Sprintf("d%02d", 2*i+1)
			asked = append(asked, dir+"/", dir+"/a=1", dir+"/f=1", dir+"/x=1")
		}
		list, told := change("t", "", asked...).Entries, 0
		k.must(k.Match(ctx, "t", list, func(i int, e manifest.Entry) error {
			told++
			want, err := k.Lookup(ctx, manifest.Path("t").Join(list[i].Path), store.Latest)
			k.must(err)
			equal(k, "digest of "+string(e.Path), e.Digest, want.Digest)
			return nil
		}))
		equal(k, "entries told of", told, 60)
	}},
	{"ReadDir pages in byte order", func(k *kit) {
		names := []string{"A", "a", "a-b", "a.b", "a0", "b", "é"}
		var specs []string
		for _, n := range names {
			specs = append(specs, n+"=1")
		}
		k.publish("t", "", append(specs, "d/", "d/below=1")...)
		names = append(names, "d")
		slices.Sort(names)
		var got []string
		for after := ""; ; {
			page, err := k.ReadDir(ctx, "t", store.Latest, after, 3)
			k.must(err)
			for _, e := range page {
				equal(k, "dir", e.Path.Dir(), "t")
				got = append(got, e.Path.Base())
			}
			if len(page) < 3 {
				break
			}
			after = got[len(got)-1]
		}
		equals(k, "names", got, names)
	}},
	{"only directories can be read", func(k *kit) {
		k.publish("t", "", "f=1", "l->d", "d/")
		for _, p := range []manifest.Path{"t/f", "t/l", "t/none", "none"} {
			_, err := k.ReadDir(ctx, p, store.Latest, "", 9)
			k.want(err, store.ErrNotFound)
			k.want(k.Walk(ctx, p, store.Latest, nil), store.ErrNotFound)
		}
		for _, p := range []manifest.Path{"t/d", ""} {
			_, err := k.ReadDir(ctx, p, store.Latest, "", 9)
			k.must(err)
		}
		_, err := k.ReadDir(ctx, "", 0, "", 9)
		k.must(err)
		_, err = k.ReadDir(ctx, "t", 0, "", 9)
		k.want(err, store.ErrNotFound)
	}},
	{"Walk visits everything once, however much", func(k *kit) {
		var specs []string
		for i := range 5000 {
			specs = append(specs, fmt.Sprintf("big/f%d=1", i))
		}
		for i := range 300 {
			specs = append(specs, fmt.Sprintf("many/d%d/f=1", i), fmt.Sprintf("many.x/d%d/e/f=1", i))
		}
		p := k.publish("a/t", "", specs...)
		seen := make(map[manifest.Path]bool)
		k.must(k.Walk(ctx, "a/t", store.Latest, func(e manifest.Entry) error {
			if seen[e.Path] {
				k.Fatalf("%q twice", e.Path)
			}
			seen[e.Path] = true
			return nil
		}))
		equal(k, "entries", len(seen), p.Added-2)
	}},
	{"Walk ends with the error of its function, which may use the store", func(k *kit) {
		k.publish("t", "", "a=1", "b=1")
		stop := errors.New("stop")
		n := 0
		k.want(k.Walk(ctx, "t", store.Latest, func(e manifest.Entry) error {
			n++
			k.publish("t", "overwrite", "c="+string(e.Path))
			return stop
		}), stop)
		equal(k, "calls", n, 1)
	}},
}

var standingTests = []test{
	{"a tree stands until something in it changes", func(k *kit) {
		type stand struct{ merge, mirror bool }
		for i, tt := range []struct {
			name   string
			change store.Commit
			want   stand
		}{
			{"the same again", change("a/t", "", "d/", "d/f=1"), stand{true, true}},
			{"added beside", change("a/t", "", "g=1"), stand{true, false}},
			{"added in a directory", change("a/t/d", "", "g=1"), stand{true, false}},
			{"added above", change("a", "", "g=1"), stand{true, false}},
			{"another target", change("a/u", "", "f=1"), stand{true, true}},
			{"a target of like name", change("a/t2", "", "f=1"), stand{true, true}},
			{"replaced", change("a/t", "overwrite", "d/f=2"), stand{false, false}},
			{"replaced from below", change("a/t/d", "overwrite", "f=2"), stand{false, false}},
			{"replaced from above", change("a", "overwrite", "t/d/f=2"), stand{false, false}},
			{"mirrored away", change("a", "mirror overwrite", "x=1"), stand{false, false}},
			{"removed", store.Commit{Target: "a/t", Remove: true, Overwrite: true, Time: now}, stand{false, false}},
		} {
			root := manifest.Path(fmt.Sprintf("r%d", i))
			k.put("1", "2")
			first := k.publish(root+"/a/t", "mirror", "d/", "d/f=1")
			tt.change.Target = root.Join(tt.change.Target)
			_, err := k.Commit(ctx, tt.change)
			k.must(err)
			for _, mirror := range []bool{false, true} {
				p, err := k.Standing(ctx, root+"/a/t", first.TreeDigest, mirror)
				want := tt.want.merge && !mirror || tt.want.mirror && mirror
				if want != (err == nil) || err != nil && !isErr(err, store.ErrNotFound) {
					k.Fatalf("%s, mirror %v: got %v", tt.name, mirror, err)
				}
				if err == nil {
					equal(k, tt.name, p.TreeDigest, first.TreeDigest)
				}
			}
		}
	}},
	{"a merge into nothing stands as a mirror, a merge beside something does not", func(k *kit) {
		p := k.publish("t", "", "f=1")
		got, err := k.Standing(ctx, "t", p.TreeDigest, true)
		k.must(err)
		equal(k, "publication", got, p)
		p = k.publish("t", "", "g=1")
		_, err = k.Standing(ctx, "t", p.TreeDigest, true)
		k.want(err, store.ErrNotFound)
		_, err = k.Standing(ctx, "t", p.TreeDigest, false)
		k.must(err)
		_, err = k.Standing(ctx, "u", p.TreeDigest, false)
		k.want(err, store.ErrNotFound)
	}},
	{"a tree with damaged content does not stand", func(k *kit) {
		p := k.publish("a/t", "", "f=1")
		q := k.publish("a/u", "", "f=2")
		k.must(k.MarkDamaged(ctx, manifest.DigestOf([]byte("1"))))
		_, err := k.Standing(ctx, "a/t", p.TreeDigest, false)
		k.want(err, store.ErrNotFound)
		_, err = k.Standing(ctx, "a/u", q.TreeDigest, false)
		k.must(err)
	}},
	{"an alias that moves breaks only the trees it lies in", func(k *kit) {
		k.put("1")
		c := change("p/1", "", "f=1")
		one, err := k.Commit(ctx, c)
		k.must(err)
		whole := k.publish("p", "", "latest->1")
		c = change("p/2", "", "f=1")
		c.Aliases = tree("p/latest->2")
		_, err = k.Commit(ctx, c)
		k.must(err)
		_, err = k.Standing(ctx, "p/1", one.TreeDigest, false)
		k.must(err)
		_, err = k.Standing(ctx, "p", whole.TreeDigest, false)
		k.want(err, store.ErrNotFound)
	}},
}

var searchTests = []test{
	{"Log tells what was published, newest first", func(k *kit) {
		for _, target := range []manifest.Path{"a", "a/b", "ab", "a", "a/b/c"} {
			k.publish(target, "", fmt.Sprintf("%s=1", strings.ReplaceAll(string(target), "/", "-")))
		}
		for _, tt := range []struct {
			target manifest.Path
			before store.Version
			limit  int
			want   string
		}{
			{"", 0, 9, "[5 4 3 2 1]"}, {"a", 0, 9, "[5 4 2 1]"}, {"a", 0, 2, "[5 4]"}, {"a", 4, 9, "[2 1]"},
			{"a/b", 0, 9, "[5 2]"}, {"ab", 0, 9, "[3]"}, {"none", 0, 9, "[]"},
		} {
			l, err := k.Log(ctx, tt.target, tt.before, tt.limit)
			k.must(err)
			got := []store.Version{}
			for _, p := range l {
				got = append(got, p.Number)
			}
			equal(k, fmt.Sprint(tt), fmt.Sprint(got), tt.want)
		}
	}},
	{"Builds are the targets of a type that hold something", func(k *kit) {
		k.publish("a/1", "", "f=1")
		k.publish("a/2", "", "f=1")
		k.publish("a/3", "", "f=1")
		k.publish("a/2/deep", "", "f=1")
		k.publish("b/1", "", "f=1")
		k.publish("a/1", "", "g=1")
		k.publish("a/3", "mirror overwrite")
		for limit, want := range []string{"[]", "[a/1]", "[a/1 a/2]", "[a/1 a/2]"} {
			got, err := k.Builds(ctx, "a", limit)
			k.must(err)
			equal(k, "builds", fmt.Sprint(got), want)
		}
		k.publish("a", "", "f=1")
		got, err := k.Builds(ctx, "a", 9)
		k.must(err)
		equal(k, "builds", fmt.Sprint(got), "[a a/1 a/2]")
		got, err = k.Builds(ctx, "", 9)
		k.must(err)
		equal(k, "builds", fmt.Sprint(got), "[a]")
	}},
	{"Similar finds other versions of a file", func(k *kit) {
		big := func(name, c string) string { return name + "=" + noise(c, 5000) }
		k.publish("dl", "", big("foo-1.2.tar.gz", "1"), big("bar-1.2.tar.gz", "2"), "foo-1.9.tar.gz=small")
		k.publish("dl", "", big("foo-1.3.tar.gz", "3"))
		k.publish("other", "", big("foo-1.4.tar.gz", "4"))
		k.publish("dl", "overwrite", big("foo-2.0.tar.gz", "5"))
		k.publish("dl", "overwrite", big("foo-2.0.tar.gz", "6"))
		for _, tt := range []struct {
			dir   manifest.Path
			limit int
			want  string
		}{
			{"dl", 9, "dl/foo-2.0.tar.gz dl/foo-1.3.tar.gz dl/foo-1.2.tar.gz"}, {"dl", 1, "dl/foo-2.0.tar.gz"},
			{"", 2, "dl/foo-2.0.tar.gz other/foo-1.4.tar.gz"}, {"d", 9, ""},
		} {
			l, err := k.Similar(ctx, tt.dir, "foo-3.0.1.tar.gz", tt.limit)
			k.must(err)
			var got []string
			for _, e := range l {
				got = append(got, string(e.Path))
			}
			equal(k, "similar", strings.Join(got, " "), tt.want)
		}
	}},
}
