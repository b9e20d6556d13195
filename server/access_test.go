package server_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// read asks for a path of the site, following nothing, with headers in pairs.
func (s *site) read(method, path string, header ...string) *http.Response {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.http.URL+path, nil)
	s.check(err)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := s.http.Client().Transport.RoundTrip(req)
	s.check(err)
	s.t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// publish puts one file, "f", with the content under the target.
func (s *site) publish(target manifest.Path, visibility, content string) {
	s.t.Helper()
	dir := s.t.TempDir()
	s.write(dir, "f", []byte(content))
	b := s.builder(s.issue(token.Grant{Target: target, Visibility: token.Public, Overwrite: true}), dir)
	b.opts.Visibility = visibility
	b.mustPush()
}

// TestLicensedReads asks for what is under a licence (threats, row 34): not
// there for who has not accepted it, by any method, whether it exists or not.
func TestLicensedReads(t *testing.T) {
	s := newSite(t)
	s.publish("gated/1", "", "0123456789")
	digest := manifest.DigestOf([]byte(licenceText)).String()
	other := manifest.DigestOf([]byte("another text")).String()
	basic := func(password string) string {
		r := &http.Request{Header: http.Header{}}
		r.SetBasicAuth("licence", password)
		return r.Header.Get("Authorization")
	}
	cookie := "pubsync-licence-" + digest[:16] + "="
	for name, c := range map[string]struct {
		header []string
		ok     bool
	}{
		"nothing":        {nil, false},
		"header":         {[]string{"X-Pubsync-Licence", digest}, true},
		"another header": {[]string{"X-Pubsync-Licence", other}, false},
		"basic":          {[]string{"Authorization", basic(digest)}, true},
		"another basic":  {[]string{"Authorization", basic(other)}, false},
		"cookie":         {[]string{"Cookie", cookie + digest}, true},
		"another cookie": {[]string{"Cookie", cookie + other}, false},
		"reader":         {[]string{"Authorization", "Bearer " + s.issue(token.Grant{Target: "gated", Verbs: token.Read})}, true},
		"writer":         {[]string{"Authorization", "Bearer " + s.issue(token.Grant{Target: "gated"})}, false},
	} {
		for _, q := range []struct {
			method, path, ranged string
			status               int
		}{
			{"GET", "/files/gated/1/f", "", 200}, {"HEAD", "/files/gated/1/f", "", 200}, {"GET", "/files/gated/1/f", "bytes=2-4", 206},
			{"HEAD", "/files/gated/1/f", "bytes=2-4", 206}, {"GET", "/files/gated/1/", "", 200}, {"GET", "/files/gated/", "", 200},
			{"GET", "/files/gated/1/?format=json", "", 200}, {"GET", "/files/gated/1/none", "", 404}, {"GET", "/files/%67ated/1/f", "", 200},
		} {
			h := c.header
			if q.ranged != "" {
				h = append(h[:len(h):len(h)], "Range", q.ranged)
			}
			want := q.status
			if !c.ok {
				want = 404
			}
			resp := s.read(q.method, q.path, h...)
			body, err := io.ReadAll(resp.Body)
			s.check(err)
			if resp.StatusCode != want || !c.ok && strings.Contains(string(body), "234") {
				t.Errorf("%s: %s %s %s: %d, want %d: %.80s", name, q.method, q.path, q.ranged, resp.StatusCode, want, body)
			}
		}
	}
	// What is there and what is not are answered alike, and with where to read.
	there, none := s.read("GET", "/files/gated/1/f"), s.read("GET", "/files/gated/9/none")
	a, _ := io.ReadAll(there.Body)
	b, _ := io.ReadAll(none.Body)
	if string(a) != string(b) || there.Header.Get("Link") != `</licence/gated>; rel="license"` {
		t.Errorf("%s\n%s\n%v", a, b, there.Header)
	}
	// The text, and what to send.
	text := s.read("GET", "/licence/gated")
	body, _ := io.ReadAll(text.Body)
	if string(body) != licenceText || text.Header.Get("X-Pubsync-Licence") != digest {
		t.Errorf("%q %v", body, text.Header)
	}
	if got := s.read("GET", "/licence/private").StatusCode; got != 404 {
		t.Errorf("the licence of a type that has none: %d", got)
	}
	if list := s.read("GET", "/v1/log/gated"); list.StatusCode == 200 {
		if b, _ := io.ReadAll(list.Body); strings.Contains(string(b), "gated/1") {
			t.Errorf("the log tells of it: %s", b)
		}
	}
}

