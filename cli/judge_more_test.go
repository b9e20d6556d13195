package cli_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// until repeats a request until it is answered as wanted.
func (s *stage) until(what, want string, do func() answer) {
	s.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		a := do()
		if a.String() == want {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%s: still %s, want %s: %s", what, a, want, a.body)
		}
	}
}

// TestCurlTimes lets tokens end while they are used: open and commit end with
// not_after, all else with finish_by, a receipt never.
func TestCurlTimes(t *testing.T) {
	s := newStage(t, "")
	soon := time.Now().Add(1500 * time.Millisecond).UTC().Format(time.RFC3339Nano)
	bearer, _ := s.issue(`{"target":"t/1","not_after":"` + soon + `","finish_by":"` + time.Now().Add(time.Hour).UTC().Format(time.RFC3339) + `","publications":2}`)
	done, late := s.part(bearer, "done"), s.part(bearer, "late")
	s.want("opens", done.open(""), "201")
	s.want("opens", late.open(""), "201")
	s.want("commits in time", done.commit(), "200")
	s.until("opens too late", "401 token_expired", func() answer { return s.part(bearer, "third").open("") })
	s.want("sends after not_after", late.put("f", "x"), "201")
	s.want("commits too late", late.commit(), "401 token_expired")
	s.want("the receipt again", done.commit(), "200")

	soon = time.Now().Add(1500 * time.Millisecond).UTC().Format(time.RFC3339Nano)
	bearer, _ = s.issue(`{"target":"t/2","finish_by":"` + soon + `"}`)
	b := s.part(bearer, "b")
	s.want("opens", b.open(""), "201")
	s.until("sends after finish_by", "401 session_expired", func() answer { return b.put("f", "x") })
	s.want("commits after finish_by", b.commit(), "401 session_expired")
	bearer, _ = s.issue(`{"target":"t/3","not_before":"` + time.Now().Add(1500*time.Millisecond).UTC().Format(time.RFC3339Nano) + `"}`)
	early := s.part(bearer, "early")
	a := early.open("")
	s.want("opens too early", a, "403 not_yet_valid")
	if !strings.Contains(a.header, "Retry-After: 2") && !strings.Contains(a.header, "Retry-After: 1") {
		t.Errorf("Retry-After: %s", a.header)
	}
	s.until("opens in time", "201", func() answer { return early.open("") })
}

// TestCurlBudgets spends what can be counted to the last unit.
func TestCurlBudgets(t *testing.T) {
	s := newStage(t, "[tokens.ban]\ntries = 0\n")
	bearer, _ := s.issue(`{"target":"b/1","publications":2}`)
	for i, want := range []string{"201", "201", "409 token_consumed"} {
		p := s.part(bearer, fmt.Sprint("publication ", i))
		s.want(fmt.Sprint("publication ", i), p.open(""), want)
		if want == "201" {
			s.want("commit", p.commit(), "200")
		}
	}
	bearer, _ = s.issue(`{"target":"b/2","calls":3}`)
	for i, want := range []string{"201", "201", "201", "429 calls_exhausted"} {
		s.want(fmt.Sprint("call ", i), s.part(bearer, "same").open(""), want)
	}
	bearer, _ = s.issue(`{"target":"b/3","parallel":1}`)
	p := s.part(bearer, "parallel")
	s.want("open", p.open(""), "201")
	conn := s.dial()
	fmt.Fprintf(conn, "PUT /v1/sessions/%s/files/f HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nPubsync-Session: parallel\r\nX-Pubsync-Digest: %064d\r\nContent-Length: 10\r\n\r\n1",
		p.session, bearer, 0)
	s.until("a second request beside one that lasts", "429 parallel", func() answer { return p.open("") })
	conn.Close()
	s.until("once it is over", "201", func() answer { return p.open("") })

	// Overwriting, and one manifest only.
	first := s.publish(`{"target":"b/4"}`, "f", "one")
	s.want("publishes", first, "200")
	again := s.publish(`{"target":"b/4"}`, "f", "two")
	s.want("other content", again, "409 exists")
	if !strings.Contains(again.body, `\"b/4/f\"`) {
		t.Errorf("the path is not named: %s", again.body)
	}
	s.want("the same content", s.publish(`{"target":"b/4"}`, "f", "one"), "200")
	s.want("with leave to overwrite", s.publish(`{"target":"b/4","overwrite":true}`, "f", "two"), "200")
	digest := first.field("manifest_digest")
	s.want("the manifest demanded", s.publish(`{"target":"b/5","manifest":"`+digest+`"}`, "f", "one"), "200")
	s.want("another manifest", s.publish(`{"target":"b/6","manifest":"`+digest+`"}`, "f", "two"), "409 manifest_mismatch")

	// Derived tokens spend from their parent and end with it.
	_, parent := s.issue(`{"target":"b/7","bytes":100,"publications":2}`)
	derive := func(grant string) answer {
		return s.curl("/v1/tokens/"+parent+"/derive", "-H", "Authorization: Bearer "+s.credential, "-d", grant)
	}
	s.want("a byte wider", derive(`{"bytes":101}`), "403 ceiling")
	s.want("a target wider", derive(`{"target":"b"}`), "403 ceiling")
	var children []*part
	for i := range 3 {
		a := derive(fmt.Sprintf(`{"target":"b/7/%d","bytes":60}`, i))
		s.want("derive", a, "201")
		_, child, _ := strings.Cut(a.field("token"), ".")
		children = append(children, s.part(child, fmt.Sprint("child ", i)))
	}
	s.want("first child", children[0].open(`,"bytes":60`), "201")
	s.want("second child, of what is left", children[1].open(`,"bytes":41`), "413 bytes_exhausted")
	s.want("second child, of what is left", children[1].open(`,"bytes":40`), "201")
	s.want("third child, though it has used nothing", children[2].open(""), "409 token_in_use")
	s.want("revoke the parent", s.curl("/v1/tokens/"+parent, "-X", "DELETE", "-H", "Authorization: Bearer "+s.credential), "204")
	s.want("a child of the revoked", children[0].commit(), "401 token_invalid")
}

