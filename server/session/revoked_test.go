package session_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"testing"

	"github.com/pubsync/pubsync/server/session"
	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

var errRevoked = errors.New("revoked")

// fading may go on for so many frames.
type fading struct {
	bearer
	frames *int
}

func (f fading) Live() error {
	if *f.frames--; *f.frames < 0 {
		return errRevoked
	}
	return nil
}

// A token that is revoked while a request is read cuts it at the next frame,
// whatever the frame is, and a commit that comes without frames.
func TestRevokedWithinARequest(t *testing.T) {
	s := newServer(t)
	contents := [][]byte{noise(1, 100), noise(2, 100), noise(3, 100)}
	l := manifest.List{file("a", contents[0]), file("b", contents[1]), file("c", contents[2])}
	s.open(l)
	s.mustExchange(wire.AppendList(nil, 0, l), digests(l))
	var body []byte
	for i, c := range contents {
		body = append(body, wire.AppendFile(nil, wire.File{Index: i, Content: c})...)
	}
	body = append(body, commit(l)...)
	for _, frames := range []int{0, 1, 2, 3} {
		left := frames
		if _, err := s.engine.Exchange(t.Context(), fading{frames: &left}, s.session, s.secret, bytes.NewReader(slices.Clone(body))); !errors.Is(err, errRevoked) {
			t.Errorf("revoked after %d frames: %v", frames, err)
		}
	}
	s.mustExchange(body[:len(body)-len(commit(l))])
	left := 0
	if _, err := s.engine.Commit(t.Context(), fading{frames: &left}, s.session, s.secret, wire.Commit{ManifestDigest: l.ManifestDigest()}); !errors.Is(err, errRevoked) {
		t.Errorf("revoked before a commit alone: %v", err)
	}
	if v, err := s.store.Version(t.Context()); err != nil || v != 0 {
		t.Errorf("version %d, %v", v, err)
	}
	s.receipt(s.mustExchange(body))
}

// So is a file that comes in by itself: nothing more of it is read.
func TestRevokedWithinAFile(t *testing.T) {
	s := newServer(t)
	s.secret = "secret"
	hash := sha256.Sum256([]byte(s.secret))
	opened, err := s.engine.Open(t.Context(), bearer{}, wire.Open{Version: wire.Version, SessionHash: hex.EncodeToString(hash[:]), ByFile: true})
	if err != nil {
		t.Fatal(err)
	}
	content := noise(1, 3000)
	p := session.Placement{Path: "f", Digest: manifest.DigestOf(content), Size: int64(len(content)), Length: int64(len(content))}
	body, left := bytes.NewReader(content), 1
	_, err = s.engine.Put(t.Context(), fading{frames: &left}, store.SessionID(opened.Session), s.secret, p, body)
	if !errors.Is(err, errRevoked) || body.Len() != len(content) {
		t.Errorf("%v, %d of %d bytes left", err, body.Len(), len(content))
	}
	if _, err := s.engine.Put(t.Context(), bearer{}, store.SessionID(opened.Session), s.secret, p, body); err != nil {
		t.Error(err)
	}
}
