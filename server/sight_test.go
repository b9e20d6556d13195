package server_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/pubsync/pubsync/delta"
	"github.com/pubsync/pubsync/delta/codec"
	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// TestPrivateBases asks for the signatures of a private file, of its views, and
// has a part copy from it (threats, rows 22 and 23): all is answered as for a
// digest that nobody has.
func TestPrivateBases(t *testing.T) {
	s := newSite(t)
	secret := bytes.Repeat([]byte("what only some may read, "), 2000)
	s.publish("private/1", "", string(secret))
	answers := map[manifest.Digest]string{}
	private, absent := manifest.DigestOf(secret), manifest.DigestOf([]byte("absent"))
	for _, d := range []manifest.Digest{absent, private} {
		c := s.thin(s.issue(token.Grant{Target: "open/1"}))
		content := []byte("a file of somebody else, as long as need be")
		l := manifest.List{{Path: "f", Kind: manifest.File, Mode: 0o644, Size: int64(len(content))}}
		body := wire.AppendOpen(nil, wire.Open{
			Version: wire.Version, Entries: 1, Files: 1, Bytes: l[0].Size, TreeDigest: l.TreeDigest(), Checksum: true,
		})
		body = wire.AppendList(body, 0, l)
		body = wire.AppendDigests(body, []wire.Digest{{Index: 0, Digest: manifest.DigestOf(content)}})
		for _, view := range []wire.View{wire.Raw, wire.Plain, wire.Recipe} {
			for _, named := range []bool{false, true} {
				body = wire.AppendSign(body, wire.Sign{Index: 0, Basis: wire.Basis{Digest: d, View: view, Named: named}, Total: l[0].Size})
			}
		}
		ops := []delta.Op{{Basis: 0, Off: 0, Len: l[0].Size}}
		src := delta.Source{ReaderAt: bytes.NewReader(content), Size: l[0].Size}
		part, _, err := codec.NewCoder().NewEncoder(src, ops, codec.EncodeOptions{NumBases: 1}).Next(nil)
		s.check(err)
		body = wire.AppendPart(body, wire.Part{Index: 0, Total: l[0].Size, Bases: []wire.Basis{{Digest: d}}, Body: part})
		status, _, answer := c.do("POST", "", string(body), "Content-Type", wire.ContentType)
		_, rest, ok := cutFrame([]byte(answer))
		if status != 201 || !ok {
			t.Fatalf("%d %q", status, answer)
		}
		answers[d] = strings.ReplaceAll(strings.ReplaceAll(string(rest), string(d[:]), "DIGEST"), string(d[:2]), "NAME")
	}
	if answers[private] != answers[absent] {
		t.Errorf("private: %q\nabsent: %q", answers[private], answers[absent])
	}
}

// TestDenied refuses addresses that are configured so, whatever they ask for.
func TestDenied(t *testing.T) {
	s := newSite(t)
	s.deny = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	bearer := s.issue(token.Grant{Target: "a/1"})
	s.restart()
	for _, path := range []string{"/healthz", "/files/", "/v1/tokens"} {
		if status, code, _ := s.post("GET", path, bearer, nil, ""); status != 403 || code != wire.CodeSourceDenied {
			t.Errorf("%s: %d %s", path, status, code)
		}
	}
}

// TestByFileRevoked revokes a token while the content of a file comes in.
func TestByFileRevoked(t *testing.T) {
	s := newSite(t)
	bearer := s.issue(token.Grant{Target: "a/1"})
	c := s.thin(bearer)
	c.open()
	content := noise(rand.New(rand.NewPCG(3, 1)), 600_000)
	r, w := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), "PUT", s.http.URL+wire.SessionsPath+"/"+c.session+"/files/f", r)
	s.check(err)
	req.ContentLength = int64(len(content))
	req.Header.Set("Authorization", "Bearer "+bearer)
	req.Header.Set(wire.SessionHeader, c.secret)
	req.Header.Set(wire.DigestHeader, manifest.DigestOf(content).String())
	go func() {
		_, _ = w.Write(content[:300_000])
		_ = s.tokens.Revoke(t.Context(), s.by, accessorOf(bearer))
		_, _ = w.Write(content[300_000:])
		w.Close()
	}()
	resp, err := s.http.Client().Do(req)
	if err == nil {
		resp.Body.Close()
		if resp.StatusCode != 401 {
			t.Errorf("%s", resp.Status)
		}
	}
	if status, code, _ := c.commit(); status != 401 || code != wire.CodeTokenInvalid {
		t.Errorf("commit: %d %s", status, code)
	}
}

// TestListsAreChecked commits a tree in which a file lies below a file.
func TestListsAreChecked(t *testing.T) {
	s := newSite(t)
	c := s.thin(s.issue(token.Grant{Target: "a/1"}))
	c.open()
	c.upload("a", []byte("a file"))
	c.upload("a/b", []byte("a file below it"))
	if status, code, body := c.commit(); status != 400 {
		t.Errorf("%d %s %s", status, code, body)
	}
	if s.publications() != 0 {
		t.Error("it was published")
	}
}

// TestRevokedBetweenFrames revokes a token after the first frame of a request
// (threats, row 9): the second has no effect.
func TestRevokedBetweenFrames(t *testing.T) {
	s := newSite(t)
	bearer := s.issue(token.Grant{Target: "a/1"})
	c := s.thin(bearer)
	l := manifest.List{{Path: "f", Kind: manifest.File, Mode: 0o644, Size: 3}}
	open := wire.AppendOpen(nil, wire.Open{
		Version: wire.Version, Entries: 1, Files: 1, Bytes: 3, TreeDigest: l.TreeDigest(), Checksum: true,
	})
	r, w := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), "POST", s.http.URL+wire.SessionsPath, r)
	s.check(err)
	req.Header.Set("Authorization", "Bearer "+bearer)
	req.Header.Set("Content-Type", wire.ContentType)
	req.Header.Set(wire.SessionHeader, c.secret)
	go func() {
		_, _ = w.Write(wire.AppendList(open, 0, l))
		_ = s.tokens.Revoke(t.Context(), s.by, accessorOf(bearer))
		_, _ = w.Write(wire.AppendDigests(nil, []wire.Digest{{Index: 0, Digest: manifest.DigestOf([]byte("abc"))}}))
		w.Close()
	}()
	resp, err := s.http.Client().Do(req)
	if err != nil {
		return // cut off
	}
	resp.Body.Close()
	if resp.StatusCode != 401 {
		t.Errorf("%s", resp.Status)
	}
}
