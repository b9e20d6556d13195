package storetest

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"testing/iotest"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

func isErr(err, target error) bool { return errors.Is(err, target) }

var contentTests = []test{
	{"blobs of every size come back, also after a restart", func(k *kit) {
		contents := []string{"", "a", noise("s", store.SmallBlob), noise("l", store.SmallBlob+1), noise("xl", 3<<20)}
		ds := k.put(contents...)
		for range 2 {
			for i, d := range ds {
				equal(k, "content", k.read(d), contents[i])
			}
			k.reopen()
		}
	}},
	{"a large blob is a plain file, a small one is not", func(k *kit) {
		ds := k.put("small", noise("l", store.SmallBlob+1))
		for i, d := range ds {
			b, err := k.Open(ctx, d)
			k.must(err)
			if _, ok := b.File(); ok && i == 0 {
				k.Fatal("a small blob has a file")
			}
			k.must(b.Close())
		}
	}},
	{"a batch takes more large blobs than files may be open", func(k *kit) {
		var contents []string
		for i := range 100 {
			contents = append(contents, noise(fmt.Sprint(i), store.SmallBlob+1))
		}
		for i, d := range k.put(contents...) {
			equal(k, "content", k.read(d), contents[i])
		}
	}},
	{"a blob nobody added is not found", func(k *kit) {
		_, err := k.Open(ctx, manifest.DigestOf([]byte("x")))
		k.want(err, store.ErrNotFound)
	}},
	{"wrong bytes are refused and the batch goes on", func(k *kit) {
		for _, n := range []int{10, store.SmallBlob + 10} {
			b, err := k.NewBatch("s")
			k.must(err)
			right, wrong := noise("right", n), noise("wrong", n)
			d := manifest.DigestOf([]byte("neither"))
			k.want(b.Add(d, int64(n), strings.NewReader(wrong)), store.ErrMismatch)
			k.must(b.Add(manifest.DigestOf([]byte(right)), int64(n), strings.NewReader(right)))
			k.must(b.Commit(ctx))
			_, err = k.Open(ctx, d)
			k.want(err, store.ErrNotFound)
			equal(k, "content", k.read(manifest.DigestOf([]byte(right))), right)
		}
	}},
	{"wrong bytes are refused for content that is held, too", func(k *kit) {
		for _, n := range []int{10, store.SmallBlob + 10} {
			d := k.put(noise("held", n))[0]
			b, err := k.NewBatch("s")
			k.must(err)
			k.want(b.Add(d, int64(n), strings.NewReader(noise("wrong", n))), store.ErrMismatch)
			k.must(b.Commit(ctx))
			equal(k, "content", k.read(d), noise("held", n))
		}
	}},
	{"a reader that ends early or fails is an error", func(k *kit) {
		for _, n := range []int{10, store.SmallBlob + 10} {
			b, err := k.NewBatch("s")
			k.must(err)
			c := noise("c", n)
			d := manifest.DigestOf([]byte(c))
			k.want(b.Add(d, int64(n), strings.NewReader(c[:n-1])), io.ErrUnexpectedEOF)
			k.want(b.Add(d, int64(n), strings.NewReader("")), io.ErrUnexpectedEOF)
			k.want(b.Add(d, int64(n), iotest.ErrReader(iotest.ErrTimeout)), iotest.ErrTimeout)
			k.must(b.Add(d, int64(n), strings.NewReader(c)))
			k.must(b.Commit(ctx))
			equal(k, "content", k.read(d), c)
		}
	}},
	{"Add reads exactly its size", func(k *kit) {
		for _, n := range []int{0, 10, store.SmallBlob + 10} {
			c := noise("c", n)
			for range 2 { // new, then held
				r := strings.NewReader(c + "rest")
				b, err := k.NewBatch("s")
				k.must(err)
				k.must(b.Add(manifest.DigestOf([]byte(c)), int64(n), r))
				k.must(b.Commit(ctx))
				equal(k, "bytes left", r.Len(), 4)
			}
		}
	}},
	{"the same blob twice in a batch, and in two at once", func(k *kit) {
		for _, n := range []int{10, store.SmallBlob + 10} {
			c := noise("c", n)
			d := manifest.DigestOf([]byte(c))
			var batches []store.Batch
			for range 2 {
				b, err := k.NewBatch("s")
				k.must(err)
				for range 2 {
					k.must(b.Add(d, int64(n), strings.NewReader(c)))
				}
				batches = append(batches, b)
			}
			for _, b := range batches {
				k.must(b.Commit(ctx))
			}
			equal(k, "content", k.read(d), c)
		}
	}},
	{"a discarded batch leaves nothing, one after it works", func(k *kit) {
		for _, n := range []int{10, store.SmallBlob + 10} {
			b, err := k.NewBatch("s")
			k.must(err)
			c := noise("c", n)
			d := manifest.DigestOf([]byte(c))
			k.must(b.Add(d, int64(n), strings.NewReader(c)))
			b.Discard()
			b.Discard()
			_, err = k.Open(ctx, d)
			k.want(err, store.ErrNotFound)
			equal(k, "content", k.read(k.put(c)[0]), c)
		}
	}},
	{"a batch that is done takes nothing", func(k *kit) {
		b, err := k.NewBatch("s")
		k.must(err)
		k.must(b.Commit(ctx))
		k.want(b.Add(manifest.Digest{1}, 0, strings.NewReader("")), store.ErrInvalid)
		k.want(b.Commit(ctx), store.ErrInvalid)
	}},
	{"a session id that could leave its folder is refused", func(k *kit) {
		for _, id := range []store.SessionID{"", "..", "a/b", "a\x00", store.SessionID(strings.Repeat("x", 65))} {
			_, err := k.NewBatch(id)
			k.want(err, store.ErrInvalid)
			_, err = k.OpenPartial(id, manifest.Digest{1})
			k.want(err, store.ErrInvalid)
			_, err = k.Staged(ctx, id)
			k.want(err, store.ErrInvalid)
			_, err = k.Have(ctx, id, nil, nil)
			k.want(err, store.ErrInvalid)
			k.want(k.Release(ctx, id), store.ErrInvalid)
		}
	}},
	{"damaged content is absent until it comes again", func(k *kit) {
		for _, c := range []string{"small", noise("large", store.SmallBlob+1)} {
			k.publish("t", "overwrite", "f="+c)
			d := manifest.DigestOf([]byte(c))
			k.must(k.MarkDamaged(ctx, d))
			_, err := k.Open(ctx, d)
			k.want(err, store.ErrDamaged)
			equal(k, "have", k.have("s", "", d)[0], false)
			k.put(c)
			equal(k, "content", k.read(d), c)
			equal(k, "have", k.have("s", "", d)[0], true)
		}
		k.want(k.MarkDamaged(ctx, manifest.Digest{9}), store.ErrNotFound)
	}},
	{"derived data stays with its blob", func(k *kit) {
		d := k.put("x")[0]
		_, err := k.Derived(ctx, d, "sig-1")
		k.want(err, store.ErrNotFound)
		for _, v := range []string{"one", "", noise("v", 1<<20)} {
			k.must(k.PutDerived(ctx, d, "sig-1", []byte(v)))
			got, err := k.Derived(ctx, d, "sig-1")
			k.must(err)
			equal(k, "derived", string(got), v)
		}
		_, err = k.Derived(ctx, d, "other")
		k.want(err, store.ErrNotFound)
		k.want(k.PutDerived(ctx, manifest.Digest{9}, "sig", nil), store.ErrNotFound)
		for _, bad := range []string{"", "..", "a/b", "A", strings.Repeat("x", 33)} {
			k.want(k.PutDerived(ctx, d, bad, nil), store.ErrInvalid)
			_, err = k.Derived(ctx, d, bad)
			k.want(err, store.ErrInvalid)
		}
	}},
}

