package files

import (
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

const digits = "0123456789"

func digitsHandler() (*fakeStore, *Handler) {
	s := newFake()
	s.publish(s.hold("a/digits.txt", digits), s.hold("a/empty", ""), s.hold("a/page.html", "<script>alert(1)</script>"))
	return s, New(Config{Store: s})
}

func TestFileHeaders(t *testing.T) {
	_, h := digitsHandler()
	resp, body := get(t, h, "/files/a/digits.txt")
	wantStatus(t, resp, 200)
	if body != digits {
		t.Errorf("body %q", body)
	}
	want := map[string]string{
		"Content-Type":           "text/plain; charset=utf-8",
		"Content-Length":         "10",
		"Etag":                   `"84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882"`,
		"Repr-Digest":            "sha-256=:hNiYd/DUBB77a/kaFvAkjy/Vc+avBcGflr7bn4gveII=:",
		"Last-Modified":          "Wed, 04 Mar 2026 05:06:07 GMT",
		"Accept-Ranges":          "bytes",
		"X-Pubsync-Kind":         "file",
		"X-Pubsync-Mode":         "0640",
		"X-Pubsync-Mtime":        "1772600767000000089",
		"X-Pubsync-Version":      "1",
		"X-Content-Type-Options": "nosniff",
		"Cache-Control":          "no-cache",
	}
	for name, value := range want {
		if got := resp.Header.Get(name); got != value {
			t.Errorf("%s: %q, want %q", name, got, value)
		}
	}
}

// What HEAD says must be what GET says, on every kind of answer.
func TestHeadIsGetWithoutBody(t *testing.T) {
	s, _ := digitsHandler()
	srv := httptest.NewServer(New(Config{Store: s}))
	defer srv.Close()
	noFollow := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	cases := [][]string{
		{"a/digits.txt"}, {"a/empty"}, {"a/digits.txt", "Range", "bytes=2-4"}, {"a/digits.txt", "Range", "bytes=90-"},
		{"a/digits.txt", "If-None-Match", "*"}, {"a"}, {"a/"}, {""}, {"absent"}, {"a/digits.txt/"}, {"a/?format=json"},
		{"a/digits.txt?format=json"}, {"?format=list&recursive=1"}, {"a//b"},
	}
	for _, c := range cases {
		var got [2]http.Header
		var status [2]int
		for i, method := range []string{"GET", "HEAD"} {
			req, err := http.NewRequest(method, srv.URL+"/files/"+c[0], nil)
			if err != nil {
				t.Fatal(err)
			}
			for j := 1; j < len(c); j += 2 {
				req.Header.Set(c[j], c[j+1])
			}
			resp, err := noFollow.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			resp.Header.Del("Date")
			if method == "HEAD" && resp.Header.Get("Content-Length") == "" {
				got[0].Del("Content-Length") // HEAD may leave it out
			}
			got[i], status[i] = resp.Header, resp.StatusCode
		}
		if status[0] != status[1] || !cmp.Equal(got[0], got[1]) {
			t.Errorf("%q: GET %d, HEAD %d: %s", c, status[0], status[1], cmp.Diff(got[0], got[1]))
		}
	}
}

func TestConditionsAndRanges(t *testing.T) {
	_, h := digitsHandler()
	resp, _ := get(t, h, "/files/a/digits.txt")
	etag, date := resp.Header.Get("Etag"), resp.Header.Get("Last-Modified")
	cases := []struct {
		headers []string
		status  int
		body    string
	}{
		{[]string{"Range", "bytes=0-0"}, 206, "0"},
		{[]string{"Range", "bytes=7-"}, 206, "789"},
		{[]string{"Range", "bytes=-2"}, 206, "89"},
		{[]string{"Range", "bytes=8-800"}, 206, "89"},
		{[]string{"Range", "bytes=10-"}, 416, "-"},
		{[]string{"Range", "bytes=5-2"}, 416, "-"},
		{[]string{"Range", "lines=1-2"}, 416, "-"},
		{[]string{"Range", "bytes=1-2", "If-Range", etag}, 206, "12"},
		{[]string{"Range", "bytes=1-2", "If-Range", `"other"`}, 200, digits},
		{[]string{"Range", "bytes=1-2", "If-Range", date}, 206, "12"},
		{[]string{"Range", "bytes=1-2", "If-Range", "Wed, 04 Mar 2026 05:06:06 GMT"}, 200, digits},
		{[]string{"If-None-Match", etag}, 304, ""},
		{[]string{"If-None-Match", `"x", W/` + etag}, 304, ""},
		{[]string{"If-None-Match", "*"}, 304, ""},
		{[]string{"If-None-Match", `"x"`, "If-Modified-Since", date}, 200, digits},
		{[]string{"If-Modified-Since", date}, 304, ""},
		{[]string{"If-Modified-Since", "Wed, 04 Mar 2026 05:06:06 GMT"}, 200, digits},
		{[]string{"If-Match", `"x"`}, 412, ""},
		{[]string{"If-Match", etag}, 200, digits},
		{[]string{"If-Unmodified-Since", "Wed, 04 Mar 2026 05:06:06 GMT"}, 412, ""},
	}
	for _, c := range cases {
		resp, body := get(t, h, "/files/a/digits.txt", c.headers...)
		if resp.StatusCode != c.status || c.body != "-" && body != c.body {
			t.Errorf("%.80q: %d %q, want %d %q", c.headers, resp.StatusCode, body, c.status, c.body)
		}
	}
}

func TestSeveralRanges(t *testing.T) {
	s := newFake()
	long := strings.Repeat(digits, 1000)
	s.publish(s.hold("long", long))
	resp, body := get(t, New(Config{Store: s}), "/files/long", "Range", "bytes=0-2,5000-5003,-1")
	wantStatus(t, resp, 206)
	_, params, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(strings.NewReader(body), params["boundary"])
	for _, want := range []string{"bytes 0-2/10000=012", "bytes 5000-5003/10000=0123", "bytes 9999-9999/10000=9"} {
		part, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(part)
		if got := part.Header.Get("Content-Range") + "=" + string(b); err != nil || got != want {
			t.Errorf("part %q (%v), want %q", got, err, want)
		}
	}
	many := "bytes=" + strings.Repeat("0-0,", maxRanges-1) + "0-0"
	if resp, _ := get(t, New(Config{Store: s}), "/files/long", "Range", many); resp.StatusCode != 206 {
		t.Errorf("%d ranges: %d", maxRanges, resp.StatusCode)
	}
	if resp, body := get(t, New(Config{Store: s}), "/files/long", "Range", many+",0-0"); resp.StatusCode != 200 || body != long {
		t.Errorf("one range more: %d with %d bytes", resp.StatusCode, len(body))
	}
}

// Pages of publishers must not run scripts or be taken for something else.
func TestContentIsSandboxed(t *testing.T) {
	_, h := digitsHandler()
	for _, name := range []string{"page.html", "digits.txt", "empty"} {
		resp, _ := get(t, h, "/files/a/"+name)
		policy := resp.Header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "sandbox") || strings.Contains(policy, "allow-scripts") ||
			strings.Contains(policy, "script-src") || !strings.HasPrefix(policy, "default-src 'none'") {
			t.Errorf("%s: policy %q", name, policy)
		}
		if resp.Header.Get("X-Content-Type-Options") != "nosniff" || resp.Header.Get("Content-Type") == "" {
			t.Errorf("%s: headers %v", name, resp.Header)
		}
	}
}

