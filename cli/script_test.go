package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/pubsync/pubsync/cli"
)

// TestMain makes the test binary stand in for the pubsync command in scripts:
// a process of its own, with the same main.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"pubsync": func() {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			os.Exit(cli.Run(ctx, cli.System()))
		},
	})
}

// TestScripts runs the sessions in testdata/script, each with the real command
// against a real server over TLS on loopback.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("PUBSYNC_STATE_DIR", filepath.Join(e.WorkDir, ".state"))
			e.Setenv("PUBSYNC_TOKEN", "")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"await":     await,
			"setenv":    setenv,
			"exits":     exits,
			"field":     field,
			"sametree":  sametree,
			"mktree":    mktree,
			"oddtree":   oddtree,
			"unfit":     unfit,
			"mkbig":     mkbig,
			"damage":    damage,
			"scatter":   scatter,
			"listen":    listen,
			"signalled": signalled,
			"staged":    staged,
			"special":   special,
			"edit":      edit,
			"mtime":     mtime,
			"lines":     lines,
			"garble":    garble,
			"flip":      flip,
			"get":       get,
			"certs":     certs,
			"accessor":  accessor,
			"until":     until,
			"freeport":  freeport,
			"hook":      hook,
			"expand":    expand,
		},
		RequireExplicitExec: false,
	})
}

// await FILE waits until the file is there.
func await(ts *testscript.TestScript, _ bool, args []string) {
	name := ts.MkAbs(args[0])
	for deadline := time.Now().Add(20 * time.Second); ; {
		if _, err := os.Stat(name); err == nil {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s did not come", args[0])
		}
		<-time.After(5 * time.Millisecond)
	}
}

// setenv NAME FILE sets a variable to a file's content ("stdout" is that of the
// last command) without white space around it.
func setenv(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile(args[1])))
}

// exits CODE pubsync ARG... runs the command and checks its exit code. Its
// output is in the files exits.out and exits.err.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	cmd := command(ts, args[2:]...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		ts.Fatalf("running %s: %v", args[1], err)
	}
	ts.Check(os.WriteFile(ts.MkAbs("exits.out"), out.Bytes(), 0o644))
	ts.Check(os.WriteFile(ts.MkAbs("exits.err"), errs.Bytes(), 0o644))
	ts.Logf("%s%s", out.String(), errs.String())
	if got := cmd.ProcessState.ExitCode(); got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func firstDir(path string) string { return filepath.SplitList(path)[0] }

// field FILE NAME OP VALUE compares a field of the JSON object in a file, or
// of its last line. NAME may be a dotted path; OP is one of = != < >.
func field(ts *testscript.TestScript, _ bool, args []string) {
	text := strings.TrimSpace(ts.ReadFile(args[0]))
	if i := strings.LastIndexByte(text, '\n'); i >= 0 {
		text = text[i+1:]
	}
	var v any
	ts.Check(json.Unmarshal([]byte(text), &v))
	for name := range strings.SplitSeq(args[1], ".") {
		m, ok := v.(map[string]any)
		if !ok {
			ts.Fatalf("%s: no object above %s", args[1], name)
		}
		v = m[name]
	}
	got := fmt.Sprint(v)
	if f, ok := v.(float64); ok {
		got = strconv.FormatFloat(f, 'f', -1, 64)
	}
	holds := map[string]func() bool{
		"=":  func() bool { return got == args[3] },
		"!=": func() bool { return got != args[3] },
		"<":  func() bool { return number(ts, got) < number(ts, args[3]) },
		">":  func() bool { return number(ts, got) > number(ts, args[3]) },
	}[args[2]]
	if holds == nil || !holds() {
		ts.Fatalf("%s is %s, want %s %s", args[1], got, args[2], args[3])
	}
}

func number(ts *testscript.TestScript, s string) float64 {
	f, err := strconv.ParseFloat(s, 64)
	ts.Check(err)
	return f
}

// sametree A B compares two trees by path, kind, content, mode, mtime and link
// target; with ! they must differ.
func sametree(ts *testscript.TestScript, neg bool, args []string) {
	a, b := snapshot(ts, args[0]), snapshot(ts, args[1])
	same := len(a) == len(b)
	for name, v := range a {
		if b[name] != v {
			same = false
			if !neg {
				ts.Logf("%q: %.120q in %s, %.120q in %s", name, v, args[0], b[name], args[1])
			}
		}
	}
	if same == neg {
		ts.Fatalf("%s (%d) and %s (%d): same is %v", args[0], len(a), args[1], len(b), same)
	}
}