// TestAcceptInABrowser presses the button of the page.
func TestAcceptInABrowser(t *testing.T) {
	s := newSite(t)
	s.publish("gated/1", "", "content")
	page := s.read("GET", "/files/gated/1/f?at=1", "Accept", "text/html,*/*")
	body, _ := io.ReadAll(page.Body)
	for _, want := range []string{"Tuesdays &lt;only&gt;", `action="/licence/gated"`, `value="/files/gated/1/f?at=1"`} {
		if !strings.Contains(string(body), want) {
			t.Errorf("the page lacks %s:\n%s", want, body)
		}
	}
	if page.StatusCode != 404 || !strings.Contains(page.Header.Get("Content-Security-Policy"), "form-action 'self'") {
		t.Errorf("%d %v", page.StatusCode, page.Header)
	}
	digest := manifest.DigestOf([]byte(licenceText)).String()
	accept := func(digest, to, site string) *http.Response {
		form := url.Values{"digest": {digest}, "to": {to}}.Encode()
		req, err := http.NewRequestWithContext(t.Context(), "POST", s.http.URL+"/licence/gated", strings.NewReader(form))
		s.check(err)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Sec-Fetch-Site", site)
		resp, err := s.http.Client().Transport.RoundTrip(req)
		s.check(err)
		resp.Body.Close()
		return resp
	}
	ok := accept(digest, "/files/gated/1/f?at=1", "same-origin")
	if ok.StatusCode != 303 || ok.Header.Get("Location") != "/files/gated/1/f?at=1" || len(ok.Cookies()) != 1 {
		t.Fatalf("%d %v", ok.StatusCode, ok.Header)
	}
	c := ok.Cookies()[0]
	if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode {
		t.Errorf("cookie %v", c)
	}
	if got := s.read("GET", "/files/gated/1/f?at=1", "Cookie", c.Name+"="+c.Value).StatusCode; got != 200 {
		t.Errorf("with the cookie: %d", got)
	}
	for _, to := range []string{"https://elsewhere.example/", "//elsewhere.example/", "/files/\\x", "javascript:x"} {
		if got := accept(digest, to, "same-origin").Header.Get("Location"); got != "/files/gated/" {
			t.Errorf("back to %q: %q", to, got)
		}
	}
	if got := accept(digest, "/files/gated/", "cross-site"); got.StatusCode != 400 || len(got.Cookies()) != 0 {
		t.Errorf("from another site: %d %v", got.StatusCode, got.Cookies())
	}
	if got := accept(strings.Repeat("0", 64), "/files/gated/", "same-origin"); got.StatusCode != 400 || len(got.Cookies()) != 0 {
		t.Errorf("another text: %d", got.StatusCode)
	}
}

// TestVisibility has pushes ask for a visibility, below, at and above what
// their tokens allow.
func TestVisibility(t *testing.T) {
	s := newSite(t)
	for _, c := range []struct {
		target        manifest.Path
		allowed, asks string
		code          wire.Code
		status        int // of an anonymous GET afterwards
	}{
		{"v/1", "", "private", "", 404},
		{"v/2", "", "public", wire.CodeVisibilityDenied, 404},
		{"v/3", "public", "public", "", 200},
		{"v/4", "public", "licensed", wire.CodeVisibilityDenied, 404}, // the type has no licence
		{"v/5", "", "", "", 200},
		{"gated/1", "licensed", "licensed", "", 404},
		{"gated/2", "licensed", "public", wire.CodeVisibilityDenied, 404},
		{"gated/3", "public", "public", wire.CodeVisibilityDenied, 404},
		{"private/1", "public", "public", wire.CodeVisibilityDenied, 404}, // the type is private
		{"v/6", "", "odd", wire.CodeVisibilityDenied, 404},
	} {
		dir := t.TempDir()
		s.write(dir, "f", []byte(c.target))
		b := s.builder(s.issue(token.Grant{Target: c.target, Visibility: token.Visibility(c.allowed)}), dir)
		b.opts.Visibility = c.asks
		_, err := b.push(t.Context())
		if got := codeOf(err); got != c.code {
			t.Errorf("%s, allowed %q, asks for %q: %v, want %q", c.target, c.allowed, c.asks, err, c.code)
		}
		for range 2 { // what was asked for outlives the server's memory
			if got := s.read("GET", "/files/"+string(c.target)+"/f").StatusCode; got != c.status {
				t.Errorf("%s, asked for %q: %d, want %d", c.target, c.asks, got, c.status)
			}
			s.restart()
		}
	}
	// Below a private target all is private. Only with leave to overwrite is a
	// target made something else.
	s.publish("v/1/below", "", "x")
	if got := s.read("GET", "/files/v/1/below/f").StatusCode; got != 404 {
		t.Errorf("below: %d", got)
	}
	b := s.builder(s.issue(token.Grant{Target: "v/1", Visibility: token.Public}), t.TempDir())
	b.opts.Visibility = "public"
	if _, err := b.push(t.Context()); codeOf(err) != wire.CodeVisibilityDenied {
		t.Errorf("a private target made public without leave to overwrite: %v", err)
	}
	s.publish("v/1", "public", "y")
	if got := s.read("GET", "/files/v/1/f").StatusCode; got != 200 {
		t.Errorf("made public: %d", got)
	}
}

