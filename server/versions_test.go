package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pubsync/pubsync/server/session"
	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// request sends a request with a bearer and session secret and returns the answer.
func (s *site) request(method, path, body, bearer, secret string) (status int, answer string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.http.URL+path, strings.NewReader(body))
	s.check(err)
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	if secret != "" {
		r.Header.Set(wire.SessionHeader, secret)
	}
	resp, err := s.http.Client().Do(r)
	s.check(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	s.check(err)
	return resp.StatusCode, string(b)
}

// twoVersions publishes a file twice with different content.
func (s *site) twoVersions(target string) {
	s.t.Helper()
	dir := s.t.TempDir()
	bearer := s.issue(token.Grant{Target: manifest.Path(target), Publications: 2, Overwrite: true})
	for i := range 2 {
		s.check(os.WriteFile(filepath.Join(dir, "f"), bytes.Repeat([]byte("x"), 10+i), 0o644))
		_, err := s.builder(bearer, dir).push(s.t.Context())
		s.check(err)
	}
}

// Repeating a rollback with the same secret, as after a lost answer, gets the
// same receipt; another secret finds the token spent.
func TestRollbackByTokenIsOnePublication(t *testing.T) {
	s := newSite(t)
	s.twoVersions("p/1")
	bearer := s.issue(token.Grant{Target: "p/1", Overwrite: true})
	var first string
	for i, c := range []struct {
		secret string
		status int
	}{{"one", 200}, {"one", 200}, {"two", 409}, {"", 400}} {
		status, answer := s.request(http.MethodPost, "/v1/rollback/p/1", `{"to":1}`, bearer, c.secret)
		if status != c.status || status == 200 && i > 0 && answer != first {
			t.Errorf("%q: %d %s", c.secret, status, answer)
		}
		if i == 0 {
			first = answer
		}
	}
	var r wire.Receipt
	s.check(json.Unmarshal([]byte(first), &r))
	if r.Publication != 3 || r.Replaced != 1 {
		t.Errorf("receipt: %+v", r)
	}
	v, err := s.store.Version(t.Context())
	s.check(err)
	e, err := s.store.Lookup(t.Context(), "p/1/f", store.Latest)
	s.check(err)
	if v != 3 || e.Size != 10 {
		t.Errorf("version %d, %d bytes", v, e.Size)
	}
}

// A rollback is bounded as a push is: by what the owner may keep, by the disk's
// room for its entries, by the token's bytes. It says what was asked and what is
// left, and changes nothing. What is on the account already costs nothing.
func TestRollbackAsksForSpace(t *testing.T) {
	s := newSite(t, func(s *site) {
		s.disk = 100_000_000
		s.quotas = []session.Quota{{Name: "the scheduler", Holder: store.Holder{Owner: "other"}, Bytes: 100_000}}
	})
	dir := t.TempDir()
	bearer := s.issue(token.Grant{Target: "p/1", Publications: 2, Overwrite: true})
	for i := range 2 { // versions 1 and 2
		s.write(dir, "f", noise(rand.New(rand.NewPCG(uint64(i), 5)), 150_000))
		s.builder(bearer, dir).mustPush()
	}
	rollback := func(by token.Scheduler, bytes int64) (int, wire.Error) {
		bearer, _, err := s.tokens.Issue(t.Context(), by, token.Grant{Target: "p/1", Overwrite: true, Bytes: bytes}, token.IssueOptions{})
		s.check(err)
		status, answer := s.request(http.MethodPost, "/v1/rollback/p/1", `{"to":1}`, bearer, "secret")
		var e wire.Error
		_ = json.Unmarshal([]byte(answer), &e)
		return status, e
	}
	other := token.Scheduler{Name: "other"}
	s.check(s.tokens.PutScheduler(t.Context(), other))
	if status, e := rollback(other, 1<<30); status != 507 || e.Code != wire.CodeNoSpace || e.Asked != 150_000 || e.Left != 100_000 {
		t.Errorf("beyond the quota: %d %+v", status, e)
	}
	if status, e := rollback(other, 149_999); status != 413 || e.Code != wire.CodeBytesExhausted || e.Asked != 150_000 || e.Left != 149_999 {
		t.Errorf("beyond the token: %d %+v", status, e)
	}
	room := s.disk
	s.disk = s.blobBytes()
	if status, e := rollback(s.by, 1<<30); status != 507 || e.Asked == 0 || e.Left != 0 || !strings.Contains(e.Message, "disk") {
		t.Errorf("without room on the disk: %d %+v", status, e)
	}
	if s.publications() != 2 {
		t.Errorf("%d publications", s.publications())
	}
	s.disk = room
	s.quotas[0].Holder.Owner = s.by.Name // who keeps 300 kB already
	if status, e := rollback(s.by, 1<<30); status != 200 {
		t.Errorf("what is kept already: %d %+v", status, e)
	}
}

