package cli_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// get PATH FILE fetches a path of the server whose URL is in the file "ready", as
// curl would without -L, and writes status, headers but the date, and body.
func get(ts *testscript.TestScript, _ bool, args []string) {
	client := &http.Client{
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Get(strings.TrimSpace(ts.ReadFile("ready")) + args[0])
	ts.Check(err)
	defer resp.Body.Close()
	resp.Header.Del("Date")
	var out bytes.Buffer
	fmt.Fprintln(&out, resp.Status)
	ts.Check(resp.Header.Write(&out))
	_, err = out.ReadFrom(resp.Body)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), out.Bytes(), 0o644))
}

// until PATTERN COMMAND ARG... runs a command until its output matches.
func until(ts *testscript.TestScript, _ bool, args []string) {
	for deadline := time.Now().Add(20 * time.Second); ; {
		name := args[1]
		if name == "pubsync" {
			name = filepath.Join(firstDir(ts.Getenv("PATH")), name)
		}
		cmd := exec.Command(name, args[2:]...)
		cmd.Dir = ts.MkAbs(".")
		out, _ := cmd.CombinedOutput() // what it says counts, not how it ends
		if regexp.MustCompile("(?m)" + args[0]).Match(out) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("no match for %q in %s", args[0], out)
		}
		<-time.After(50 * time.Millisecond)
	}
}

// freeport NAME sets a variable to a port that nothing listens on.
func freeport(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	_, port, err := net.SplitHostPort(l.Addr().String())
	ts.Check(errors.Join(err, l.Close()))
	ts.Setenv(args[0], port)
}

// hook NAME FILE sets a variable to a URL; the last thing posted there is in the
// file.
func hook(ts *testscript.TestScript, _ bool, args []string) {
	file := ts.MkAbs(args[1])
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = os.WriteFile(file+".new", body, 0o644)
		}
		if err == nil {
			err = os.Rename(file+".new", file)
		}
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	ts.Defer(srv.Close)
	ts.Setenv(args[0], srv.URL)
}

// expand FILE replaces $NAME in a file by the variables.
func expand(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(os.Expand(ts.ReadFile(args[0]), ts.Getenv)), 0o644))
}
