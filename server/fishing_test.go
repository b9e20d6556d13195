package server_test

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
	"github.com/pubsync/pubsync/sync/wire/connect"
)

// ask opens a session and asks for the digests, as files of 5000 bytes. It
// returns the frames of the answer after the opening.
func (s *site) ask(bearer string, ds []manifest.Digest) []byte {
	s.t.Helper()
	return s.give(bearer, ds, wire.AppendDigests)
}

// give is ask with digests in a frame of any kind.
func (s *site) give(bearer string, ds []manifest.Digest, frame func([]byte, []wire.Digest) []byte) []byte {
	s.t.Helper()
	var l manifest.List
	var asked []wire.Digest
	for i, d := range ds {
		l = append(l, manifest.Entry{Path: manifest.Path(fmt.Sprintf("f%05d", i)), Kind: manifest.File, Mode: 0o644, Size: 5000})
		asked = append(asked, wire.Digest{Index: i, Digest: d})
	}
	secret := connect.NewSessionSecret()
	body := wire.AppendOpen(nil, wire.Open{
		Version: wire.Version, Entries: len(l), Files: len(l), TreeDigest: l.TreeDigest(), Checksum: true,
	})
	body = frame(wire.AppendList(body, 0, l), asked)
	status, _, answer := s.post("POST", wire.SessionsPath, bearer, map[string]string{
		"Content-Type": wire.ContentType, wire.SessionHeader: secret,
	}, string(body))
	if status != 201 {
		s.t.Fatalf("%d %s", status, answer)
	}
	_, rest, ok := cutFrame([]byte(answer))
	if !ok {
		s.t.Fatal("no opened frame")
	}
	return rest
}

// cutFrame splits the first frame, shorter than 16 KiB, off b.
func cutFrame(b []byte) (frame, rest []byte, ok bool) {
	if len(b) < 3 {
		return nil, nil, false
	}
	n, head := int(b[1]), 2
	if n >= 0x80 {
		n, head = n&0x7f|int(b[2])<<7, 3
	}
	if len(b) < head+n {
		return nil, nil, false
	}
	return b[:head+n], b[head+n:], true
}

// TestFishing asks for the digests of private files and for random ones
// (threats, row 24): the answers are the same bytes, they are counted, and a
// token that goes on asking and sends nothing raises an alert.
func TestFishing(t *testing.T) {
	s := newSite(t)
	s.builder(s.issue(token.Grant{Target: "private/1"}), s.fill(6)).mustPush()
	var private, random []manifest.Digest
	s.check(s.store.Walk(t.Context(), "private/1", store.Latest, func(e manifest.Entry) error {
		if e.Kind == manifest.File {
			private = append(private, e.Digest)
			random = append(random, sha256.Sum256([]byte(e.Path)))
		}
		return nil
	}))
	bearer := s.issue(token.Grant{Target: "open/1", Publications: 10})
	absent, hidden := s.ask(bearer, random), s.ask(bearer, private)
	if string(absent) != string(hidden) {
		t.Errorf("absent and private content are told apart:\n%x\n%x", absent, hidden)
	}
	if _, ok := s.kinds.Load(token.AlertFishing); ok {
		t.Errorf("an alert after %d digests", 2*len(random))
	}
	// Nor does it help to give them along with content that does not come.
	absent, hidden = s.give(bearer, random[:1], wire.AppendAlong), s.give(bearer, private[:1], wire.AppendAlong)
	if string(absent) != string(hidden) || len(absent) > len(s.give(bearer, nil, wire.AppendAlong))+8 {
		t.Errorf("digests along with content are answered with %x and %x", absent, hidden)
	}
	if _, ok := s.kinds.Load(token.AlertFishing); ok {
		t.Errorf("an alert after %d digests", 2*len(random)+2)
	}
	s.give(bearer, private, wire.AppendAlong)
	if _, ok := s.kinds.Load(token.AlertFishing); !ok {
		t.Errorf("no alert after %d digests", 3*len(random)+2)
	}
	// Who may read it is told.
	reader := s.issue(token.Grant{Target: "open/2", Reads: []manifest.Path{"private"}, Verbs: token.Publish | token.Link})
	if string(s.ask(reader, private)) == string(hidden) {
		t.Error("content that the token may read is answered as absent")
	}
}

// TestHonestBuildersDoNotFish pushes more files with one token than the alert
// is set to, most of them alike, so that each content is sent once and asked
// about often.
func TestHonestBuildersDoNotFish(t *testing.T) {
	s := newSite(t)
	bearer := s.issue(token.Grant{Target: "a", Publications: 10})
	for i := range 4 {
		dir := t.TempDir()
		for j := range 60 {
			s.write(dir, fmt.Sprint("f", j), []byte{byte(i), byte(j % 2)})
		}
		s.write(dir, "large", noise(rand.New(rand.NewPCG(uint64(i), 2)), 1<<20)) // too much to send without asking
		b := s.builder(bearer, dir)
		b.opts.Target = manifest.Path(fmt.Sprint("a/", i))
		b.mustPush()
	}
	if _, ok := s.kinds.Load(token.AlertFishing); ok {
		t.Error("an honest builder raised an alert")
	}
}
