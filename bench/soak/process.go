package soak

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A site is a server process, the proxy before it, and a builder's home. The
// server keeps its port over restarts.
type site struct {
	r       *run
	dir     string
	address string
	proxy   *proxy
	ready   string

	mu  sync.Mutex
	cmd *exec.Cmd
}

// config is the server's: defaults, and for the stage that collects, a type of
// which little is kept.
const config = `[types.kept]
keep_builds = 3
`

// site starts a server on an empty store.
func (r *run) site(ctx context.Context, name string, f Faults) (*site, error) {
	dir, err := r.folder(name)
	if err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	s := &site{r: r, dir: dir, address: address, ready: filepath.Join(dir, "ready")}
	if err := os.WriteFile(filepath.Join(dir, "config.toml"), []byte(config), 0o644); err != nil {
		return nil, err
	}
	if s.proxy, err = newProxy(address, f, r.rng.Uint64()); err != nil {
		return nil, err
	}
	if err := s.start(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func freeAddress() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

func (s *site) store() string { return filepath.Join(s.dir, "store") }

func (s *site) environment() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "LANG=C.UTF-8", "TMPDIR=" + s.dir}
}

// start starts the server and waits until it serves.
func (s *site) start(ctx context.Context) error {
	os.Remove(s.ready)
	cmd := exec.Command(s.r.Pubsync, "serve", "--config", filepath.Join(s.dir, "config.toml"), "--store", s.store(),
		"--ready-file", s.ready, "--listen", s.address)
	cmd.Env, cmd.Dir = s.environment(), s.dir
	log, err := os.OpenFile(filepath.Join(s.dir, "server.log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	s.mu.Lock()
	s.cmd = cmd
	s.mu.Unlock()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(60 * time.Second); ; {
		if _, err := os.Stat(s.ready); err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ended:
			return fmt.Errorf("the server ended, see %s/server.log", s.dir)
		case <-deadline:
			return fmt.Errorf("the server does not come up, see %s/server.log", s.dir)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *site) pid() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cmd.Process.Pid
}

// kill ends the server as a crash does.
func (s *site) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
	}
}

// restart starts the server after a kill, which must have come through: a new
// one finds the store locked until then.
func (s *site) restart(ctx context.Context) error {
	for {
		conn, err := net.DialTimeout("tcp", s.address, time.Second)
		if err != nil {
			break
		}
		conn.Close()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		time.Sleep(time.Millisecond)
	}
	return s.start(ctx)
}

// close ends everything and removes what it wrote.
func (s *site) close() {
	s.kill()
	s.proxy.close()
	if s.r.violations == 0 {
		os.RemoveAll(s.dir)
	}
}

// An outcome is what a command came to.
type outcome struct {
	code     int // -1: killed
	out, err string
}

func (o outcome) String() string {
	return fmt.Sprintf("exit %d: %s", o.code, strings.TrimSpace(o.err))
}

// command is a pubsync command with the builder's environment.
func (s *site) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.r.Pubsync, args...)
	cmd.Env, cmd.Dir = s.environment(), s.dir
	return cmd
}

// run runs a command to its end, which has ten minutes to come.
func (s *site) run(ctx context.Context, args ...string) (outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	return finish(ctx, s.command(ctx, args...))
}

func finish(ctx context.Context, cmd *exec.Cmd) (outcome, error) {
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return outcome{}, err
	}
	if ctx.Err() != nil {
		return outcome{}, fmt.Errorf("%v did not end: %w", cmd.Args, context.Cause(ctx))
	}
	return outcome{cmd.ProcessState.ExitCode(), out.String(), errs.String()}, nil
}

// must runs a command that has to succeed for the run to go on.
func (s *site) must(ctx context.Context, args ...string) (string, error) {
	o, err := s.run(ctx, args...)
	if err == nil && o.code != 0 {
		err = fmt.Errorf("pubsync %s: %v", args[0], o)
	}
	return o.out, err
}

// token issues a token for pushes to the target.
func (s *site) token(ctx context.Context, target string) (string, error) {
	out, err := s.must(ctx, "token", "issue", "--store", s.store(), "--target", target, "--overwrite",
		"--files", "2000000", "--bytes", "1TB", "--calls", "1000000", "--publications", "1000")
	return strings.TrimSpace(out), err
}

// carried is how fast builders send. Beyond 2 Gbit/s they compress or do not as they
// measure the link, and the bytes of two pushes would differ by that alone.
const carried = "100m" // a second

// pushArgs is the builder's command line.
func (s *site) pushArgs(tree, token string, flags ...string) []string {
	return append([]string{"push", tree, "--delete", "--json", "--bwlimit", carried, "--server", s.proxy.url(), "--token", token}, flags...)
}

// fsck checks the store, without repair, and reports what it finds.
func (s *site) fsck(ctx context.Context, when string, flags ...string) error {
	o, err := s.run(ctx, append([]string{"fsck", "--store", s.store()}, flags...)...)
	if err != nil {
		return err
	}
	if o.code != 0 {
		s.r.violation("fsck %s in %s: %v: %s", when, s.dir, o, o.out)
	}
	return nil
}

// memory returns a figure of /proc/PID/status of the server, in MB.
func (s *site) memory(what string) float64 {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(s.pid()) + "/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), what+":")
	var kb float64
	fmt.Sscan(rest, &kb)
	return kb / 1000
}
