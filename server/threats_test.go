package server_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pubsync/pubsync/server"
	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
	"github.com/pubsync/pubsync/sync/wire/connect"
)

var asJSON = map[string]string{"Content-Type": "application/json"}

// open opens a session as curl would, with a fresh secret.
func (s *site) open(bearer, target string) (int, wire.Code, string) {
	s.t.Helper()
	return s.post("POST", wire.SessionsPath, bearer, asJSON, openBody(connect.NewSessionSecret(), target))
}

// TestConstraints tries every row of the table of constraints over HTTP, with
// one that holds and one that does not.
func TestConstraints(t *testing.T) {
	s := newSite(t)
	now := s.now()
	for name, c := range map[string]struct {
		grant  token.Grant
		target string
		status int
		code   wire.Code
	}{
		"plain":          {token.Grant{Target: "a/1"}, "a/1", 201, ""},
		"below":          {token.Grant{Target: "a/1"}, "a/1/x/y", 201, ""},
		"beside":         {token.Grant{Target: "share"}, "share2", 403, wire.CodePathDenied},
		"above":          {token.Grant{Target: "a/1"}, "a", 403, wire.CodePathDenied},
		"not yet":        {token.Grant{Target: "a/1", NotBefore: now.Add(time.Minute)}, "a/1", 403, wire.CodeNotYetValid},
		"by now":         {token.Grant{Target: "a/1", NotBefore: now.Add(-time.Second)}, "a/1", 201, ""},
		"source":         {token.Grant{Target: "a/1", Sources: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}, "a/1", 403, wire.CodeSourceDenied},
		"this source":    {token.Grant{Target: "a/1", Sources: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}, "a/1", 201, ""},
		"verb":           {token.Grant{Target: "a/1", Verbs: token.Read}, "a/1", 403, wire.CodeVerbDenied},
		"dot components": {token.Grant{Target: "a/1"}, "a/1/../2", 400, wire.CodeBadPath},
		"encoded dots":   {token.Grant{Target: "a/1"}, "a/1/%2e%2e/2", 400, wire.CodeBadPath},
		"drive":          {token.Grant{Target: "a/1"}, "c:/x", 400, wire.CodeBadPath},
		"trailing dot":   {token.Grant{Target: "a/1"}, "a/1/x.", 400, wire.CodeBadPath},
	} {
		status, code, body := s.open(s.issue(c.grant), c.target)
		if status != c.status || code != c.code {
			t.Errorf("%s: %d %s, want %d %s: %s", name, status, code, c.status, c.code, body)
		}
	}
	status, code, _ := s.post("POST", wire.SessionsPath, s.issue(token.Grant{Target: "a/1"}), asJSON, `{"version":2}`)
	if status != 400 || code != wire.CodeBadRequest && code != wire.CodeBadVersion {
		t.Errorf("version 2: %d %s", status, code)
	}
}

// TestBudgets spends files, bytes and calls to the last one.
func TestBudgets(t *testing.T) {
	s := newSite(t)
	body := func(files int, bytes int64) string {
		h := connect.HashSession(connect.NewSessionSecret())
		return fmt.Sprintf(`{"version":1,"session_hash":"%x","target":"a/1","entries":%d,"files":%d,"bytes":%d,"tree_digest":%q}`,
			h[:], files, files, bytes, manifest.DigestOf([]byte(fmt.Sprint(files, bytes))))
	}
	g := token.Grant{Target: "a/1", Files: 3, Bytes: 100, Calls: 2}
	for _, c := range []struct {
		files  int
		bytes  int64
		status int
		code   wire.Code
	}{{4, 10, 403, wire.CodeFilesExhausted}, {1, 101, 413, wire.CodeBytesExhausted}, {3, 100, 201, ""}} {
		status, code, text := s.post("POST", wire.SessionsPath, s.issue(g), asJSON, body(c.files, c.bytes))
		if status != c.status || code != c.code {
			t.Errorf("%d files, %d bytes: %d %s %s", c.files, c.bytes, status, code, text)
		}
	}
	bearer := s.issue(g)
	for i, want := range []int{403, 403, 429} {
		if status, _, text := s.post("POST", wire.SessionsPath, bearer, asJSON, body(4, 10)); status != want {
			t.Errorf("call %d: %d, want %d: %s", i+1, status, want, text)
		}
	}
}

// TestRetryAfter tells a token that comes too early when to come again, and
// what expires expires (threats, row 5).
func TestRetryAfter(t *testing.T) {
	s := newSite(t)
	now := s.now()
	bearer := s.issue(token.Grant{Target: "a/1", NotBefore: now.Add(30 * time.Second), NotAfter: now.Add(60 * time.Second)})
	req, err := http.NewRequestWithContext(t.Context(), "POST", s.http.URL+wire.SessionsPath, strings.NewReader(openBody("x", "a/1")))
	s.check(err)
	req.Header.Set("Authorization", "Bearer "+bearer)
	resp, err := s.http.Client().Do(req)
	s.check(err)
	resp.Body.Close()
	if after := resp.Header.Get("Retry-After"); after != "30" && after != "29" {
		t.Errorf("Retry-After %q", after)
	}
	s.skew.Store(int64(31 * time.Second))
	if status, _, body := s.open(bearer, "a/1"); status != 201 {
		t.Errorf("in time: %d %s", status, body)
	}
	s.skew.Store(int64(62 * time.Second))
	if status, code, _ := s.open(bearer, "a/1"); status != 401 || code != wire.CodeTokenExpired {
		t.Errorf("too late: %d %s", status, code)
	}
}

