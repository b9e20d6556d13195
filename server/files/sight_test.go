package files

import (
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// hiding returns a Sight under which everything within dir is hidden from
// those who send no Authorization.
func hiding(dir manifest.Path) func(*http.Request) store.Sight {
	return func(r *http.Request) store.Sight {
		if r.Header.Get("Authorization") != "" {
			return nil
		}
		return func(p manifest.Path) bool { return !p.Within(dir) }
	}
}

// Hidden and absent are the same answer, byte for byte, whatever is asked.
func TestHiddenIsAbsent(t *testing.T) {
	s := newFake()
	s.publish(s.hold("secret/f", "secret"), s.hold("secrets/f", "public"), s.hold("open/f", "public"),
		link("secret/link", "f"), link("open/peek", "../secret/f"), link("open/peekdir", "../secret"),
		link("secret/back", "../open/f"), link("open/over", "../secret/back"))
	srv := httptest.NewServer(New(Config{Store: s, Sight: hiding("secret")}))
	defer srv.Close()
	ask := func(method, path string, headers http.Header) (int, http.Header, string) {
		req, err := http.NewRequest(method, srv.URL+"/files/"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, values := range headers {
			req.Header[name] = values
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
		resp.Header.Del("Date")
		return resp.StatusCode, resp.Header, string(b)
	}
	digest := manifest.DigestOf([]byte("secret")).String()
	headers := []http.Header{
		{}, {"Range": {"bytes=0-1"}}, {"If-None-Match": {`"` + digest + `"`}}, {"If-None-Match": {"*"}},
		{"If-Match": {"*"}}, {"If-Modified-Since": {"Wed, 04 Mar 2099 05:06:06 GMT"}}, {"If-Range": {`"` + digest + `"`}},
	}
	hidden := []string{
		"secret", "secret/", "secret/f", "secret/link", "secret/link/", "open/peek", "open/peekdir", "open/peekdir/",
		"open/peekdir/f", "open/peekdir/link", "open/over",
	}
	for _, method := range []string{"GET", "HEAD"} {
		for _, query := range []string{"", "?at=1", "?format=json", "?format=list&recursive=1"} {
			for _, hs := range headers {
				status, head, body := ask(method, "absent"+query, hs)
				if status != 404 {
					t.Fatalf("absent: %d", status)
				}
				for _, path := range hidden {
					if query == "?format=json" && (path == "open/peek" || path == "open/peekdir" || path == "open/over") {
						continue // the link itself is public
					}
					s2, h2, b2 := ask(method, path+query, hs)
					if s2 != status || b2 != body || !reflect.DeepEqual(h2, head) {
						t.Errorf("%s %s%s %v: %d %v %q, absent gives %d %v %q", method, path, query, hs, s2, h2, b2, status, head, body)
					}
				}
			}
		}
	}
	auth := http.Header{"Authorization": {"Bearer x"}}
	for _, path := range []string{"secret/f", "open/peek", "open/peekdir/f", "open/peekdir/link", "open/over", "secret/"} {
		if status, _, _ := ask("GET", path, auth); status != 200 {
			t.Errorf("%s with leave: %d", path, status)
		}
	}
	if status, _, body := ask("GET", "secrets/f", nil); status != 200 || body != "public" {
		t.Errorf("the sibling by string prefix: %d %q", status, body)
	}
	for _, query := range []string{"", "?format=json", "?format=list&recursive=1"} {
		if _, head, body := ask("GET", query, nil); strings.Contains(strings.ReplaceAll(body, "secrets", ""), "secret\"") ||
			strings.Contains(body, digest) || head.Get("Cache-Control") != "private, no-cache" {
			t.Errorf("listing %q shows what is hidden, or to a shared cache: %v %q", query, head, body)
		}
	}
}
