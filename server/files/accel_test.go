package files

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pubsync/pubsync/server/nginxtest"
)

func TestHandOver(t *testing.T) {
	s := newFake()
	dir := filepath.Join(t.TempDir(), "blobs")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	big, small, packed, elsewhere := s.hold("big", "0123456789"), s.hold("small", "0"), s.hold("packed", "in a pack."), s.hold("elsewhere", "9876543210")
	bigFile := s.toFile(t, dir, big)
	s.toFile(t, dir, small)
	s.toFile(t, t.TempDir(), elsewhere)
	s.publish(big, small, packed, elsewhere)
	nginx := New(Config{Store: s, Accel: Accel{Header: "X-Accel-Redirect", Root: dir, URI: "/blobs/", MinSize: 2}})
	apache := New(Config{Store: s, Accel: Accel{Header: "X-Sendfile", Root: dir, MinSize: 2}})
	resp, body := get(t, nginx, "/files/big", "Range", "bytes=0-1")
	if got := resp.Header.Get("X-Accel-Redirect"); got != "/blobs/"+big.Digest.String() || body != "" || resp.StatusCode != 200 {
		t.Errorf("nginx: %d %q, header %q", resp.StatusCode, body, got)
	}
	resp, body = get(t, apache, "/files/big")
	if got := resp.Header.Get("X-Sendfile"); got != bigFile || body != "" {
		t.Errorf("apache: %q, header %q", body, got)
	}
	for _, c := range [][]string{
		{"small"}, {"packed"}, {"elsewhere"}, {"big", "If-None-Match", `"x"`}, {"big", "If-Match", "*"},
		{"big", "If-Modified-Since", "Wed, 04 Mar 2020 05:06:06 GMT"}, {"big", "If-Unmodified-Since", "Wed, 04 Mar 2099 05:06:06 GMT"},
	} {
		resp, body := get(t, nginx, "/files/"+c[0], c[1:]...)
		if got := resp.Header.Get("X-Accel-Redirect"); got != "" || body == "" || resp.StatusCode != 200 {
			t.Errorf("%q: %d %q, header %q", c, resp.StatusCode, body, got)
		}
	}
	if resp := do(t, nginx, "HEAD", "/files/big"); resp.Header.Get("X-Accel-Redirect") != "" || resp.Header.Get("Content-Length") != "10" {
		t.Errorf("HEAD: %v", resp.Header)
	}
}

// behindNginx are the rules for an nginx in front of upstream that finds the blobs
// in dir. The location is the one in Accel's comment.
func behindNginx(upstream, dir string) string {
	return fmt.Sprintf(`
    location / { proxy_pass %s; }
    location /pubsync-blobs/ {
      internal;
      alias %s/;
      etag off;
      if_modified_since off;
      add_header ETag $upstream_http_etag;
      add_header Last-Modified $upstream_http_last_modified;
      add_header Repr-Digest $upstream_http_repr_digest;
      add_header Content-Security-Policy $upstream_http_content_security_policy;
      add_header X-Content-Type-Options nosniff;
    }`, upstream, dir)
}

// A reader behind nginx must not be able to tell who sent the bytes.
func TestNginxAnswersAsWeDo(t *testing.T) {
	s := newFake()
	dir := filepath.Join(t.TempDir(), "blobs")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	big := s.hold("a b/big:1+2.html", strings.Repeat("0123456789", 100_000))
	file := s.toFile(t, dir, big)
	s.publish(big, s.hold("small.txt", "small"))
	plain := httptest.NewServer(New(Config{Store: s}))
	defer plain.Close()
	handing := httptest.NewServer(New(Config{Store: s,
		Accel: Accel{Header: "X-Accel-Redirect", Root: dir, URI: "/pubsync-blobs/", MinSize: 1000}}))
	defer handing.Close()
	proxy := nginxtest.Start(t, nginxtest.Site{Rules: behindNginx(handing.URL, dir)})

	etag := `"` + big.Digest.String() + `"`
	cases := [][]string{
		{"a%20b/big:1+2.html"}, {"a%20b/big:1+2.html", "Range", "bytes=5-14"}, {"a%20b/big:1+2.html", "Range", "bytes=-3"},
		{"a%20b/big:1+2.html", "Range", "bytes=9000000-"},
		{"a%20b/big:1+2.html", "Range", "bytes=0-3", "If-Range", etag}, {"a%20b/big:1+2.html", "Range", "bytes=0-3", "If-Range", `"x"`},
		{"a%20b/big:1+2.html", "Range", "bytes=0-3", "If-Range", "Wed, 04 Mar 2026 05:06:07 GMT"},
		{"a%20b/big:1+2.html", "If-None-Match", etag}, {"a%20b/big:1+2.html", "If-None-Match", `"x"`},
		{"a%20b/big:1+2.html", "If-Modified-Since", "Wed, 04 Mar 2026 05:06:07 GMT"}, {"small.txt"}, {"absent"},
	}
	for _, c := range cases {
		for _, method := range []string{"GET", "HEAD"} {
			want, wantBody := fetch(t, method, plain.URL+"/files/"+c[0], c[1:])
			got, gotBody := fetch(t, method, proxy+"/files/"+c[0], c[1:])
			if got.StatusCode != want.StatusCode || got.StatusCode < 400 && gotBody != wantBody {
				t.Errorf("%s %q: %d with %d bytes, want %d with %d", method, c, got.StatusCode, len(gotBody), want.StatusCode, len(wantBody))
			}
			for _, name := range []string{"Etag", "Last-Modified", "Content-Type", "Repr-Digest", "Content-Range",
				"Content-Security-Policy", "X-Content-Type-Options", "Cache-Control"} {
				if g, w := got.Header.Get(name), want.Header.Get(name); g != w && got.StatusCode < 400 {
					t.Errorf("%s %q: %s is %q, want %q", method, c, name, g, w)
				}
			}
		}
	}
	// It is nginx that sends: it sends what the file holds now.
	if err := os.WriteFile(file, []byte("nginx was here"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, body := fetch(t, "GET", proxy+"/files/"+cases[0][0], nil); body != "nginx was here" {
		t.Errorf("the content did not come from nginx: %.40q", body)
	}
	if resp, _ := fetch(t, "GET", proxy+"/pubsync-blobs/"+big.Digest.String(), nil); resp.StatusCode != 404 {
		t.Errorf("the internal location answers %d from outside", resp.StatusCode)
	}
}

func fetch(t *testing.T, method, url string, headers []string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}