// TestUnknownAndWrongAreAlike compares the answers to a token nobody issued and
// to one whose secret is wrong (threats, row 12).
func TestUnknownAndWrongAreAlike(t *testing.T) {
	s := newSite(t)
	good, other := s.issue(token.Grant{Target: "a/1"}), connect.NewBearer(connect.Token)
	revoked := s.issue(token.Grant{Target: "a/1"})
	_, accessor, _, err := connect.SplitBearer(revoked)
	s.check(err)
	s.check(s.tokens.Revoke(t.Context(), s.by, accessor))
	answer := func(bearer string) string {
		req, err := http.NewRequestWithContext(t.Context(), "POST", s.http.URL+wire.SessionsPath, strings.NewReader(openBody("x", "a/1")))
		s.check(err)
		req.Header.Set("Authorization", "Bearer "+bearer)
		resp, err := s.http.Client().Do(req)
		s.check(err)
		defer resp.Body.Close()
		resp.Header.Del("Date")
		var b strings.Builder
		s.check(resp.Header.Write(&b))
		line, err := bufio.NewReader(resp.Body).ReadString('\n')
		s.check(err)
		return fmt.Sprint(resp.StatusCode, b.String(), line)
	}
	unknown := answer(other)
	for what, bearer := range map[string]string{"garbled": good[:len(good)-10] + "0000000000", "revoked": revoked, "none": ""} {
		if got := answer(bearer); got != unknown {
			t.Errorf("%s: %s\nunknown: %s", what, got, unknown)
		}
	}
	if !strings.HasPrefix(unknown, "401") || !strings.Contains(unknown, "token_invalid") {
		t.Error(unknown)
	}
}

// TestForgedProxyHeaders has a direct client claim another address (threats,
// row 7).
func TestForgedProxyHeaders(t *testing.T) {
	s := newSite(t)
	bearer := s.issue(token.Grant{Target: "a/1", Sources: []netip.Prefix{netip.MustParsePrefix("10.0.0.7/32")}})
	for _, h := range []string{"X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP", "True-Client-IP"} {
		header := map[string]string{h: "10.0.0.7"}
		if h == "Forwarded" {
			header[h] = "for=10.0.0.7"
		}
		status, code, _ := s.post("POST", wire.SessionsPath, bearer, header, openBody("x", "a/1"))
		if status != 403 || code != wire.CodeSourceDenied {
			t.Errorf("%s: %d %s", h, status, code)
		}
	}
}

// TestTokenInURL refuses a token in a query string and says what to do
// (threats, row 14).
func TestTokenInURL(t *testing.T) {
	s := newSite(t)
	bearer := s.issue(token.Grant{Target: "a/1"})
	status, code, body := s.post("GET", "/files/a?token="+bearer, "", nil, "")
	if status != 400 || code != wire.CodeBadRequest || !strings.Contains(body, "revoke") {
		t.Errorf("%d %s", status, body)
	}
	_, _, secret, err := connect.SplitBearer(bearer)
	s.check(err)
	if strings.Contains(body, secret) || strings.Contains(s.log.String(), secret) {
		t.Error("the secret is in an answer or in the log")
	}
}