func TestVersions(t *testing.T) {
	s := newFake()
	s.publish(s.hold("f", "one"))
	h := New(Config{Store: s})
	if _, body := get(t, h, "/files/f"); body != "one" {
		t.Fatalf("body %q", body)
	}
	s.publish(s.hold("f", "two"), s.hold("g", "new"))
	s.publish(s.hold("g", "new"))
	for _, c := range []struct {
		url    string
		status int
		body   string
	}{
		{"f", 404, ""}, {"f?at=1", 200, "one"}, {"f?at=2", 200, "two"}, {"f?at=3", 404, ""}, {"g", 200, "new"},
		{"g?at=1", 404, ""}, {"g?at=4", 404, ""}, {"g?at=0", 404, ""}, {"g?at=-1", 400, ""}, {"g?at=x", 400, ""},
		{"g?at=99999999999999999999", 400, ""}, {"f?at=1&other=x", 200, "one"},
	} {
		resp, body := get(t, h, "/files/"+c.url)
		if resp.StatusCode != c.status || c.status == 200 && body != c.body {
			t.Errorf("%s: %d %q, want %d %q", c.url, resp.StatusCode, body, c.status, c.body)
		}
	}
}

func TestMethods(t *testing.T) {
	_, h := digitsHandler()
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"} {
		resp := do(t, h, method, "/files/a/digits.txt")
		if resp.StatusCode != 405 || resp.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d, Allow %q", method, resp.StatusCode, resp.Header.Get("Allow"))
		}
	}
}

