package session_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// standsOtherwise publishes a tree, opens a session for the same with other stats of
// all files, and has its outline answered: all groups stand but for these.
func (s *server) standsOtherwise(l manifest.List) {
	s.Helper()
	var files []byte
	for i := range 1100 {
		content := fmt.Appendf(nil, "content %d", i)
		l[i] = file(manifest.Path(fmt.Sprintf("f%04d", i)), content)
		files = wire.AppendFile(files, wire.File{Index: i, Content: content})
	}
	s.open(l)
	s.receipt(s.mustExchange(wire.AppendList(nil, 0, l), digests(l), files, commit(l)))
	for i := range l {
		l[i].MTime += 5
	}
	l[0].MTime -= 5 // but one
	s.open(l)
	answer := s.mustExchange(wire.AppendOutline(nil, wire.Outline{Cut: 16, Groups: l.Groups(16)}))
	o, err := wire.ParseOutlined(answer[0].Payload, 1<<12)
	if err != nil || len(o.Groups) != 1 || o.Groups[0] != wire.OtherStats {
		s.Fatal(o, err)
	}
}

// Files of a group that stands but for stats have no content until these are told. Then
// those that are as they were have it, and the others need a digest, however often it is
// told.
func TestStats(t *testing.T) {
	s := newServer(t)
	l := make(manifest.List, 1100)
	s.standsOtherwise(l)
	if _, err := s.exchange(commit(l)); !errors.Is(err, &wire.Error{Code: wire.CodeIncomplete}) {
		t.Errorf("a commit without stats: %v", err)
	}
	longer := []byte("content that grew")
	l[7] = file(l[7].Path, longer)
	stats := wire.AppendStats(nil, 0, l, false)
	for range 2 {
		_, n, bits, err := wire.ParseUnsettled(s.mustExchange(stats)[0].Payload)
		if err != nil || n != len(l) || bits[0] != 0xfe || bits[1] != 0xff {
			t.Fatalf("needs a digest: %x, %v", bits, err)
		}
	}
	given := make([]bool, len(l))
	for i := 1; i < len(l); i++ {
		given[i] = true
	}
	rest := append(manifest.List(nil), l...)
	rest[0].Kind = manifest.Dir // digests passes over it
	answer := s.mustExchange(digests(rest), wire.AppendFile(nil, wire.File{Index: 7, Content: longer}),
		wire.AppendCommit(nil, wire.Commit{ManifestDigest: l.AnnouncedDigest(given)}))
	if r := s.receipt(answer); r.Replaced != len(l)-1 {
		t.Errorf("%d entries replaced", r.Replaced)
	}
	if got := s.published("t/f0007"); string(got) != string(longer) {
		t.Errorf("published: %q", got)
	}
	if got := s.published("t/f0000"); string(got) != "content 0" {
		t.Errorf("published: %q", got)
	}
}

// Stats settle only files of known groups that wait for them: by them nobody comes to
// content that was named before, nor changes what was listed.
func TestStatsSettleNothingElse(t *testing.T) {
	bad := &wire.Error{Code: wire.CodeBadRequest}
	for name, frames := range map[string]func(manifest.List) []byte{
		"a digest first": func(l manifest.List) []byte {
			return wire.AppendDigests(nil, []wire.Digest{{Index: 0, Digest: manifest.DigestOf([]byte("of others"))}})
		},
		"amended first": func(l manifest.List) []byte {
			e := l[0]
			e.Size = 1 << 30
			return wire.AppendAmend(nil, 0, e)
		},
		"told already": func(l manifest.List) []byte {
			other := append(manifest.List(nil), l...)
			other[3].Size++
			return wire.AppendStats(nil, 0, other, false)
		},
		"a time out of range": func(l manifest.List) []byte {
			l[2].MTime = -1 << 63
			return nil
		},
	} {
		s := newServer(t)
		l := make(manifest.List, 1100)
		s.standsOtherwise(l)
		if before := frames(l); before != nil {
			s.mustExchange(before)
		}
		if _, err := s.exchange(wire.AppendStats(nil, 0, l, false)); !errors.Is(err, bad) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s := newServer(t)
	l := make(manifest.List, 1100)
	s.standsOtherwise(l)
	for name, b := range map[string][]byte{
		"too few sizes":  {0, 2, 2, 1, 1, 1},
		"too many sizes": {0, 1, 2, 1, 1, 1},
	} {
		if _, err := s.exchange(wire.AppendFrame(nil, wire.FrameStats, b)); !errors.Is(err, bad) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.exchange(wire.AppendStats(nil, 1, l, false)); !errors.Is(err, &wire.Error{Code: wire.CodeListNeeded}) {
		t.Errorf("beyond the list: %v", err)
	}
	s.open(l)
	s.mustExchange(wire.AppendList(nil, 0, l))
	l[5].MTime++
	if _, err := s.exchange(wire.AppendStats(nil, 0, l, false)); !errors.Is(err, bad) {
		t.Errorf("of what was listed: %v", err)
	}
}
