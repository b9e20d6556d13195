package mirror

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
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

func TestPull(t *testing.T) {
	t.Parallel()
	src := t.TempDir()
	tree(t, src, "a+b:c", "d/x.sh", "d/e/f", "void/", "l->d/x.sh", "abs->/etc/hostname", "\xff\xfe", "sp ace", "wide*star[x]")
	r := start(t, Module{Name: "rel", Path: src, Comment: "Our releases; all of them"})
	dir, out, err := pull(t, "-a", r.url+"rel/")
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if diff := cmp.Diff(read(t, src), read(t, dir)); diff != "" {
		t.Error(diff)
	}
	if _, out, err := pull(t, r.url); err != nil || !strings.Contains(out, "rel            \tOur releases; all of them") {
		t.Errorf("list of modules: %v %q", err, out)
	}
}

func TestWildcardExcludes(t *testing.T) {
	t.Parallel()
	src := t.TempDir()
	tree(t, src, "a.log", "a.txt", "d/b.log", "d/b.txt", "d/keep/c.log", "d/keep/c.txt", "skip/x", "z.txt")
	want := t.TempDir()
	tree(t, want, "a.txt", "d/b.txt", "d/keep/c.txt", "z.txt")
	r := start(t, Module{Name: "m", Path: src})
	dir, out, err := pull(t, "-a", "--exclude=*.log", "--exclude=/sk*p", r.url+"m/")
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if diff := cmp.Diff(read(t, want), read(t, dir)); diff != "" {
		t.Error(diff)
	}
}

// A module may be a symlink that is swapped: the next client gets the new tree.
func TestSwappedModule(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	tree(t, base, "1/one", "2/two", "t->1")
	r := start(t, Module{Name: "t", Path: filepath.Join(base, "t")})
	for _, want := range []string{"one", "two"} {
		dir, out, err := pull(t, "-a", r.url+"t/")
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if _, err := os.Stat(filepath.Join(dir, want)); err != nil {
			t.Error(err)
		}
		if err := os.Symlink("2", filepath.Join(base, "new")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(base, "new"), filepath.Join(base, "t")); err != nil {
			t.Fatal(err)
		}
	}
}

