package session_test

import (
	"slices"
	"testing"

	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// A file is delta'd against the newest earlier build beside its own, wherever in
// its type that is, before it is against those of other lines.
func TestBasisFromTheOwnLine(t *testing.T) {
	s := newServer(t)
	publish := func(target manifest.Path, content []byte) manifest.Digest {
		l := manifest.List{file("f", content)}
		s.openAt(target, l)
		s.receipt(s.mustExchange(wire.AppendList(nil, 0, l), digests(l), wire.AppendFile(nil, wire.File{Content: content}), commit(l)))
		return l[0].Digest
	}
	publish("android/panda/40", noise(1, 3000))
	panda := publish("android/panda/41", noise(2, 3000))
	publish("android/flame/7", noise(3, 3000))
	newest := publish("android/9", noise(4, 3000))
	for target, want := range map[manifest.Path]manifest.Digest{"android/panda/42": panda, "android/10": newest, "android/bonito/1": newest} {
		l := manifest.List{file("f", noise(5, 3000))}
		s.openAt(target, l)
		var got []wire.Basis
		for _, f := range s.mustExchange(wire.AppendList(nil, 0, l), digests(l)) {
			if f.Type != wire.FrameVerdicts {
				continue
			}
			vs, err := wire.ParseVerdicts(f.Payload)
			if err != nil || len(vs) != 1 {
				t.Fatal(vs, err)
			}
			got = vs[0].Bases
		}
		if len(got) != 1 || !got[0].Is(wire.Basis{Digest: want}) {
			t.Errorf("%s: bases %v, want %v", target, got, want)
		}
	}
}

// An archive without a predecessor may be made of several that lie beside it.
func TestSeveralBasesForAnArchive(t *testing.T) {
	s := newServer(t)
	l := manifest.List{
		file("lib/a.tar.gz", noise(1, 9000)), file("lib/app-core.tar.gz", noise(2, 8000)), file("lib/app-core.tar.gz.sig", noise(3, 200)),
		file("lib/app-docs.tar.gz", noise(4, 9000)), file("lib/app.zip", noise(5, 9000)), file("other/b.tar.gz", noise(6, 9000)),
	}
	s.openAt("t", l)
	frames := wire.AppendList(nil, 0, l)
	frames = append(frames, digests(l)...)
	for i, n := range []int{9000, 8000, 200, 9000, 9000, 9000} {
		frames = wire.AppendFile(frames, wire.File{Index: i, Content: noise(byte(i+1), n)})
	}
	s.receipt(s.mustExchange(frames, commit(l)))
	bases := func(name manifest.Path, size int) (got []wire.Basis) {
		l := manifest.List{file(name, noise(7, size))}
		s.openAt("t", l)
		for _, f := range s.mustExchange(wire.AppendList(nil, 0, l), digests(l)) {
			if f.Type != wire.FrameVerdicts {
				continue
			}
			vs, err := wire.ParseVerdicts(f.Payload)
			if err != nil || len(vs) != 1 {
				t.Fatal(vs, err)
			}
			got = vs[0].Bases
		}
		return got
	}
	want := []manifest.Digest{l[3].Digest, l[1].Digest, l[0].Digest}
	if got := bases("lib/app-all.tar.gz", 300_000); !slices.EqualFunc(got, want, func(b wire.Basis, d manifest.Digest) bool { return b.Is(wire.Basis{Digest: d}) }) {
		t.Errorf("bases %v, want those of the same first word, the largest first, then the other archive: %v", got, want)
	}
	for name, size := range map[manifest.Path]int{"lib/app-all.tar.gz": 200_000, "lib/app-all.bin": 300_000, "new/app-all.tar.gz": 300_000} {
		if got := bases(name, size); len(got) > 0 {
			t.Errorf("%s of %d bytes: bases %v, want none", name, size, got)
		}
	}
}