// Damage must never pass for content: 500 if nothing is sent yet, else a cut.
func TestDamage(t *testing.T) {
	s := newFake()
	lost, short, cut := s.hold("lost", "lost"), s.hold("short", "short"), s.hold("cut", strings.Repeat("cut", 1<<20))
	s.publish(lost, short, cut)
	delete(s.blobs, lost.Digest)
	s.blobs[short.Digest].size = 3
	s.blobs[cut.Digest].data = s.blobs[cut.Digest].data[:2<<20]
	var mu sync.Mutex
	var told []manifest.Path
	h := New(Config{Store: s, Damaged: func(p manifest.Path, d manifest.Digest, err error) {
		if err == nil || d.IsZero() {
			t.Errorf("told of %q: digest %v, error %v", p, d, err)
		}
		mu.Lock()
		defer mu.Unlock()
		told = append(told, p)
	}})
	srv := httptest.NewServer(h)
	defer srv.Close()
	for _, name := range []string{"lost", "short"} {
		resp, body := get(t, h, "/files/"+name)
		if resp.StatusCode != 500 || strings.Contains(body, name) {
			t.Errorf("%s: %d %q", name, resp.StatusCode, body)
		}
	}
	for _, ranges := range []string{"", "bytes=2000000-2200000", "bytes=0-1,2000000-2200000"} {
		req, err := http.NewRequest("GET", srv.URL+"/files/cut", nil)
		if err != nil {
			t.Fatal(err)
		}
		if ranges != "" {
			req.Header.Set("Range", ranges)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			continue // cut before the headers went out
		}
		if _, err = io.Copy(io.Discard, resp.Body); err == nil {
			t.Errorf("range %q: a cut file was read without an error", ranges)
		}
		resp.Body.Close()
	}
	func() {
		defer func() {
			if r := recover(); r != http.ErrAbortHandler {
				t.Errorf("a cut file ended with %v", r)
			}
		}()
		get(t, h, "/files/cut")
	}()
	mu.Lock()
	defer mu.Unlock()
	want := []manifest.Path{"lost", "short", "cut", "cut", "cut", "cut"}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Error(diff)
	}
}

// One look-up for a request, none for what was looked up in this version, and
// every new version looked at afresh.
func TestLookupsAreFew(t *testing.T) {
	s, h := digitsHandler()
	count := func(url string, want int64) {
		t.Helper()
		before := s.lookups.Load()
		do(t, h, "HEAD", url)
		if got := s.lookups.Load() - before; got != want {
			t.Errorf("%s: %d look-ups, want %d", url, got, want)
		}
	}
	count("/files/a/digits.txt", 1)
	count("/files/a/digits.txt", 0)
	count("/files/a/absent", 2) // itself and its directory
	count("/files/a/absent", 0)
	count("/files/a/absent2", 1)
	count("/files/a/empty?at=1", 1)
	s.publish(s.hold("b", "b"))
	count("/files/a/digits.txt?at=1", 1)
	count("/files/a/digits.txt?at=1", 1) // old versions are not kept
	count("/files/b", 1)
	count("/files/b", 0)
}

func TestCacheIsBounded(t *testing.T) {
	c := newCache(100)
	for i := range 10_000 {
		c.put(1, &found{entry: manifest.Entry{Path: manifest.Path(fmt.Sprint(i))}})
		c.get(1, "0")
		if n := len(c.young) + len(c.old); n > 100 {
			t.Fatalf("%d entries", n)
		}
	}
	if c.get(1, "0") == nil || c.get(1, "9999") == nil || c.get(1, "50") != nil {
		t.Error("what is asked for goes, or what is not stays")
	}
	c.put(2, &found{entry: manifest.Entry{Path: "new"}})
	c.put(1, &found{entry: manifest.Entry{Path: "late"}})
	if c.get(2, "0") != nil || c.get(2, "late") != nil || c.get(1, "late") != nil || c.get(2, "new") == nil {
		t.Error("versions are mixed up")
	}
	off := newCache(-1)
	off.put(1, &found{entry: manifest.Entry{Path: "x"}})
	if off.get(1, "x") != nil {
		t.Error("a cache of no size holds something")
	}
}

func TestStatus(t *testing.T) {
	for err, want := range map[error]int{
		store.ErrNotFound: 404, manifest.ErrBadPath: 400, ErrBadQuery: 400, ErrMethod: 405, ErrTooMany: 413,
		store.ErrDamaged: 500, io.ErrUnexpectedEOF: 500,
	} {
		if got, _ := Status(fmt.Errorf("x: %w", err)); got != want {
			t.Errorf("%v: %d, want %d", err, got, want)
		}
	}
}