var leaseTests = []test{
	{"the session that brought a blob has it, others only see it published", func(k *kit) {
		d := k.putAs("a", "x")[0]
		equal(k, "a", k.have("a", "none", d)[0], true)
		equal(k, "b", k.have("b", "", d)[0], false)
		k.publish("pub", "", "f=x")
		equal(k, "b sees pub", k.have("b", "pub", d)[0], true)
		equal(k, "c sees elsewhere", k.have("c", "other", d)[0], false)
	}},
	{"what had been published and has ended is not seen", func(k *kit) {
		k.publish("pub", "", "f=x")
		k.publish("pub", "mirror overwrite", "g=y")
		equal(k, "have", k.have("b", "", manifest.DigestOf([]byte("x")))[0], false)
	}},
	{"one visible path among many is enough", func(k *kit) {
		var specs []string
		for i := range 40 {
			specs = append(specs, strings.Repeat("x", i+1)+"=same")
		}
		k.publish("private", "", specs...)
		k.publish("zpublic", "", "f=same")
		equal(k, "have", k.have("b", "zpublic", manifest.DigestOf([]byte("same")))[0], true)
	}},
	{"a lease outlives the entry, Release ends it", func(k *kit) {
		k.publish("pub", "", "f=x")
		k.must(k.Release(ctx, "s"))
		d := manifest.DigestOf([]byte("x"))
		equal(k, "have", k.have("b", "pub", d)[0], true)
		k.publish("pub", "mirror overwrite")
		equal(k, "leased", k.have("b", "pub", d)[0], true)
		k.must(k.Release(ctx, "b"))
		equal(k, "released", k.have("b", "pub", d)[0], false)
	}},
	{"leases of accepted bytes survive a restart", func(k *kit) {
		ds := k.putAs("a", "x", noise("l", store.SmallBlob+1))
		k.reopen()
		equals(k, "have", k.have("a", "none", ds...), []bool{true, true})
		k.must(k.Release(ctx, "a"))
		k.must(k.Release(ctx, "a"))
		equals(k, "have", k.have("a", "none", ds...), []bool{false, false})
	}},
	{"content that was held when it came is leased as well", func(k *kit) {
		d := k.putAs("a", "x")[0]
		k.putAs("b", "x")
		k.reopen()
		k.must(k.Release(ctx, "a"))
		equal(k, "have", k.have("b", "none", d)[0], true)
	}},
	{"content that a batch left out because it was held stays until the batch is done", func(k *kit) {
		for _, c := range []string{noise("x", store.SmallBlob+1), noise("x", store.SmallBlob)} {
			d := k.putAs("a", c)[0]
			k.must(k.Release(ctx, "a"))
			b, err := k.NewBatch("b")
			k.must(err)
			for _, more := range []string{c, noise("y", store.SmallBlob), noise("z", store.SmallBlob), noise("w", store.SmallBlob)} {
				k.must(b.Add(manifest.DigestOf([]byte(more)), int64(len(more)), strings.NewReader(more)))
			}
			k.collect(store.CollectOptions{})
			k.must(b.Commit(ctx))
			equal(k, "content", k.read(d), c)
		}
	}},
	{"many digests, in their order, also twice", func(k *kit) {
		var ds []manifest.Digest
		var want []bool
		for i := range 2500 {
			c := noise("many", 8+i%40) + string(rune(i))
			if i%3 == 0 {
				k.putAs("many", c)
			}
			ds, want = append(ds, manifest.DigestOf([]byte(c))), append(want, i%3 == 0)
		}
		equals(k, "have", k.have("many", "none", append(ds, ds...)...), append(want, want...))
	}},
}