// raw sends bytes over TLS and returns the status line.
func (s *site) raw(text string) string {
	s.t.Helper()
	conn, err := tls.Dial("tcp", s.http.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
	s.check(err)
	defer conn.Close()
	s.check(conn.SetDeadline(time.Now().Add(20 * time.Second)))
	_, err = conn.Write([]byte(text))
	s.check(err)
	line, _ := bufio.NewReader(conn).ReadString('\n')
	return strings.TrimSpace(line)
}

// TestSmuggling sends requests that two parsers could read differently
// (threats, row 31).
func TestSmuggling(t *testing.T) {
	s := newSite(t)
	const head = "Host: x\r\nContent-Type: application/json\r\n"
	for name, text := range map[string]string{
		"length and chunked":  "POST /v1/sessions HTTP/1.1\r\n" + head + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"two lengths":         "POST /v1/sessions HTTP/1.1\r\n" + head + "Content-Length: 4\r\nContent-Length: 5\r\n\r\n{}{}",
		"odd coding":          "POST /v1/sessions HTTP/1.1\r\n" + head + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
		"two authorizations":  "POST /v1/sessions HTTP/1.1\r\n" + head + "Authorization: Bearer a\r\nAuthorization: Bearer b\r\nContent-Length: 2\r\n\r\n{}",
		"space before colon":  "POST /v1/sessions HTTP/1.1\r\nHost : x\r\nContent-Length: 2\r\n\r\n{}",
		"folded header":       "POST /v1/sessions HTTP/1.1\r\nHost: x\r\n y\r\nContent-Length: 2\r\n\r\n{}",
		"no host":             "POST /v1/sessions HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
		"negative length":     "POST /v1/sessions HTTP/1.1\r\n" + head + "Content-Length: -1\r\n\r\n{}",
		"control in a header": "POST /v1/sessions HTTP/1.1\r\nHost: x\r\nX-A: a\x00b\r\nContent-Length: 2\r\n\r\n{}",
	} {
		if line := s.raw(text); !strings.Contains(line, " 400 ") && !strings.Contains(line, " 501 ") && line != "" {
			t.Errorf("%s: %q", name, line)
		}
	}
}

// TestPathTricks asks for files by paths that mean to lead elsewhere (threats,
// row 17).
func TestPathTricks(t *testing.T) {
	s := newSite(t)
	dir := t.TempDir()
	s.write(dir, "public", []byte("public"))
	s.builder(s.issue(token.Grant{Target: "a/1"}), dir).mustPush()
	for _, path := range []string{
		"/files/../v1/tokens", "/files/a/../../etc/passwd", "/files/%2e%2e/catalog.db", "/files/a/..%2f..%2fcatalog.db", "/files//etc/passwd",
		"/files/a/1/public%00", "/files/a\\1\\public", "/files/%5c..%5ccatalog.db", "/files/a/1/./public", "/files/c:/x", "/files/a/1/public/",
		"/files/" + strings.Repeat("x/", 2100), "/v1/sessions/..%2f..%2ftokens", "/../etc/passwd", "/v1/log/../../x",
	} {
		line := s.raw("GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		if !strings.Contains(line, " 400 ") && !strings.Contains(line, " 404 ") {
			t.Errorf("%.60s: %q", path, line)
		}
	}
	if line := s.raw("GET /files/a/1/%70ublic HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); !strings.Contains(line, " 200 ") {
		t.Errorf("an honest path: %q", line)
	}
}

// TestNoRedirectIsFollowed has the server send the client elsewhere (threats,
// row 16).
func TestNoRedirectIsFollowed(t *testing.T) {
	s := newSite(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	s.check(err)
	defer ln.Close()
	caught := make(chan struct{}, 1)
	go func() {
		if conn, err := ln.Accept(); err == nil {
			conn.Close()
			caught <- struct{}{}
		}
	}()
	s.put(func(http.Handler) http.Handler {
		return http.RedirectHandler("https://"+ln.Addr().String()+"/v1/sessions", http.StatusTemporaryRedirect)
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := s.builder(s.issue(token.Grant{Target: "a/1"}), t.TempDir()).push(ctx); err == nil {
		t.Error("the push went through")
	}
	select {
	case <-caught:
		t.Error("the client went to another origin")
	default:
	}
}

// TestPrivateReads asks for private files with and without a token (threats,
// row 34).
func TestPrivateReads(t *testing.T) {
	s := newSite(t)
	dir := t.TempDir()
	s.write(dir, "f", []byte("secret"))
	s.builder(s.issue(token.Grant{Target: "private/1"}), dir).mustPush()
	reader, writer := s.issue(token.Grant{Target: "private/1", Verbs: token.Read}), s.issue(token.Grant{Target: "private/1"})
	for _, method := range []string{"GET", "HEAD"} {
		for _, c := range []struct {
			bearer, path string
			status       int
		}{
			{"", "/files/private/1/f", 404}, {reader, "/files/private/1/f", 200}, {writer, "/files/private/1/f", 404},
			{"", "/files/private/1/", 404}, {"", "/files/private/1/none", 404}, {reader, "/files/private/1/", 200},
		} {
			if status, _, _ := s.post(method, c.path, c.bearer, map[string]string{"Range": "bytes=0-1"}, ""); status != c.status && (c.status != 200 || status != 206) {
				t.Errorf("%s %s with %q: %d, want %d", method, c.path, c.bearer, status, c.status)
			}
		}
	}
}

// TestSlowBody is cut off; an honest slow one goes through (threats, row 30).
func TestSlowBody(t *testing.T) {
	s := newSite(t, func(s *site) { s.pace = server.Pace{Rate: 20 << 10, Grace: 500 * time.Millisecond} })
	bearer := s.issue(token.Grant{Target: "a/1"})
	conn, err := tls.Dial("tcp", s.http.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
	s.check(err)
	defer conn.Close()
	fmt.Fprintf(conn, "POST /v1/sessions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: %s\r\nContent-Length: 1000\r\n\r\n\x01", bearer, wire.ContentType)
	s.check(conn.SetDeadline(time.Now().Add(20 * time.Second)))
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil && strings.Contains(line, " 20") {
		t.Errorf("a body of one byte in a while: %q", line)
	}
	if ne, ok := err.(net.Error); ok && ne.Timeout() {
		t.Error("the server went on waiting")
	}
}
