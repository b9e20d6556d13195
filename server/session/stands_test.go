package session_test

import (
	"testing"

	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// The commit is told what was seen to stand, so that it need not look again: what the
// list or an outline showed, and not what was amended, got another digest or other
// stats since.
func TestStands(t *testing.T) {
	s := newServer(t)
	is := func(what string, want int) {
		t.Helper()
		if s.store.standing != want {
			t.Errorf("%s: %d entries stand, want %d", what, s.store.standing, want)
		}
	}
	dir := manifest.Entry{Path: "d", Kind: manifest.Dir, Mode: 0o755}
	l := manifest.List{dir, file("d/a", []byte("a")), file("d/b", []byte("b")), file("d/c", []byte("c"))}
	s.open(l)
	body := wire.AppendList(nil, 0, l)
	for i, c := range []string{"a", "b", "c"} {
		body = append(body, wire.AppendDigests(nil, []wire.Digest{{Index: i + 1, Digest: l[i+1].Digest}})...)
		body = wire.AppendFile(body, wire.File{Index: i + 1, Content: []byte(c)})
	}
	s.receipt(s.mustExchange(body, commit(l)))
	is("of nothing", 0)

	changed := append(manifest.List(nil), l...)
	changed[3].Mode ^= 0o100
	s.open(changed)
	s.receipt(s.mustExchange(wire.AppendList(nil, 0, changed), commit(changed)))
	is("of a list with another mode", 3)

	changed[1] = file("d/a", []byte("other"))
	changed[1].MTime++
	s.open(changed)
	s.mustExchange(wire.AppendList(nil, 0, changed))
	changed[0].MTime += 7
	changed[2].MTime += 7
	s.mustExchange(wire.AppendAmend(nil, 0, changed[0]), wire.AppendAmend(nil, 2, changed[2]))
	s.receipt(s.mustExchange(digests(changed), wire.AppendFile(nil, wire.File{Index: 1, Content: []byte("other")}), commit(changed)))
	is("of a list two of which are amended", 1)

	changed[0].MTime++
	s.open(changed)
	s.mustExchange(wire.AppendOutline(nil, wire.Outline{Cut: 16, Groups: changed.Groups(16)}))
	s.receipt(s.mustExchange(wire.AppendStats(nil, 0, changed, true), commit(changed)))
	is("of a group with another time of a directory", 3)
}

// Of a group that stands but for stats those stand whose stats are told as they were.
func TestStandsButForStats(t *testing.T) {
	s := newServer(t)
	l := make(manifest.List, 1100)
	s.standsOtherwise(l)
	rest := append(manifest.List(nil), l...)
	rest[0].Kind = manifest.Dir // digests passes over it
	s.receipt(s.mustExchange(wire.AppendStats(nil, 0, l, false), digests(rest), commit(l)))
	if s.store.standing != 1 {
		t.Errorf("%d entries stand, want 1", s.store.standing)
	}
}
