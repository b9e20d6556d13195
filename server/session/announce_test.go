package session_test

import (
	"errors"
	"testing"

	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// The beginning of the manifest digest commits what was told whole. Once anything was told
// by sums or short digests, of which two may begin alike, it takes all of the digest.
func TestShortCommits(t *testing.T) {
	content := []byte("content of a file")
	l := manifest.List{file("f", content)}
	short := func(l manifest.List) []byte {
		return wire.AppendCommit(nil, wire.Commit{ManifestDigest: l.ManifestDigest(), Short: true})
	}
	mismatch := &wire.Error{Code: wire.CodeManifestMismatch}
	told := [][]byte{wire.AppendList(nil, 0, l), digests(l), wire.AppendFile(nil, wire.File{Index: 0, Content: content})}

	s := newServer(t)
	s.open(l)
	s.mustExchange(told...)
	if _, err := s.exchange(short(manifest.List{file("f", []byte("other content"))})); !errors.Is(err, mismatch) {
		t.Errorf("the beginning of another digest: %v", err)
	}
	r := s.receipt(s.mustExchange(short(l)))
	if !r.ManifestDigest.IsZero() || r.Publication != 1 {
		t.Errorf("%+v", r) // the digest is the one announced
	}

	for name, frame := range map[string][]byte{
		"an outline":    wire.AppendOutline(nil, wire.Outline{Cut: 16, Groups: l.Groups(16)}),
		"short digests": wire.AppendShort(nil, []wire.Short{wire.ShortOf(wire.Digest{Index: 0, Digest: l[0].Digest})}),
	} {
		s := newServer(t)
		s.open(l)
		if name == "an outline" {
			s.mustExchange(append([][]byte{frame}, told...)...)
		} else {
			s.mustExchange(told...)
			s.mustExchange(frame)
		}
		if _, err := s.exchange(short(l)); !errors.Is(err, mismatch) {
			t.Errorf("after %s: %v", name, err)
		}
		s.receipt(s.mustExchange(commit(l)))
	}
}