// publish publishes one file at a fixed time with a new token and returns the
// answer to the commit.
func (s *stage) publish(grant, path, content string) answer {
	s.t.Helper()
	bearer, _ := s.issue(grant)
	p := s.part(bearer, grant+content)
	s.want("open", p.open(""), "201")
	s.want("put", p.put(path, content, "-H", "X-Pubsync-Mtime: 1000000000"), "201")
	return p.commit()
}

// TestCurlSources comes from other addresses, and claims to.
func TestCurlSources(t *testing.T) {
	s := newStage(t, "")
	bearer, _ := s.issue(`{"target":"s/1","sources":["127.0.0.2/32"]}`)
	b := s.part(bearer, "b")
	s.want("from another address", b.open(""), "403 source_denied")
	for _, header := range []string{"X-Forwarded-For: 127.0.0.2", "X-Real-IP: 127.0.0.2", "Forwarded: for=127.0.0.2", "X-Client-IP: 127.0.0.2"} {
		s.want(header, b.curl("/v1/sessions", "-H", header, "-d", `{"version":1,"by_file":true,"session_hash":"`+strings.Repeat("0", 64)+`"}`), "403 source_denied")
	}
	if a := b.curl("/v1/sessions", "--haproxy-protocol", "-d", "{}"); a.status == 201 {
		t.Errorf("a PROXY header: %s", a)
	}
	pinned, _ := s.issue(`{"target":"s/2","pin_source":true}`)
	s.want("the first address", s.part(pinned, "p").open(""), "201")
	other := s.part(pinned, "p").curl("/v1/sessions", "--interface", "127.0.0.2", "-d", "{}")
	if other.String() != "403 source_denied" && other.String() != "400 bad_request" {
		t.Errorf("pinned, from another address: %s", other)
	}
	s.want("pinned, from another address", s.part(pinned, "p").curl("/v1/sessions", "--interface", "127.0.0.2",
		"-d", `{"version":1,"by_file":true,"session_hash":"`+strings.Repeat("0", 64)+`"}`), "403 source_denied")

	s = newStage(t, "[server]\ntrusted_proxies = [\"127.0.0.1\"]\n")
	bearer, _ = s.issue(`{"target":"s/1","sources":["10.0.0.7/32"],"publications":9}`)
	for header, want := range map[string]string{
		"10.0.0.7": "201", "1.2.3.4, 10.0.0.7": "201", "10.0.0.7, 1.2.3.4": "403 source_denied", "::ffff:10.0.0.7": "201", "nonsense": "403 source_denied", "10.0.0.7, nonsense": "403 source_denied",
	} {
		b := s.part(bearer, header)
		s.want("behind a proxy, "+header, b.curl("/v1/sessions", "-H", "X-Forwarded-For: "+header,
			"-d", fmt.Sprintf(`{"version":1,"by_file":true,"session_hash":"%064x"}`, len(header))), want)
	}
}