// Clients can neither write nor get at what is outside the module.
func TestConfinement(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	tree(t, base, "secret", "out/f", "m/ok", "m/file->../secret", "m/dir->../out", "m/abs->"+filepath.Join(base, "secret"))
	r := start(t, Module{Name: "m", Path: filepath.Join(base, "m")})
	for _, args := range [][]string{
		{"-aL", "m/"}, {"-ak", "m/"}, {"-a", "--copy-unsafe-links", "m/"}, {"-a", "m/../secret"}, {"-a", "m/dir/"}, {"-a", "m/dir/f"},
		{"-a", "m/../out/"}, {"-a", "m//../../secret"},
	} {
		args[len(args)-1] = r.url + args[len(args)-1]
		dir, _, _ := pull(t, args...)
		for _, line := range read(t, dir) {
			if strings.Contains(line, `"secret"`) && !strings.HasPrefix(line, "L") || strings.Contains(line, `"out/f"`) {
				t.Errorf("%q got %s", args, line)
			}
		}
	}
	tree(t, base, "mine/new")
	for _, args := range [][]string{{"-a", base + "/mine/", r.url + "m/"}, {"-a", "--delete", base + "/mine/", r.url + "m/"}} {
		if out, err := exec.Command(rsyncPath(t), args...).CombinedOutput(); err == nil || !strings.Contains(string(out), "read only") {
			t.Errorf("%q: %v %s", args, err, out)
		}
	}
	if _, err := os.Stat(filepath.Join(base, "m", "new")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	src := t.TempDir()
	tree(t, src, "f")
	r := start(t, Module{Name: "allow", Path: src, Allow: []string{"10.0.0.0/8", "127.0.0.2"}}, Module{Name: "deny", Path: src, Deny: []string{"127.0.0.2"}})
	for _, c := range []struct {
		module, from string
		ok           bool
	}{{"allow", "127.0.0.2", true}, {"allow", "127.0.0.1", false}, {"deny", "127.0.0.2", false}, {"deny", "127.0.0.1", true}} {
		if _, out, err := pull(t, "-a", "--address="+c.from, r.url+c.module+"/"); (err == nil) != c.ok {
			t.Errorf("%s from %s: %v %s", c.module, c.from, err, out)
		}
	}
}

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

func TestBadConfigurations(t *testing.T) {
	good := Config{Listen: "127.0.0.1:8873", Dir: "/x", After: time.After}
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Config){
		"port 0":        func(c *Config) { c.Listen = "127.0.0.1:0" },
		"no port":       func(c *Config) { c.Listen = "127.0.0.1" },
		"no clock":      func(c *Config) { c.After = nil },
		"relative":      func(c *Config) { c.Dir = "x" },
		"user":          func(c *Config) { c.User = "a\nuid = 0" },
		"no name":       func(c *Config) { c.Modules = []Module{{Path: "/x"}} },
		"bracket":       func(c *Config) { c.Modules = []Module{{Name: "a]\n[b", Path: "/x"}} },
		"global":        func(c *Config) { c.Modules = []Module{{Name: "Global", Path: "/x"}} },
		"twice":         func(c *Config) { c.Modules = []Module{{Name: "a", Path: "/x"}, {Name: "A", Path: "/y"}} },
		"relative path": func(c *Config) { c.Modules = []Module{{Name: "a", Path: "x"}} },
		"newline":       func(c *Config) { c.Modules = []Module{{Name: "a", Path: "/x\nread only = no"}} },
		"variable":      func(c *Config) { c.Modules = []Module{{Name: "a", Path: "/x/%HOME%"}} },
		"backslash":     func(c *Config) { c.Modules = []Module{{Name: "a", Path: `/x\`}} },
		"space":         func(c *Config) { c.Modules = []Module{{Name: "a", Path: "/x "}} },
		"inner chroot":  func(c *Config) { c.Modules = []Module{{Name: "a", Path: "/x/./y"}} },
		"comment":       func(c *Config) { c.Modules = []Module{{Name: "a", Path: "/x", Comment: "a\n[b]"}} },
		"both": func(c *Config) {
			c.Modules = []Module{{Name: "a", Path: "/x", Allow: []string{"::1"}, Deny: []string{"::2"}}}
		},
		"host name": func(c *Config) { c.Modules = []Module{{Name: "a", Path: "/x", Deny: []string{"evil.example"}}} },
		"host bits": func(c *Config) { c.Modules = []Module{{Name: "a", Path: "/x", Deny: []string{"10.0.0.1/8"}}} },
		"star":      func(c *Config) { c.Modules = []Module{{Name: "a", Path: "/x", Allow: []string{"*"}}} },
	} {
		c := good
		change(&c)
		if _, err := New(c); !errors.Is(err, ErrBadConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The configuration for root confines by chroot, that for others by refusals.
func TestConfiguration(t *testing.T) {
	d, err := New(Config{Listen: ":8873", Dir: "/srv/mirror", User: "pubsync", MaxConnections: 9, Timeout: time.Minute, After: time.After,
		Modules: []Module{{Name: "rel", Path: "/srv/export/rel", Comment: "Releases", Allow: []string{"10.0.0.0/8", "fd00::/8"}}}})
	if err != nil {
		t.Fatal(err)
	}
	common := "log file = /dev/stderr\nlock file = /srv/mirror/rsyncd.lock\nmax connections = 9\ntimeout = 60\n" +
		"read only = yes\nreverse lookup = no\nmunge symlinks = no\n"
	module := "\n[rel]\npath = /srv/export/rel\ncomment = Releases\nhosts allow = 10.0.0.0/8, fd00::/8\nhosts deny = *\n"
	for asRoot, own := range map[bool]string{
		true:  "use chroot = yes\nnumeric ids = yes\nuid = pubsync\n",
		false: "use chroot = no\nrefuse options = copy-links copy-dirlinks copy-unsafe-links\n",
	} {
		if diff := cmp.Diff(common+own+module, d.configuration(asRoot)); diff != "" {
			t.Errorf("as root %v: %s", asRoot, diff)
		}
	}
}
