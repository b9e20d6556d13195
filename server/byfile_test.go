package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
	"github.com/pubsync/pubsync/sync/wire/connect"
)

// A thin client speaks to the server as curl would, one file at a time.
type thin struct {
	*site
	bearer, secret, session string
}

func (s *site) thin(bearer string) *thin {
	return &thin{site: s, bearer: bearer, secret: connect.NewSessionSecret()}
}

// do sends a request of the session and returns status, code and body.
func (c *thin) do(method, path, body string, header ...string) (int, wire.Code, string) {
	c.t.Helper()
	h := map[string]string{wire.SessionHeader: c.secret}
	for i := 0; i+1 < len(header); i += 2 {
		h[header[i]] = header[i+1]
	}
	return c.post(method, wire.SessionsPath+path, c.bearer, h, body)
}

func (c *thin) open() (int, wire.Code) {
	c.t.Helper()
	hash := connect.HashSession(c.secret)
	status, code, body := c.do("POST", "", fmt.Sprintf(`{"version":1,"by_file":true,"session_hash":"%x"}`, hash[:]))
	var o wire.Opened
	_ = json.Unmarshal([]byte(body), &o)
	c.session = o.Session
	return status, code
}

func (c *thin) upload(path string, content []byte, header ...string) (int, wire.Code) {
	c.t.Helper()
	status, code, _ := c.do("PUT", "/"+c.session+"/files/"+path, string(content), append(header, wire.DigestHeader, manifest.DigestOf(content).String())...)
	return status, code
}

func (c *thin) link(path string, d manifest.Digest) (int, wire.Code) {
	c.t.Helper()
	status, code, _ := c.do("POST", "/"+c.session+"/links/"+path, "", wire.DigestHeader, d.String())
	return status, code
}

func (c *thin) commit() (int, wire.Code, string) {
	c.t.Helper()
	return c.do("POST", "/"+c.session+"/commit", "{}")
}

// TestByFileThroughRestarts publishes file by file, each request sent twice as
// by a client that lost the answer, with a restart of the server before each.
func TestByFileThroughRestarts(t *testing.T) {
	s := newSite(t)
	r := rand.New(rand.NewPCG(1, 2))
	small, large := text(r, 3000), noise(r, 700_000)
	c := s.thin(s.issue(token.Grant{Target: "a/1"}))
	twice := func(name string, f func() (int, wire.Code), want int) {
		t.Helper()
		for range 2 {
			s.restart()
			if status, code := f(); status != want {
				t.Fatalf("%s: %d %s, want %d", name, status, code, want)
			}
		}
	}
	partOf := func(path string, content []byte, from, to int) func() (int, wire.Code) {
		return func() (int, wire.Code) {
			status, code, _ := c.do("PUT", "/"+c.session+"/files/"+path, string(content[from:to]), wire.DigestHeader, manifest.DigestOf(content).String(),
				"Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to-1, len(content)))
			return status, code
		}
	}
	part := func(from, to int) func() (int, wire.Code) { return partOf("large", large, from, to) }
	other := text(r, 5000)
	twice("open", c.open, 201)
	twice("small", func() (int, wire.Code) {
		return c.upload("dir/small", small, wire.ModeHeader, "755", wire.MTimeHeader, "1234567890")
	}, 201)
	twice("link", func() (int, wire.Code) { return c.link("again", manifest.DigestOf(small)) }, 201)
	twice("part 1", part(0, 300_000), 202)
	twice("open again", c.open, 201)
	twice("part 2", part(300_000, 650_000), 202)
	twice("part 3", part(650_000, len(large)), 201)
	twice("part 1 of a small file", partOf("other", other, 0, 3000), 202)
	twice("part 2 of a small file", partOf("other", other, 3000, len(other)), 201)
	var receipts [2]string
	for i := range receipts {
		s.restart()
		status, code, body := c.commit()
		if status != 200 {
			t.Fatalf("commit: %d %s %s", status, code, body)
		}
		receipts[i] = body
	}
	if receipts[0] != receipts[1] || s.publications() != 1 {
		t.Errorf("receipts %s and %s, %d publications", receipts[0], receipts[1], s.publications())
	}
	for path, want := range map[manifest.Path][]byte{"dir/small": small, "again": small, "large": large, "other": other} {
		e, err := s.store.Lookup(t.Context(), manifest.Path("a/1").Join(path), store.Latest)
		s.check(err)
		if !bytes.Equal(s.content(e), want) {
			t.Errorf("%s: other content", path)
		}
		if path == "dir/small" && (e.Mode != 0o755 || e.MTime != 1234567890) {
			t.Errorf("%s: %+v", path, e)
		}
	}
	if status, code := c.upload("late", small); status != 409 || code != wire.CodeTokenConsumed {
		t.Errorf("a file after the commit: %d %s", status, code)
	}
}

// TestByFileSeesNoMore holds private content as absent (threats, rows 22 and
// 24), also for those who name a file by its digest alone.
func TestByFileSeesNoMore(t *testing.T) {
	s := newSite(t)
	secret := []byte("content that only some may read")
	owner := s.thin(s.issue(token.Grant{Target: "private/1"}))
	owner.open()
	owner.upload("f", secret)
	if status, code, _ := owner.commit(); status != 200 {
		t.Fatalf("commit: %d %s", status, code)
	}
	c := s.thin(s.issue(token.Grant{Target: "open/1"}))
	c.open()
	answers := map[string]bool{}
	for _, d := range []manifest.Digest{manifest.DigestOf(secret), manifest.DigestOf([]byte("nothing like it"))} {
		_, _, found := c.do("GET", "/"+c.session+"/content/"+d.String(), "")
		_, _, linked := c.do("POST", "/"+c.session+"/links/f", "", wire.DigestHeader, d.String())
		answers[string(bytes.ReplaceAll([]byte(found+linked), []byte(d.String()), nil))] = true
	}
	if len(answers) != 1 {
		t.Errorf("private and absent content are told apart: %v", answers)
	}
	if status, code := c.link("f", manifest.DigestOf(secret)); status != 404 || code != wire.CodeNotFound {
		t.Errorf("%d %s", status, code)
	}
	for i := range 200 { // a token that only asks raises an alert
		c.link("f", manifest.DigestOf([]byte{byte(i)}))
	}
	if _, ok := s.kinds.Load(token.AlertFishing); !ok {
		t.Error("no alert")
	}
	// Who sends it has it.
	if status, code := c.upload("f", secret); status != 201 {
		t.Errorf("%d %s", status, code)
	}
}

// TestByFileBudgets counts what is put, and what is put again at the same path
// once.
func TestByFileBudgets(t *testing.T) {
	s := newSite(t)
	c := s.thin(s.issue(token.Grant{Target: "a/1", Files: 2, Bytes: 100}))
	c.open()
	for i, x := range []struct {
		path   string
		size   int
		status int
		code   wire.Code
	}{
		{"a", 101, 413, wire.CodeBytesExhausted}, {"a", 60, 201, ""}, {"a", 50, 201, ""}, {"b", 51, 413, wire.CodeBytesExhausted},
		{"b", 50, 201, ""}, {"c", 0, 403, wire.CodeFilesExhausted}, {"b", 1, 201, ""},
	} {
		if status, code := c.upload(x.path, bytes.Repeat([]byte{byte(i)}, x.size)); status != x.status || code != x.code {
			t.Errorf("%d: %s of %d bytes: %d %s, want %d %s", i, x.path, x.size, status, code, x.status, x.code)
		}
	}
	if status, code, body := c.commit(); status != 200 {
		t.Errorf("commit: %d %s %s", status, code, body)
	}
}