// dial connects to the server as a client that speaks what it likes.
func (s *stage) dial() net.Conn {
	s.t.Helper()
	pem, err := os.ReadFile(s.path("store/tls/cert.pem"))
	s.check(err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	conn, err := tls.Dial("tcp", strings.TrimPrefix(s.url, "https://"), &tls.Config{RootCAs: roots, NextProtos: []string{"http/1.1"}})
	s.check(err)
	s.t.Cleanup(func() { conn.Close() })
	s.check(conn.SetDeadline(time.Now().Add(20 * time.Second)))
	return conn
}

// TestRawRequests sends what curl would not: requests that two readers could
// understand in two ways, and paths that mean to lead elsewhere.
func TestRawRequests(t *testing.T) {
	s := newStage(t, "")
	s.want("publish", s.publish(`{"target":"r/1"}`, "f", "content"), "200")
	line := func(text string) string {
		conn := s.dial()
		defer conn.Close()
		fmt.Fprint(conn, text)
		got, _ := bufio.NewReader(conn).ReadString('\n')
		return got
	}
	head := "Host: x\r\nConnection: close\r\n"
	for name, text := range map[string]string{
		"length and chunks":  "POST /v1/sessions HTTP/1.1\r\n" + head + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n",
		"two lengths":        "POST /v1/sessions HTTP/1.1\r\n" + head + "Content-Length: 2\r\nContent-Length: 30\r\n\r\n{}",
		"odd encoding":       "POST /v1/sessions HTTP/1.1\r\n" + head + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
		"space before colon": "POST /v1/sessions HTTP/1.1\r\n" + head + "Content-Length : 2\r\n\r\n{}",
		"folded header":      "POST /v1/sessions HTTP/1.1\r\n" + head + "X-A: a\r\n Content-Length: 2\r\n\r\n{}",
		"bare CR":            "POST /v1/sessions HTTP/1.1\r\n" + head + "X-A: a\rContent-Length: 2\r\n\r\n{}",
		"two credentials":    "GET /v1/tokens HTTP/1.1\r\n" + head + "Authorization: Bearer psc_a\r\nAuthorization: Bearer psc_b\r\n\r\n",
		"two hosts":          "GET /healthz HTTP/1.1\r\nHost: x\r\n" + head + "\r\n",
		"no version":         "GET /healthz\r\n\r\n",
		"control byte":       "GET /healthz HTTP/1.1\r\n" + head + "X-A: a\x00b\r\n\r\n",
		"token in the URL":   "GET /files/r/1/f?token=psb_" + strings.Repeat("a", 60) + " HTTP/1.1\r\n" + head + "\r\n",
	} {
		if got := line(text); got != "" && !strings.Contains(got, " 400 ") && !strings.Contains(got, " 501 ") {
			t.Errorf("%s: %q", name, got)
		}
	}
	for _, path := range []string{
		"/files/../store/credential", "/files/%2e%2e/credential", "/files/..%2fcredential", "/files/r/1/..%2f..%2f..%2fcredential", "/files/r/1/f%00",
		"/files/r\\1\\f", "/files/%5c..%5ccredential", "/files//etc/passwd", "/files/r/./1/f", "/files/c:/x", "/files/r/1/f.", "/files/r/1/f%20/", "/files/r/1/%0af",
		"/files/" + strings.Repeat("a/", 2100), "/files/r/1/aux", "/v1/sessions/..%2f..%2fx", "/licence/..%2fx", "/v1/log/..%2f..%2fx", "/../credential", "/files/%252e%252e/credential",
	} {
		if got := line("GET " + path + " HTTP/1.1\r\n" + head + "\r\n"); !strings.Contains(got, " 400 ") && !strings.Contains(got, " 404 ") {
			t.Errorf("%.60s: %q", path, got)
		}
	}
	if got := line("GET /files/r/1/%66 HTTP/1.1\r\n" + head + "\r\n"); !strings.Contains(got, " 200 ") {
		t.Errorf("an honest path: %q", got)
	}
}
