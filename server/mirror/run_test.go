package mirror

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A daemon that dies is started again after growing pauses, and one that has
// listened begins with the shortest.
func TestRestart(t *testing.T) {
	t.Parallel()
	src := t.TempDir()
	tree(t, src, "f")
	r := start(t, Module{Name: "m", Path: src})
	for range 2 {
		// A connection has a process of its own, which must go too.
		conn, err := net.Dial("tcp", strings.Trim(r.url, "rsync:/"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Read(make([]byte, 8)); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(r.pid(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if pause := <-r.pauses; pause != firstPause {
			t.Errorf("pause %v", pause)
		}
		r.resume <- time.Time{}
		<-r.ready
		if _, out, err := pull(t, "-a", r.url+"m/"); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	pid := r.pid()
	r.stop()
	if err := syscall.Kill(-pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("after the stop its processes: %v", err)
	}
}

func TestPausesGrow(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "rsync")
	if err := os.WriteFile(bad, []byte("#!/bin/sh\nprintf 'no \\033[31m way\\n'; exit 3\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var pauses []time.Duration
	var log []string
	d, err := New(Config{Listen: ":8873", Dir: dir, Rsync: bad, Log: func(l string) { log = append(log, l) },
		After: func(d time.Duration) <-chan time.Time {
			if d == probePause {
				return nil
			}
			if pauses = append(pauses, d/time.Second); len(pauses) == 8 {
				cancel()
			}
			return now()
		}})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Run(ctx); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]time.Duration{1, 2, 4, 8, 16, 32, 60, 60}, pauses); diff != "" {
		t.Error(diff)
	}
	if log[0] != `no \x1b[31m way` {
		t.Errorf("%q", log[0])
	}
	missing, err := New(Config{Listen: ":8873", Dir: dir, Rsync: filepath.Join(dir, "none"), After: time.After})
	if err != nil {
		t.Fatal(err)
	}
	if err := missing.Run(context.Background()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no program: %v", err)
	}
}

// A port that another process holds is no sign of life, though it answers.
func TestPortTaken(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(context.Background())
	var pauses []time.Duration
	d, err := New(Config{Listen: l.Addr().String(), Dir: t.TempDir(), After: func(d time.Duration) <-chan time.Time {
		if d == probePause {
			return nil
		}
		if pauses = append(pauses, d/time.Second); len(pauses) == 3 {
			cancel()
		}
		return now()
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Run(ctx); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]time.Duration{1, 2, 4}, pauses); diff != "" {
		t.Error(diff)
	}
}
