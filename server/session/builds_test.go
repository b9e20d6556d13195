package session_test

import (
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