// TestSignedLinks reads one path with a link, and nothing else.
func TestSignedLinks(t *testing.T) {
	s := newSite(t)
	s.publish("private/1", "", "0123456789")
	s.publish("private/2", "", "another")
	reader := s.issue(token.Grant{Target: "private", Verbs: token.Read, NotAfter: s.now().Add(2 * time.Hour)})
	make := func(bearer, body string) (int, wire.Code, string) {
		status, code, text := s.post("POST", "/v1/links", bearer, asJSON, body)
		var l struct{ URL string }
		_ = json.Unmarshal([]byte(text), &l)
		return status, code, strings.TrimPrefix(l.URL, "https://example.org")
	}
	status, _, at := make(reader, `{"path":"private/1/f","ttl":60}`)
	if status != 201 || strings.Contains(at, "psb_") {
		t.Fatalf("%d %q", status, at)
	}
	get := func(method, at string, header ...string) int { return s.read(method, at, header...).StatusCode }
	if a, b, c := get("GET", at), get("HEAD", at), get("GET", at, "Range", "bytes=1-2"); a != 200 || b != 200 || c != 206 {
		t.Errorf("with the link: %d %d %d", a, b, c)
	}
	query := at[strings.Index(at, "?"):]
	for name, at := range map[string]string{
		"no link": "/files/private/1/f", "another path": "/files/private/2/f" + query, "the folder": "/files/private/1/" + query,
		"changed": at[:len(at)-1] + map[bool]string{true: "1", false: "0"}[at[len(at)-1] == '0'], "later": strings.Replace(at, ".1", ".2", 1), "cut": at[:len(at)-2], "none": "/files/private/1/f?link=", "dots": "/files/private/1/f?link=..",
	} {
		if got := get("GET", at); got != 404 {
			t.Errorf("%s: %d", name, got)
		}
	}
	for name, c := range map[string]struct {
		bearer, body string
		status       int
		code         wire.Code
	}{
		"a writer":       {s.issue(token.Grant{Target: "private/1"}), `{"path":"private/1/f"}`, 403, wire.CodeVerbDenied},
		"elsewhere":      {s.issue(token.Grant{Target: "a", Verbs: token.Read}), `{"path":"private/1/f"}`, 403, wire.CodePathDenied},
		"nobody":         {"", `{"path":"private/1/f"}`, 401, wire.CodeTokenInvalid},
		"too long":       {reader, `{"path":"private/1/f","ttl":10000000}`, 400, wire.CodeBadRequest},
		"no path":        {reader, `{}`, 400, wire.CodeBadPath},
		"dot components": {reader, `{"path":"private/../x"}`, 400, wire.CodeBadPath},
	} {
		if status, code, _ := make(c.bearer, c.body); status != c.status || code != c.code {
			t.Errorf("%s: %d %s, want %d %s", name, status, code, c.status, c.code)
		}
	}
	s.skew.Store(int64(50 * time.Second)) // the clock also runs by itself
	if got := get("GET", at); got != 200 {
		t.Errorf("in time: %d", got)
	}
	s.skew.Store(int64(62 * time.Second))
	if got := get("GET", at); got != 404 {
		t.Errorf("too late: %d", got)
	}
	// It ends with its token.
	_, _, at = make(reader, `{"path":"private/1/f","ttl":600}`)
	if got := get("GET", at); got != 200 {
		t.Errorf("a new one: %d", got)
	}
	s.check(s.tokens.Revoke(t.Context(), s.by, accessorOf(reader)))
	if got := get("GET", at); got != 404 {
		t.Errorf("revoked: %d", got)
	}
}