var partialTests = []test{
	{"arrives in parts, across opens and restarts", func(k *kit) {
		c := noise("big", 1<<20)
		d := manifest.DigestOf([]byte(c))
		for i := 0; i < 4; i++ {
			p, err := k.OpenPartial("s", d)
			k.must(err)
			equal(k, "size", p.Size(), int64(i)<<18)
			_, err = io.WriteString(p, c[i<<18:(i+1)<<18])
			k.must(err)
			k.must(p.Sync())
			if i == 3 {
				k.must(p.Finish(ctx))
			}
			k.must(p.Close())
			if i == 1 {
				k.reopen()
			}
		}
		equal(k, "content", k.read(d), c)
		equal(k, "have", k.have("s", "none", d)[0], true)
		p, err := k.OpenPartial("s", d)
		k.must(err)
		equal(k, "size after", p.Size(), 0)
		k.must(p.Close())
	}},
	{"wrong bytes empty it", func(k *kit) {
		d := manifest.DigestOf([]byte("right"))
		p, err := k.OpenPartial("s", d)
		k.must(err)
		for _, c := range []string{"wrong", "right"} {
			io.WriteString(p, c)
			err := p.Finish(ctx)
			if c == "right" {
				k.must(err)
			} else {
				k.want(err, store.ErrMismatch)
				equal(k, "size", p.Size(), 0)
			}
		}
		k.must(p.Close())
		equal(k, "content", k.read(d), "right")
	}},
	{"Truncate starts over", func(k *kit) {
		d := manifest.DigestOf([]byte("right"))
		p, err := k.OpenPartial("s", d)
		k.must(err)
		io.WriteString(p, "no")
		k.must(p.Truncate())
		io.WriteString(p, "right")
		k.must(p.Finish(ctx))
		k.must(p.Close())
		equal(k, "content", k.read(d), "right")
	}},
	{"open twice is busy", func(k *kit) {
		p, err := k.OpenPartial("s", manifest.Digest{1})
		k.must(err)
		_, err = k.OpenPartial("s", manifest.Digest{1})
		k.want(err, store.ErrBusy)
		other, err := k.OpenPartial("other", manifest.Digest{1})
		k.must(err)
		k.must(other.Close())
		k.must(p.Close())
		p, err = k.OpenPartial("s", manifest.Digest{1})
		k.must(err)
		k.must(p.Close())
	}},
	{"of content that is held only a lease remains", func(k *kit) {
		c := noise("x", store.SmallBlob+5)
		d := k.putAs("other", c)[0]
		p, err := k.OpenPartial("s", d)
		k.must(err)
		io.WriteString(p, c)
		k.must(p.Finish(ctx))
		k.must(p.Close())
		k.must(k.Release(ctx, "other"))
		equal(k, "have", k.have("s", "none", d)[0], true)
	}},
	{"heals damaged content", func(k *kit) {
		c := noise("x", store.SmallBlob+5)
		d := k.put(c)[0]
		k.must(k.MarkDamaged(ctx, d))
		p, err := k.OpenPartial("s", d)
		k.must(err)
		io.WriteString(p, c)
		k.must(p.Finish(ctx))
		k.must(p.Close())
		equal(k, "content", k.read(d), c)
	}},
	{"what is staged is told, read and summed, before and after a restart", func(k *kit) {
		got, err := k.Staged(ctx, "s")
		k.must(err)
		equal(k, "staged at first", len(got), 0)
		one, two := manifest.Digest{1}, manifest.Digest{2}
		for d, c := range map[manifest.Digest]string{one: "hello", two: ""} {
			p, err := k.OpenPartial("s", d)
			k.must(err)
			_, err = io.WriteString(p, c)
			k.must(err)
			k.must(p.Close())
		}
		for range 2 {
			got, err := k.Staged(ctx, "s")
			k.must(err)
			if !maps.Equal(got, map[manifest.Digest]int64{one: 5, two: 0}) {
				k.Errorf("staged: %v", got)
			}
			other, err := k.Staged(ctx, "other")
			k.must(err)
			equal(k, "staged by another", len(other), 0)
			p, err := k.OpenPartial("s", one)
			k.must(err)
			sum, err := p.Sum(ctx)
			k.must(err)
			equal(k, "sum", sum, manifest.DigestOf([]byte("hello")))
			b := make([]byte, 3)
			_, err = p.ReadAt(b, 1)
			k.must(err)
			equal(k, "read", string(b), "ell")
			k.must(p.Close())
			k.reopen()
		}
		p, err := k.OpenPartial("s", one)
		k.must(err)
		_, err = io.WriteString(p, " there")
		k.must(err)
		sum, err := p.Sum(ctx)
		k.must(err)
		equal(k, "sum", sum, manifest.DigestOf([]byte("hello there")))
		k.must(p.Remove())
		got, err = k.Staged(ctx, "s")
		k.must(err)
		if !maps.Equal(got, map[manifest.Digest]int64{two: 0}) {
			k.Errorf("staged after a removal: %v", got)
		}
		p, err = k.OpenPartial("s", one)
		k.must(err)
		equal(k, "size after a removal", p.Size(), 0)
		_, err = io.WriteString(p, "anew")
		k.must(err)
		sum, err = p.Sum(ctx)
		k.must(err)
		equal(k, "sum", sum, manifest.DigestOf([]byte("anew")))
		k.must(p.Close())
	}},
	{"Release drops what is staged", func(k *kit) {
		p, err := k.OpenPartial("s", manifest.Digest{1})
		k.must(err)
		io.WriteString(p, "part")
		k.must(p.Close())
		k.must(k.Release(ctx, "s"))
		p, err = k.OpenPartial("s", manifest.Digest{1})
		k.must(err)
		equal(k, "size", p.Size(), 0)
		k.must(p.Close())
	}},
}
