package files

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
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

// startNginx runs a real nginx in front of upstream that finds the blobs in
// dir and returns its URL. The location is the one in Accel's comment.
func startNginx(t *testing.T, upstream, dir string) string {
	t.Helper()
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		t.Fatal("this test needs nginx: apt-get install nginx-light")
	}
	// nginx inherits a listening socket, so there is no port to guess and
	// nothing to wait for.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	sock, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer sock.Close()
	tmp := t.TempDir()
	conf := fmt.Sprintf(`
user root root; worker_processes 1; daemon off; pid %[1]s/pid; error_log stderr warn;
events { worker_connections 64; }
http {
  access_log off; default_type application/octet-stream;
  client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
  server {
    listen %[2]s;
    location / { proxy_pass %[3]s; }
    location /pubsync-blobs/ {
      internal;
      alias %[4]s/;
      etag off;
      if_modified_since off;
      add_header ETag $upstream_http_etag;
      add_header Last-Modified $upstream_http_last_modified;
      add_header Repr-Digest $upstream_http_repr_digest;
      add_header Content-Security-Policy $upstream_http_content_security_policy;
      add_header X-Content-Type-Options nosniff;
    }
  }
}
`, tmp, l.Addr(), upstream, dir)
	if err := os.WriteFile(filepath.Join(tmp, "nginx.conf"), []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cmd := exec.Command(nginx, "-p", tmp, "-c", "nginx.conf", "-e", "stderr")
	cmd.Env = []string{"NGINX=3;"}
	cmd.ExtraFiles = []*os.File{sock}
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil || t.Failed() {
			t.Logf("nginx: %v\n%s", err, &log)
		}
	})
	return "http://" + l.Addr().String()
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
	proxy := startNginx(t, handing.URL, dir)

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