func snapshot(ts *testscript.TestScript, dir string) map[string]string {
	root := ts.MkAbs(dir)
	snap := map[string]string{}
	ts.Check(filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == root {
			return err
		}
		fi, err := d.Info()
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, name)
		switch {
		case d.Type() == fs.ModeSymlink:
			link, err := os.Readlink(name)
			snap[rel] = "link " + link
			return err
		case d.IsDir():
			snap[rel] = fmt.Sprint("dir ", fi.Mode(), fi.ModTime().UnixNano())
			return nil
		}
		content, err := os.ReadFile(name)
		snap[rel] = fmt.Sprint("file ", fi.Mode(), fi.ModTime().UnixNano(), " ", string(content))
		return err
	}))
	return snap
}

// listen NAME FILE sets a variable to the address in the URL that a file holds.
func listen(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv(args[0], strings.TrimPrefix(strings.TrimSpace(ts.ReadFile(args[1])), "https://"))
}

// staged STORE N waits until unfinished pushes have that many bytes staged.
func staged(ts *testscript.TestScript, _ bool, args []string) {
	for deadline := time.Now().Add(20 * time.Second); ; <-time.After(5 * time.Millisecond) {
		var n int64
		files, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "staging", "*", "*"))
		ts.Check(err)
		for _, f := range files {
			if fi, err := os.Stat(f); err == nil {
				n += fi.Size()
			}
		}
		if float64(n) >= number(ts, args[1]) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%d bytes are staged", n)
		}
	}
}

// signalled SIGNAL STORE N CODE pubsync ARG... runs a push, signals it once N
// bytes of it are staged, and checks its exit code. Its messages are in the file
// exits.err.
func signalled(ts *testscript.TestScript, _ bool, args []string) {
	cmd := command(ts, args[5:]...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	ts.Check(cmd.Start())
	staged(ts, false, args[1:3])
	ts.Check(cmd.Process.Signal(map[string]os.Signal{"INT": os.Interrupt, "TERM": syscall.SIGTERM}[args[0]]))
	_ = cmd.Wait()
	ts.Check(os.WriteFile(ts.MkAbs("exits.err"), errs.Bytes(), 0o644))
	ts.Logf("%s", errs.String())
	if got := strconv.Itoa(cmd.ProcessState.ExitCode()); got != args[3] {
		ts.Fatalf("exit code %s, want %s", got, args[3])
	}
}

// command is a run of the program in the script's surroundings.
func command(ts *testscript.TestScript, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(firstDir(ts.Getenv("PATH")), "pubsync"), args...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "HOME", "PUBSYNC_STATE_DIR", "PUBSYNC_TOKEN", "PUBSYNC_TOKEN_FILE", "PUBSYNC_CACHE", "TMPDIR"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	return cmd
}

// mtime DIR SECONDS gives every file below DIR that modification time.
func mtime(ts *testscript.TestScript, _ bool, args []string) {
	secs, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	ts.Check(filepath.WalkDir(ts.MkAbs(args[0]), func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			err = os.Chtimes(name, time.Unix(secs, 0), time.Unix(secs, 0))
		}
		return err
	}))
}

// lines FILE N checks that a file has N lines.
func lines(ts *testscript.TestScript, _ bool, args []string) {
	text := strings.TrimRight(ts.ReadFile(args[0]), "\n")
	got := 0
	if text != "" {
		got = strings.Count(text, "\n") + 1
	}
	if strconv.Itoa(got) != args[1] {
		ts.Fatalf("%s has %d lines, want %s", args[0], got, args[1])
	}
}

// garble NAME FILE sets a variable to a file's content with one character
// changed.
func garble(ts *testscript.TestScript, _ bool, args []string) {
	b := []byte(strings.TrimSpace(ts.ReadFile(args[1])))
	i := len(b) / 2
	if b[i] == 'x' {
		b[i] = 'y'
	} else {
		b[i] = 'x'
	}
	ts.Setenv(args[0], string(b))
}
