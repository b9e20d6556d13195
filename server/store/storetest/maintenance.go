package storetest

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

func (k *kit) collect(o store.CollectOptions) store.Collected {
	k.Helper()
	c, err := k.Collect(ctx, o)
	k.must(err)
	return c
}

// check returns what Check finds.
func (k *kit) check(o store.CheckOptions) (found []store.Finding) {
	k.Helper()
	_, err := k.Check(ctx, o, func(f store.Finding) error {
		found = append(found, f)
		return nil
	})
	k.must(err)
	return found
}

// clean fails if Check finds anything.
func (k *kit) clean() {
	k.Helper()
	for _, f := range k.check(store.CheckOptions{Content: true}) {
		k.Fatalf("fsck: %v", f.Err)
	}
}

var maintenanceTests = []test{
	{"collection takes what nothing refers to and nothing else", func(k *kit) {
		large := noise("large", store.SmallBlob+1)
		k.publish("t", "", "kept=kept", "big="+large)
		k.putAs("leased", "leased", large+"leased")
		k.putAs("gone", "gone", large+"gone")
		k.must(k.PutDerived(ctx, manifest.DigestOf([]byte(large+"gone")), "sig", []byte("x")))
		k.must(k.Release(ctx, "gone"))
		k.must(k.Release(ctx, "s"))
		c := k.collect(store.CollectOptions{DryRun: true})
		equal(k, "dry run", c.Blobs, 2)
		equal(k, "bytes", c.Bytes, int64(len(large)+8))
		c = k.collect(store.CollectOptions{})
		equal(k, "blobs", c.Blobs, 2)
		for range 2 {
			for content, want := range map[string]error{"kept": nil, large: nil, "leased": nil, large + "leased": nil, "gone": store.ErrNotFound, large + "gone": store.ErrNotFound} {
				b, err := k.Open(ctx, manifest.DigestOf([]byte(content)))
				k.want(err, want)
				if err == nil {
					k.must(b.Close())
				}
			}
			k.clean()
			k.reopen()
		}
		_, err := k.Derived(ctx, manifest.DigestOf([]byte(large+"gone")), "sig")
		k.want(err, store.ErrNotFound)
		equal(k, "again", k.collect(store.CollectOptions{}), store.Collected{})
	}},
	{"collection keeps what older versions hold, until they are forgotten", func(k *kit) {
		k.publish("t", "", "f=1", "g=1")
		k.publish("u", "", "f=9")
		k.publish("t", "overwrite", "f=2")
		k.publish("u", "overwrite", "f=8")
		k.publish("t", "overwrite", "f=3", "g=3")
		k.must(k.Release(ctx, "s"))
		equal(k, "blobs", k.collect(store.CollectOptions{}).Blobs, 0)
		f, err := k.Forget(ctx, "t", 3)
		k.must(err)
		equal(k, "forgotten", f.Entries, 1)
		equal(k, "blobs", k.collect(store.CollectOptions{}).Blobs, 0) // "1" is g's until 5
		k.shows("t", 3, "f=2", "g=1")
		k.shows("t", store.Latest, "f=3", "g=3")
		k.want(k.Walk(ctx, "t", 2, nil), store.ErrNotFound)
		k.want(k.Walk(ctx, "", 2, nil), store.ErrNotFound)
		_, err = k.Lookup(ctx, "t/f", 2)
		k.want(err, store.ErrNotFound)
		k.shows("u", 2, "f=9")
		_, err = k.Forget(ctx, "t", store.Latest)
		k.must(err)
		equal(k, "blobs", k.collect(store.CollectOptions{}).Blobs, 2)
		k.reopen()
		k.want(k.Walk(ctx, "t", 4, nil), store.ErrNotFound)
		k.shows("t", 5, "f=3", "g=3")
		k.shows("u", 2, "f=9")
		k.clean()
	}},
	{"a removed target can be forgotten whole, and come again", func(k *kit) {
		k.publish("p/1", "", "d/", "d/f=1")
		_, err := k.Commit(ctx, store.Commit{Target: "p/1", Remove: true, Overwrite: true, Time: now})
		k.must(err)
		k.must(k.Release(ctx, "s"))
		f, err := k.Forget(ctx, "p/1", store.Latest)
		k.must(err)
		equal(k, "forgotten", f.Entries, 3)
		equal(k, "blobs", k.collect(store.CollectOptions{}).Blobs, 1)
		equals(k, "targets", k.targets("p"), nil)
		k.publish("p/1", "", "d/", "d/f=1")
		k.shows("p", store.Latest, "1/", "1/d/", "1/d/f=1")
		k.clean()
	}},
	{"collection gives the space of small blobs back", func(k *kit) {
		var keep []manifest.Digest
		for i := range 30 {
			k.putAs("gone", noise(fmt.Sprint("gone", i), 60_000))
			keep = append(keep, k.putAs("kept", noise(fmt.Sprint("kept", i), 2000))[0])
		}
		b, err := k.Open(ctx, keep[0])
		k.must(err)
		defer b.Close()
		k.must(k.Release(ctx, "gone"))
		c := k.collect(store.CollectOptions{})
		if c.Blobs != 30 || c.Packs == 0 || c.Freed < 1_000_000 {
			k.Fatalf("got %+v", c)
		}
		got := make([]byte, 2000)
		_, err = b.ReadAt(got, 0)
		k.must(err)
		equal(k, "open before", string(got), noise("kept0", 2000))
		for range 2 {
			for i, d := range keep {
				equal(k, "kept", k.read(d), noise(fmt.Sprint("kept", i), 2000))
			}
			k.clean()
			k.reopen()
		}
		k.put("more")
		k.clean()
	}},
	{"collection drops sessions that are no more", func(k *kit) {
		for _, s := range []store.SessionID{"live", "dead"} {
			k.putAs(s, "x"+string(s))
			p, err := k.OpenPartial(s, manifest.Digest{1})
			k.must(err)
			_, err = p.Write([]byte("part"))
			k.must(err)
			k.must(p.Close())
		}
		k.reopen()
		c := k.collect(store.CollectOptions{Live: func(s store.SessionID) bool { return s == "live" }})
		equal(k, "sessions", c.Sessions, 1)
		equal(k, "blobs", c.Blobs, 1)
		for s, size := range map[store.SessionID]int64{"live": 4, "dead": 0} {
			p, err := k.OpenPartial(s, manifest.Digest{1})
			k.must(err)
			equal(k, "staged by "+string(s), p.Size(), size)
			k.must(p.Close())
		}
	}},
	{"collection races pushes and loses", func(k *kit) {
		stop, done := context.WithCancel(ctx)
		var gc, pushes sync.WaitGroup
		gc.Go(func() {
			for stop.Err() == nil {
				if _, err := k.Collect(ctx, store.CollectOptions{}); err != nil {
					k.Error(err)
					return
				}
			}
		})
		for p := range 4 {
			pushes.Go(func() {
				for i := range 6 {
					s := store.SessionID(fmt.Sprintf("%d-%d", p, i))
					// Half of it all pushers share, so that it comes and goes.
					specs := []string{"a=" + noise(fmt.Sprint(i), 3000), "b=" + noise(fmt.Sprint(i), store.SmallBlob+9), "c=" + noise(string(s), 50)}
					if err := k.pushAs(s, manifest.Path(fmt.Sprintf("t%d", p)), specs...); err != nil {
						k.Error(err)
					}
				}
			})
		}
		pushes.Wait()
		done()
		gc.Wait()
		k.clean()
		for p := range 4 {
			equal(k, "entries", len(k.show(manifest.Path(fmt.Sprintf("t%d", p)), store.Latest)), 3)
		}
	}},
	{"a finding names every path that has the content", func(k *kit) {
		k.publish("t", "", "f=1", "g=1")
		k.publish("t", "overwrite", "f=2")
		k.publish("a/b", "", "h=1")
		k.clean()
		d := manifest.DigestOf([]byte("1"))
		k.must(k.MarkDamaged(ctx, d))
		found := k.check(store.CheckOptions{})
		equal(k, "findings", len(found), 1)
		equal(k, "digest", found[0].Digest, d)
		k.want(found[0].Err, store.ErrDamaged)
		equals(k, "uses", found[0].Uses, []store.Use{{Path: "a/b/h", From: 3}, {Path: "t/f", From: 1, Until: 2}, {Path: "t/g", From: 1}})
		k.clean() // the content is sound after all, and so it is not marked any more
		equal(k, "content", k.read(d), "1")
	}},
	{"a check can be slowed down and stopped", func(k *kit) {
		k.put("1", "22", noise("l", store.SmallBlob+1))
		n := 0
		c, err := k.Check(ctx, store.CheckOptions{Content: true, Throttle: func(_ context.Context, m int) error { n += m; return nil }}, nil)
		k.must(err)
		equal(k, "bytes throttled", n, 3+store.SmallBlob+1)
		equal(k, "checked", c, store.Checked{Blobs: 3, Bytes: int64(n)})
		stop := fmt.Errorf("stop")
		_, err = k.Check(ctx, store.CheckOptions{Content: true, Throttle: func(context.Context, int) error { return stop }}, nil)
		k.want(err, stop)
	}},
	{"a repair of a sound store finds nothing", func(k *kit) {
		k.publish("t", "", "f=1")
		r, err := k.Repair(ctx, store.CheckOptions{Content: true})
		k.must(err)
		equal(k, "repaired", r, store.Repaired{})
		k.must(k.MarkDamaged(ctx, manifest.DigestOf([]byte("1"))))
		r, err = k.Repair(ctx, store.CheckOptions{})
		k.must(err)
		equal(k, "repaired", r, store.Repaired{Healed: 1})
		k.clean()
	}},
	{"a backup opens as the store it was", func(k *kit) {
		large := noise("large", store.SmallBlob+1)
		k.publish("t", "", "f=1", "d/", "d/g="+large)
		k.publish("t", "overwrite", "f=2")
		dir := filepath.Join(k.TempDir(), "backup")
		lacking, err := k.Backup(ctx, dir)
		k.must(err)
		equal(k, "lacking", lacking, 0)
		_, err = k.Backup(ctx, dir)
		k.want(err, store.ErrInvalid)
		k.publish("t", "overwrite", "f=3")
		copied := &kit{T: k.T, open: k.open, dir: dir}
		copied.reopen()
		defer copied.Close()
		copied.shows("t", 1, "d/", "d/g="+large, "f=1")
		copied.shows("t", store.Latest, "d/", "d/g="+large, "f=2")
		copied.clean()
		copied.publish("t", "overwrite", "f=4")
		k.shows("t", store.Latest, "d/", "d/g="+large, "f=3")
		k.clean()
	}},
	{"content is kept by paths and owners", func(k *kit) {
		owned := func(owner string, target manifest.Path, flags string, specs ...string) store.Version {
			for _, spec := range specs {
				_, content, _ := strings.Cut(spec, "=")
				k.put(content)
			}
			c := change(target, flags, specs...)
			c.Owner = owner
			p, err := k.Commit(ctx, c)
			k.must(err)
			equal(k, "owner", p.Owner, owner)
			return p.Number
		}
		owned("a", "t/1", "", "f=12345", "d/g=12345", "d/h=123")
		owned("b", "t/2", "", "f=12345", "g=1")
		second := owned("b", "t/1", "overwrite", "d/h=12")
		for o, want := range map[store.Holder]int64{
			{}: 11, {Path: "t"}: 11, {Path: "t/1"}: 10, {Path: "t/2"}: 6, {Path: "t/1/d/h"}: 0, {Path: "t2"}: 0,
			{Owner: "a"}: 8, {Owner: "b"}: 8, {Path: "t/1", Owner: "b"}: 2, {Owner: "c"}: 0,
		} {
			got, err := k.Kept(ctx, o)
			k.must(err)
			equal(k, fmt.Sprintf("kept by %+v", o), got, want)
		}
		ds := []manifest.Digest{manifest.DigestOf([]byte("123")), manifest.DigestOf([]byte("none")), manifest.DigestOf([]byte("12345"))}
		for o, want := range map[store.Holder][]bool{
			{}: {true, false, true}, {Path: "t/2"}: {false, false, true}, {Path: "t/1/d"}: {true, false, true},
			{Owner: "b"}: {false, false, true}, {Path: "t/1", Owner: "b"}: {false, false, false},
		} {
			got, err := k.Keeps(ctx, o, ds)
			k.must(err)
			equals(k, fmt.Sprintf("contents kept by %+v", o), got, want)
		}
		_, err := k.Forget(ctx, "t/1", second)
		k.must(err)
		got, err := k.Kept(ctx, store.Holder{Path: "t/1"})
		k.must(err)
		equal(k, "kept after forgetting", got, 7)
	}},
	{"sole is what goes with targets and nothing else", func(k *kit) {
		k.publish("t/1", "", "f=old", "d/g=22", "s=shared", "two=1+2")
		k.publish("t/1", "mirror overwrite", "f=4444", "d/g=22", "s=shared", "two=1+2")
		k.publish("t/2", "", "a=1+2", "b=55555", "c=55555")
		k.publish("u", "", "s=shared", "f=666666")
		k.must(k.Release(ctx, "s"))
		sole := func(want int64, targets ...manifest.Path) {
			k.Helper()
			got, err := k.Sole(ctx, targets)
			k.must(err)
			equal(k, fmt.Sprintf("bytes that go with %q", targets), got.Bytes, want)
			for _, p := range targets { // so say those who do it
				pub, err := k.Commit(ctx, store.Commit{Target: p, Remove: true, Overwrite: true, Time: now})
				k.must(err)
				_, err = k.Forget(ctx, p, pub.Number)
				k.must(err)
			}
			c := k.collect(store.CollectOptions{})
			equal(k, fmt.Sprintf("what went with %q", targets), [2]int64{int64(c.Blobs), c.Bytes}, [2]int64{int64(got.Blobs), got.Bytes})
		}
		sole(0)
		k.putAs("other", "55555") // leases it
		sole(3+4+2+3, "t/1", "t/2")
		k.must(k.Release(ctx, "other"))
		k.collect(store.CollectOptions{})
		sole(6, "u/f")
		sole(6, "u")
	}},
	{"usage counts files below a path", func(k *kit) {
		k.publish("t", "", "f=12345", "d/", "d/g=12345", "d/h=123", "l->f")
		k.publish("t2", "", "f=1")
		for p, want := range map[manifest.Path]store.Usage{
			"": {Files: 4, Bytes: 14, Unique: 9}, "t": {Files: 3, Bytes: 13, Unique: 8}, "t/d": {Files: 2, Bytes: 8, Unique: 8},
			"t/f": {Files: 1, Bytes: 5, Unique: 5}, "t/l": {}, "none": {},
		} {
			got, err := k.Usage(ctx, p)
			k.must(err)
			equal(k, "usage of "+string(p), got, want)
		}
	}},
}

// pushAs does what a session does: asks what is there, sends the rest,
// publishes it as a mirror, and ends.
func (k *kit) pushAs(s store.SessionID, target manifest.Path, specs ...string) error {
	c := change(target, "mirror overwrite", specs...)
	c.Session = s
	contents := make(map[manifest.Digest]string)
	var ds []manifest.Digest
	for _, spec := range specs {
		content := spec[slices.Index([]byte(spec), '=')+1:]
		d := manifest.DigestOf([]byte(content))
		contents[d], ds = content, append(ds, d)
	}
	have, err := k.Have(ctx, s, ds, func(manifest.Path) bool { return true })
	if err != nil {
		return err
	}
	var send []string
	for i, d := range ds {
		if !have[i] {
			send = append(send, contents[d])
		}
	}
	if _, err := add(k, s, send); err != nil {
		return err
	}
	if _, err := k.Commit(ctx, c); err != nil {
		return err
	}
	return k.Release(ctx, s)
}