// A link is rolled back by itself, with leave to overwrite: to what is beside it and
// still there.
func TestRollbackOfALink(t *testing.T) {
	s := newSite(t)
	dir := t.TempDir()
	bearer := s.issue(token.Grant{Target: "p", Publications: 9, Overwrite: true})
	for i, to := range []string{"a", "b", "../q", "none"} { // versions 1 to 4
		s.write(dir, "a/f", []byte("a"))
		s.write(dir, "b/f", []byte("b"))
		_ = os.Remove(filepath.Join(dir, "link"))
		s.check(os.Symlink(to, filepath.Join(dir, "link")))
		b := s.builder(bearer, dir)
		b.opts.Mirror = true
		if r := b.mustPush(); r.Receipt.Publication != int64(i+1) {
			t.Fatalf("%+v", r.Receipt)
		}
	}
	for _, c := range []struct {
		grant  token.Grant
		to     int
		status int
		code   wire.Code
	}{
		{token.Grant{Target: "p"}, 1, 409, wire.CodeExists},
		{token.Grant{Target: "p/a", Overwrite: true}, 1, 403, wire.CodePathDenied},
		{token.Grant{Target: "p", Overwrite: true}, 3, 404, wire.CodeNotFound},
		{token.Grant{Target: "p", Overwrite: true}, 4, 404, wire.CodeNotFound},
		{token.Grant{Target: "p", Overwrite: true}, 2, 200, ""},
	} {
		status, answer := s.request(http.MethodPost, "/v1/rollback/p/link", fmt.Sprintf(`{"to":%d}`, c.to), s.issue(c.grant), "secret")
		var e wire.Error
		_ = json.Unmarshal([]byte(answer), &e)
		if status != c.status || e.Code != c.code {
			t.Errorf("%+v to %d: %d %s", c.grant, c.to, status, answer)
		}
	}
	e, err := s.store.Lookup(t.Context(), "p/link", store.Latest)
	s.check(err)
	if e.Link != "b" || s.publications() != 5 {
		t.Errorf("it leads to %q, %d publications", e.Link, s.publications())
	}
}

// Who may not publish at a target is not told whether it is there, or was.
func TestRollbackTellsNothing(t *testing.T) {
	s := newSite(t)
	s.twoVersions("private/1")
	other := s.issue(token.Grant{Target: "public", Overwrite: true, Publications: 9})
	for name, bearer := range map[string]string{"nobody": "", "another's token": other} {
		var answers []string
		for _, target := range []string{"private/1", "private/2"} {
			status, answer := s.request(http.MethodPost, "/v1/rollback/"+target, `{"to":1}`, bearer, "secret")
			answers = append(answers, fmt.Sprint(status, strings.ReplaceAll(answer, target, "TARGET")))
		}
		if answers[0] != answers[1] || strings.HasPrefix(answers[0], "404") {
			t.Errorf("%s: there: %s\nabsent: %s", name, answers[0], answers[1])
		}
	}
}

// A rollback without the right changes and spends nothing.
func TestRollbackRefused(t *testing.T) {
	s := newSite(t)
	s.twoVersions("p/1")
	for name, c := range map[string]struct {
		grant  token.Grant
		to     string
		status int
	}{
		"no overwrite":     {token.Grant{Target: "p/1"}, "1", 409},
		"another target":   {token.Grant{Target: "p/2", Overwrite: true}, "1", 403},
		"no such version":  {token.Grant{Target: "p/1", Overwrite: true}, "9", 404},
		"not there then":   {token.Grant{Target: "p/1", Overwrite: true}, "0", 404},
		"another manifest": {token.Grant{Target: "p/1", Overwrite: true, Manifest: manifest.DigestOf(nil)}, "1", 409},
		"too few bytes":    {token.Grant{Target: "p/1", Overwrite: true, Bytes: 9}, "1", 413},
		"only reading":     {token.Grant{Target: "p/1", Overwrite: true, Verbs: token.Read}, "1", 403},
	} {
		bearer := s.issue(c.grant)
		status, answer := s.request(http.MethodPost, "/v1/rollback/p/1", fmt.Sprintf(`{"to":%s}`, c.to), bearer, "secret")
		if status != c.status {
			t.Errorf("%s: %d %s", name, status, answer)
		}
		rec, err := s.tokens.List(t.Context(), s.by, token.ListQuery{})
		s.check(err)
		for _, r := range rec {
			if r.Grant.Target == c.grant.Target && r.Grant.Publications == 1 && r.Spent.Publications+r.Spent.InUse > 0 {
				t.Errorf("%s: a publication is spent", name)
			}
		}
	}
	if status, _ := s.request(http.MethodPost, "/v1/rollback/p/1", `{"to":1}`, "", ""); status != 401 {
		t.Errorf("nobody: %d", status)
	}
	if v, err := s.store.Version(t.Context()); err != nil || v != 2 {
		t.Errorf("version %d, %v", v, err)
	}
}

// What a reader may not see is in no difference, and a private target is as
// absent.
func TestDifferencesShowWhatMayBeSeen(t *testing.T) {
	s := newSite(t)
	s.twoVersions("private/1")
	s.twoVersions("open/1")
	if status, answer := s.request(http.MethodGet, "/v1/diff/?from=0", "", "", ""); status != 200 ||
		strings.Contains(answer, "private") || !strings.Contains(answer, `"path":"open/1/f","change":"added","kind":"file","before":0,"after":11`) {
		t.Errorf("all: %d %s", status, answer)
	}
	hidden, want := s.request(http.MethodGet, "/v1/diff/private/1?from=0", "", "", "")
	if status, answer := s.request(http.MethodGet, "/v1/diff/private/2?from=0", "", "", ""); status != 404 || hidden != 404 || answer != want {
		t.Errorf("private %d %s, absent %d %s", hidden, want, status, answer)
	}
	bearer := s.issue(token.Grant{Target: "private/1", Verbs: token.Read})
	if status, answer := s.request(http.MethodGet, "/v1/diff/private/1?from=1&to=2", "", bearer, ""); status != 200 ||
		!strings.Contains(answer, `"sum":{"added":0,"changed":1,"removed":0,"before":10,"after":11}`) {
		t.Errorf("with a token: %d %s", status, answer)
	}
	if status, _ := s.request(http.MethodGet, "/v1/diff/open/1?from=x", "", "", ""); status != 400 {
		t.Errorf("from=x: %d", status)
	}
}
