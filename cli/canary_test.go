package cli_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestCanary has tokens, credentials and session secrets used well and badly,
// by the real client and by curl, and then searches for them in everything that
// was written: logs, errors, output, the database with its log, packs, the
// client's state, what went to the webhook, metrics, the process list.
func TestCanary(t *testing.T) {
	var hooked bytes.Buffer
	var mu sync.Mutex
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		_ = r.Header.Write(&hooked)
		_, _ = io.Copy(&hooked, r.Body)
	}))
	defer hook.Close()
	s := newStage(t, "[alerts]\nwebhook = \""+hook.URL+"\"\n[tokens.ban]\ntries = 5\ndelay = \"1ms\"\nfor = \"1ms\"\n")
	var said bytes.Buffer // by clients
	secrets := map[string]string{"credential": secretOf(s.credential)}
	token := func(name, grant string) string {
		bearer, _ := s.issue(grant)
		secrets[name] = secretOf(bearer)
		return bearer
	}
	run := func(args ...string) {
		cmd := exec.CommandContext(t.Context(), s.program, args...)
		cmd.Env = append(os.Environ(), "PUBSYNC_STATE_DIR="+s.path("state"), "GODEBUG=http2debug=0")
		cmd.Dir = s.dir
		out, err := cmd.CombinedOutput()
		said.Write(out)
		fmt.Fprintln(&said, err)
	}
	s.check(os.Mkdir(s.path("tree"), 0o755))
	s.check(os.WriteFile(s.path("tree/f"), []byte("content"), 0o644))
	at := func(bearer string) string { return s.whole[bearer] }

	used := token("used", `{"target":"c/1"}`)
	run("push", "tree", "--token", at(used))
	s.check(os.WriteFile(s.path("tree/g"), []byte("more"), 0o644))
	run("push", "tree", "--token", at(used))                                                   // consumed
	run("push", "tree", "--token", at(used)+"x")                                               // garbled
	run("push", "tree", "--token", at(used)[:len(at(used))-3])                                 // cut short
	run("push", "tree", "--token", used)                                                       // of no server
	run("push", "tree", "--token", used, "--server", "https://127.0.0.1:1", "--retry-for=1ms") // unreachable
	run("push", "tree", "--token", used, "--server", hook.URL)                                 // not TLS
	run("push", "tree", "--token", used, "--server", s.url, "--retry-for=1ms")                 // no pin: unknown authority
	run("push", "nowhere", "--token", at(token("unused", `{"target":"c/2"}`)))
	run("push", used, "--token", "-") // in the wrong place
	run("push", "tree", "--exclude", used, "--server", used)
	run("token", "list", "--store", "store", "--json")
	run("token", "show", "--store", "store", at(used))
	run("audit", "--store", "store", "--json")
	run("pull", "c/1", "pulled", "--token", at(used)) // may not read

	thief := s.part(token("stolen", `{"target":"c/3"}`), "the secret of the thief's session")
	secrets["session"] = thief.secret
	outs := []answer{
		thief.open(""), thief.put("f", "x"), s.part(thief.bearer, "another").open(""),
		s.curl("/files/c/1/f?token=" + thief.bearer), s.curl("/v1/tokens", "-H", "Authorization: Bearer "+thief.bearer),
		s.curl("/v1/tokens", "-u", "user:"+thief.bearer), s.curl("/v1/sessions", "-H", "Authorization: Bearer "+thief.bearer, "-d", "{"+thief.bearer),
		s.curl("/" + thief.bearer), s.curl("/files/" + thief.bearer), s.curl("/v1/tokens/" + thief.bearer), s.curl("/v1/log/" + thief.bearer),
		thief.commit(), s.curl("/metrics"),
	}
	for i := range 8 { // guesses, and the ban
		outs = append(outs, s.curl("/v1/tokens", "-H", fmt.Sprintf("Authorization: Bearer %s%d", thief.bearer, i)))
	}
	for _, a := range outs {
		fmt.Fprintln(&said, a.header, a.body)
	}
	s.processList(at(token("listed", `{"target":"c/4"}`)), &said)
	s.restart() // by a kill: the log of the database is left as it is
	s.kill()

	s.search("what clients were told", said.Bytes(), secrets)
	mu.Lock()
	s.search("what the webhook got", hooked.Bytes(), secrets)
	if !strings.Contains(hooked.String(), "token_reuse") {
		t.Errorf("the webhook got no alert: %s", &hooked)
	}
	mu.Unlock()
	files := 0
	s.check(filepath.WalkDir(s.dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		rel, _ := filepath.Rel(s.dir, name)
		switch rel {
		case "store/credential": // where it is kept, for its owner only
			fi, err := d.Info()
			if err == nil && fi.Mode().Perm() != 0o600 {
				t.Errorf("%s has mode %v", rel, fi.Mode())
			}
			return err
		case "body", "config.toml":
			return nil
		}
		b, err := os.ReadFile(name)
		files++
		s.search(rel, b, secrets)
		return err
	}))
	if !bytes.Contains(said.Bytes(), []byte("published")) {
		t.Errorf("no push went through: %s", said.Bytes())
	}
	if files < 5 {
		t.Errorf("only %d files were searched", files)
	}
}

// secretOf is the part of a bearer that must be nowhere: what follows the
// accessor.
func secretOf(bearer string) string { return bearer[len(bearer)-40:] }

// search fails the test if text holds a secret, plain or as Go prints bytes.
func (s *stage) search(where string, text []byte, secrets map[string]string) {
	s.t.Helper()
	for name, secret := range secrets {
		if secret != "" && bytes.Contains(text, []byte(secret)) {
			i := bytes.Index(text, []byte(secret))
			s.t.Errorf("the secret of %q is in %s: ...%q", name, where, text[max(0, i-60):i])
		}
	}
}

// processList runs a push that lasts and looks at how the process list shows
// it, and its environment.
func (s *stage) processList(token string, said io.Writer) {
	s.t.Helper()
	noise := make([]byte, 300_000) // five minutes at the rate below
	if _, err := rand.Read(noise); err != nil {
		s.t.Fatal(err)
	}
	s.check(os.WriteFile(s.path("tree/slow"), noise, 0o644))
	defer os.Remove(s.path("tree/slow"))
	cmd := exec.CommandContext(s.t.Context(), s.program, "push", "tree", "--token", token, "--bwlimit", "1", "-v")
	cmd.Env, cmd.Dir = append(os.Environ(), "PUBSYNC_STATE_DIR="+s.path("state")), s.dir
	cmd.Stdout, cmd.Stderr = said, said
	s.check(cmd.Start())
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	began := time.Now()
	for {
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", cmd.Process.Pid))
		s.check(err)
		if bytes.Contains(line, []byte("push")) && !bytes.Contains(line, []byte(secretOf(token))) {
			break
		}
		if time.Since(began) > 20*time.Second {
			s.t.Fatalf("the process list shows the token, or the push has ended: %q", line)
		}
	}
	// It has opened its session by now or will: wait for its state on disk, which
	// holds the session's secret but not the token.
	for deadline := time.Now().Add(20 * time.Second); ; {
		names, _ := filepath.Glob(s.path("state/sessions/*.json"))
		if len(names) > 0 {
			fi, err := os.Stat(names[0])
			s.check(err)
			if fi.Mode().Perm() != 0o600 {
				s.t.Errorf("the session's file has mode %v", fi.Mode())
			}
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatal("no session file")
		}
	}
}
