package cli_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A stage is a server of its own, the real program over TLS, on which plain
// curl plays the parts: scheduler, honest builder, thief.
type stage struct {
	t          *testing.T
	dir        string
	program    string
	server     *exec.Cmd
	url        string // of the server
	credential string
	whole      map[string]string // for builders, by bearer
	via        string            // address that curl connects to instead, "" for the server's
}

func newStage(t *testing.T, config string) *stage {
	t.Helper()
	for _, name := range []string{"curl", "sha256sum"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Fatalf("the test needs %s (make test installs it)", name)
		}
	}
	s := &stage{t: t, dir: t.TempDir(), whole: map[string]string{}}
	s.program = filepath.Join(s.dir, "pubsync")
	self, err := os.Executable()
	s.check(err)
	s.check(os.Symlink(self, s.program)) // by this name it is the command; see TestMain
	s.check(os.WriteFile(s.path("config.toml"), []byte(config), 0o600))
	s.start("127.0.0.1:0")
	t.Cleanup(s.kill)
	return s
}

func (s *stage) path(name string) string { return filepath.Join(s.dir, name) }

func (s *stage) check(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// start starts the server and waits until it serves.
func (s *stage) start(listen string) {
	s.t.Helper()
	s.check(os.RemoveAll(s.path("ready")))
	log, err := os.OpenFile(s.path("server.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	s.check(err)
	defer log.Close()
	s.server = exec.Command(s.program, "serve", "--config", s.path("config.toml"), "--store", s.path("store"),
		"--listen", listen, "--ready-file", s.path("ready"))
	s.server.Stdout, s.server.Stderr = log, log
	s.check(s.server.Start())
	for deadline := time.Now().Add(20 * time.Second); ; {
		if b, err := os.ReadFile(s.path("ready")); err == nil {
			s.url = strings.TrimSpace(string(b))
			break
		}
		if time.Now().After(deadline) {
			s.t.Fatal("the server did not start")
		}
		<-time.After(2 * time.Millisecond)
	}
	text, err := os.ReadFile(s.path("store/credential"))
	s.check(err)
	_, s.credential, _ = strings.Cut(strings.TrimSpace(string(text)), ".")
}

func (s *stage) kill() {
	_ = s.server.Process.Kill()
	_ = s.server.Wait()
}

// restart kills the server, as SIGKILL does, and starts it again at its address.
func (s *stage) restart() {
	s.t.Helper()
	s.kill()
	s.start(strings.TrimPrefix(s.url, "https://"))
}

// An answer is what curl got. Status is 0 if it got none.
type answer struct {
	status int
	header string
	body   string
}

func (a answer) field(name string) string {
	var m map[string]any
	if json.Unmarshal([]byte(a.body), &m) != nil || m[name] == nil {
		return ""
	}
	return fmt.Sprint(m[name])
}

// String is the status and, of a refusal, the code.
func (a answer) String() string { return strings.TrimSpace(fmt.Sprint(a.status, " ", a.field("code"))) }

// curl runs curl for a path with further arguments.
func (s *stage) curl(path string, args ...string) answer {
	s.t.Helper()
	base := []string{
		"-q", "-s", "--path-as-is", "--max-time", "20", "--cacert", s.path("store/tls/cert.pem"), "-H", "Connection: close", "--http1.1",
		"-D", "-", "-w", "\n%{http_code}",
	}
	if s.via != "" {
		base = append(base, "--connect-to", "::"+s.via)
	}
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(s.t.Context(), "curl", append(append(base, args...), s.url+path)...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = &out, &errs, s.dir
	_ = cmd.Run() // an answer that was lost is status 0
	text := strings.ReplaceAll(out.String(), "\r\n", "\n")
	i := strings.LastIndexByte(text, '\n')
	status, err := strconv.Atoi(text[i+1:])
	if err != nil {
		s.t.Fatalf("curl %q: %s%s", args, &out, &errs)
	}
	text = text[:i]
	for strings.HasPrefix(text, "HTTP/1.1 100") {
		_, text, _ = strings.Cut(text, "\n\n")
	}
	head, body, _ := strings.Cut(text, "\n\n")
	return answer{status, head, body}
}

// issue has the scheduler issue a token, given as the JSON of its grant, and
// returns its bearer and accessor.
func (s *stage) issue(grant string) (bearer, accessor string) {
	s.t.Helper()
	a := s.curl("/v1/tokens", "-H", "Authorization: Bearer "+s.credential, "-d", grant)
	_, bearer, _ = strings.Cut(a.field("token"), ".")
	if a.status != 201 || !strings.HasPrefix(bearer, "psb_") {
		s.t.Fatalf("issue %s: %s %s", grant, a, a.body)
	}
	s.whole[bearer] = a.field("token")
	return bearer, a.field("accessor")
}

// A part is somebody with a token and a session secret.
type part struct {
	*stage
	bearer, secret, session string
}

func (s *stage) part(bearer, secret string) *part {
	return &part{stage: s, bearer: bearer, secret: secret}
}

func (p *part) curl(path string, args ...string) answer {
	p.t.Helper()
	return p.stage.curl(path, append([]string{"-H", "Authorization: Bearer " + p.bearer, "-H", "Pubsync-Session: " + p.secret}, args...)...)
}

func (p *part) open(fields string) answer {
	p.t.Helper()
	a := p.curl("/v1/sessions", "-d", fmt.Sprintf(`{"version":1,"by_file":true,"session_hash":"%x"%s}`, sha256.Sum256([]byte(p.secret)), fields))
	if id := a.field("session"); id != "" {
		p.session = id
	}
	return a
}

func (p *part) put(path, content string, args ...string) answer {
	p.t.Helper()
	p.check(os.WriteFile(p.path("body"), []byte(content), 0o600))
	return p.curl("/v1/sessions/"+p.session+"/files/"+path, append(args, "-T", p.path("body"),
		"-H", fmt.Sprintf("X-Pubsync-Digest: %x", sha256.Sum256([]byte(content))))...)
}

func (p *part) commit() answer {
	p.t.Helper()
	return p.curl("/v1/sessions/"+p.session+"/commit", "-d", "{}")
}

// want fails the test unless the answer is as described, such as "403 exists".
func (s *stage) want(what string, a answer, want string) {
	s.t.Helper()
	if a.String() != want {
		s.t.Errorf("%s: %s, want %s: %s", what, a, want, a.body)
	}
}

// dropping is a relay to the server that loses every answer: whatever the
// server says after the client's second flight, with which the request begins.
// It returns its address.
func (s *stage) dropping() string {
	s.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	s.check(err)
	s.t.Cleanup(func() { ln.Close() })
	to := strings.TrimPrefix(s.url, "https://")
	go func() {
		for {
			client, err := ln.Accept()
			if err != nil {
				return
			}
			go relay(client, to)
		}
	}()
	return ln.Addr().String()
}

func relay(client net.Conn, to string) {
	defer client.Close()
	server, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer server.Close()
	flights := make(chan struct{}) // closed with the second
	go func() {
		buf := make([]byte, 64<<10)
		for n := 1; ; n++ {
			k, err := client.Read(buf)
			if n == 2 {
				close(flights)
			}
			if err != nil {
				return
			}
			if _, err := server.Write(buf[:k]); err != nil {
				return
			}
		}
	}()
	buf := make([]byte, 64<<10)
	for {
		k, err := server.Read(buf)
		select {
		case <-flights:
			_, _ = io.Copy(io.Discard, server) // until it has answered and closes
			return
		default:
		}
		if err != nil {
			return
		}
		if _, err := client.Write(buf[:k]); err != nil {
			return
		}
	}
}
