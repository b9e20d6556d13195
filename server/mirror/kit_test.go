package mirror

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// rsyncPath returns the real rsync.
func rsyncPath(t *testing.T) string {
	t.Helper()
	p, err := exec.LookPath("rsync")
	if err != nil {
		t.Fatal("this test needs rsync: apt-get install rsync")
	}
	return p
}

// running is a daemon under test.
type running struct {
	url    string
	ready  chan struct{}
	pauses chan time.Duration
	resume chan time.Time
	pid    func() int
	stop   func() // ends it and waits

	mu  sync.Mutex
	log []string
}

func (r *running) lines() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.log, "\n")
}

// start runs a daemon for the modules until the test ends.
func start(t *testing.T, modules ...Module) *running {
	t.Helper()
	dir := t.TempDir()
	pidFile := filepath.Join(dir, "pid")
	wrapper := filepath.Join(dir, "rsync")
	script := fmt.Sprintf("#!/bin/sh\necho $$ >%s\nexec %s \"$@\"\n", pidFile, rsyncPath(t))
	if err := os.WriteFile(wrapper, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		r := &running{ready: make(chan struct{}, 1), pauses: make(chan time.Duration, 1), resume: make(chan time.Time)}
		r.pid = func() int {
			b, err := os.ReadFile(pidFile)
			if err != nil {
				t.Fatal(err)
			}
			pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
			if err != nil {
				t.Fatal(err)
			}
			return pid
		}
		port := freePort(t)
		r.url = "rsync://127.0.0.1:" + port + "/"
		d, err := New(Config{
			Modules: modules, Listen: "127.0.0.1:" + port, Dir: filepath.Join(dir, "conf"), Rsync: wrapper, MaxConnections: 4,
			After: func(d time.Duration) <-chan time.Time {
				if d == probePause {
					return now()
				}
				r.pauses <- d
				return r.resume
			},
			Ready: func() { r.ready <- struct{}{} },
			Log: func(line string) {
				r.mu.Lock()
				defer r.mu.Unlock()
				r.log = append(r.log, line)
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			if err := d.Run(ctx); err != nil {
				t.Error(err)
			}
		}()
		r.stop = func() { cancel(); <-ended }
		select {
		case <-r.ready:
			t.Cleanup(func() {
				r.stop()
				if t.Failed() {
					t.Log(r.lines())
				}
			})
			return r
		case <-r.pauses: // somebody took the port in between
			r.stop()
			t.Log(r.lines())
		}
	}
	t.Fatal("the daemon did not start")
	return nil
}

// now returns a channel that delivers at once.
func now() <-chan time.Time {
	c := make(chan time.Time, 1)
	c <- time.Time{}
	return c
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// tree makes files in dir: a name that ends in a slash is a folder, one with
// "->" a symlink, and a file holds its own name.
func tree(t *testing.T, dir string, names ...string) {
	t.Helper()
	when := time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC)
	for _, name := range names {
		name, to, isLink := strings.Cut(name, "->")
		full := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(full), 0o755)
		switch {
		case err != nil:
		case isLink:
			err = os.Symlink(to, full)
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(full, 0o755)
		default:
			if err = os.WriteFile(full, []byte(name), 0o644); err == nil {
				err = os.Chtimes(full, when, when)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// read returns what a tree holds, one line for each name.
func read(t *testing.T, dir string) (lines []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == dir {
			return err
		}
		fi, err := d.Info()
		if err != nil {
			return err
		}
		line := fmt.Sprintf("%v %q", fi.Mode(), name[len(dir)+1:])
		switch {
		case fi.Mode()&fs.ModeSymlink != 0:
			to, err := os.Readlink(name)
			if err != nil {
				return err
			}
			line += " -> " + to
		case fi.Mode().IsRegular():
			b, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			line += fmt.Sprintf(" %v %q", fi.ModTime().UnixNano(), b)
		}
		lines = append(lines, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// pull runs a stock rsync client into a new folder and returns it.
func pull(t *testing.T, args ...string) (dir, output string, err error) {
	t.Helper()
	dir = t.TempDir()
	cmd := exec.Command(rsyncPath(t), append(args, dir+"/")...)
	b, err := cmd.CombinedOutput()
	return dir, string(b), err
}
