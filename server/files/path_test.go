package files

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/pubsync/pubsync/sync/manifest"
)

// raw sends a request line as it stands and returns the answer.
func raw(t *testing.T, addr, target string) *http.Response {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", target)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func TestPathTricks(t *testing.T) {
	s := newFake()
	s.publish(s.hold("a/f", "content"), s.hold("share2/f", "other"))
	srv := httptest.NewServer(New(Config{Store: s}))
	defer srv.Close()
	addr := srv.Listener.Addr().String()
	for _, target := range []string{
		"/files//", "/files//a/f", "/files/a//f", "/files/a/f//", "/files/./a/f", "/files/a/./f", "/files/../a/f",
		"/files/a/../a/f", "/files/%2e%2e/a/f", "/files/a/%2e/f", "/files/..%2fa/f", "/files/a%2f..%2fa%2ff",
		"/files/a/..", "/files/a/.", "/files/%2e%2e%2f%2e%2e%2fetc/passwd", "/files/%252e%252e/a/f", "/files/..%252fa/f",
		"/files/a%00/f", "/files/a/f%00", "/files/a%5cf", "/files/a\\f", "/files/a/f%0a", "/files/a/%1b[31m", "/files/a/f%7f",
		"/files/c:/x", "/files/a/nul", "/files/a/f.", "/files/" + strings.Repeat("x", 4096), "/files/" + strings.Repeat("y", 256),
		"/files/%2fa/f", "http://other/files/../a/f",
	} {
		resp := raw(t, addr, target)
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != 400 || !strings.HasPrefix(string(body), "bad_path:") {
			t.Errorf("%.60s: %d %.60q, want 400 bad_path", target, resp.StatusCode, body)
		}
		for _, c := range body {
			if c < 0x20 && c != '\n' || c == 0x7f {
				t.Errorf("%.60s: the answer holds control byte %#x", target, c)
			}
		}
	}
	for _, target := range []string{"/files/a/%zz", "/files/a/f%", "/files/a/f%4"} {
		if resp := raw(t, addr, target); resp.StatusCode != 400 {
			t.Errorf("%s: %d, want 400", target, resp.StatusCode)
		}
	}
	for _, target := range []string{"/files/share", "/files/share/f", "/files/a/f/", "/files/a/f/g", "/filesx", "/filesx/a/f", "/"} {
		if resp := raw(t, addr, target); resp.StatusCode != 404 {
			t.Errorf("%s: %d, want 404", target, resp.StatusCode)
		}
	}
	for _, target := range []string{"/files/a/f", "/files/%61/%66", "/files/a%2Ff", "/files/a%2ff", "http://other/files/a/f"} {
		if resp := raw(t, addr, target); resp.StatusCode != 200 {
			t.Errorf("%s: %d, want 200", target, resp.StatusCode)
		}
	}
}

// Every path a tree may hold can be read, whichever of its bytes are encoded.
func TestEveryPathCanBeRead(t *testing.T) {
	legal := rapid.Byte().Filter(func(c byte) bool { return c >= 0x20 && c != 0x7f && c != '/' && c != '\\' })
	name := rapid.SliceOfN(legal, 1, 20)
	rapid.Check(t, func(t *rapid.T) {
		var names []string
		for _, b := range rapid.SliceOfN(name, 1, 4).Draw(t, "names") {
			names = append(names, string(b))
		}
		p, err := manifest.ParsePath(strings.Join(names, "/"))
		if err != nil {
			t.Skip("not a path")
		}
		var target strings.Builder
		for i := range len(p) {
			c := p[i]
			if c != '/' && url.PathEscape(string([]byte{c})) != string([]byte{c}) || rapid.Bool().Draw(t, "encode") {
				fmt.Fprintf(&target, "%%%02x", c)
			} else {
				target.WriteByte(c)
			}
		}
		s := newFake()
		s.publish(s.hold(string(p), "content"))
		r := httptest.NewRequest("GET", "/files/"+target.String(), nil)
		w := httptest.NewRecorder()
		New(Config{Store: s}).ServeHTTP(w, r)
		if w.Code != 200 || w.Body.String() != "content" {
			t.Fatalf("%q as %s: %d %q", p, target.String(), w.Code, w.Body)
		}
	})
}

func TestLiteralCharacters(t *testing.T) {
	s := newFake()
	s.publish(s.hold("gcc_1%3a9.1+dfsg~rc1:a@b&c=d.deb", "deb"), s.hold("sp ace/ü", "u"))
	h := New(Config{Store: s})
	for _, target := range []string{
		"gcc_1%253a9.1+dfsg~rc1:a@b&c=d.deb", "gcc_1%253a9.1%2bdfsg%7Erc1%3Aa%40b%26c%3Dd.deb",
		"sp%20ace/%C3%BC", "sp%20ace/%c3%bc",
	} {
		if resp, _ := get(t, h, "/files/"+target); resp.StatusCode != 200 {
			t.Errorf("%s: %d", target, resp.StatusCode)
		}
	}
}
