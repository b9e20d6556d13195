package peer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/pubsync/pubsync/bench/link"
	"github.com/pubsync/pubsync/bench/measure"
)

// Site is where a peer runs.
type Site struct {
	Client, Server *link.Space
	Address        string // the server's IP address, as the client reaches it
	Dir            string // folder for the peer's files; on the file system that is measured
	Pubsync        string // the binary of pubsync
}

// Job is one transfer.
type Job struct {
	Tree   string // folder whose contents are to be on the server
	Target string // where on the server, one path component
	Delete bool   // whether what the tree lacks is to go
}

// Peer is a way of publishing a tree. Its methods are called one at a time.
type Peer interface {
	// Name says in the report what it is.
	Name() string
	// Start starts the servers, with nothing in them.
	Start(ctx context.Context, s *Site) error
	// Push prepares a job, as a builder finds it prepared (with a token, say), and gives
	// the command that does it.
	Push(ctx context.Context, j Job) (measure.Command, error)
	// Servers are the process ids of the servers, and Port the one clients connect to.
	Servers() []int
	Port() int
	// Published gives a folder with what the server now has under the target.
	Published(ctx context.Context, target string) (string, error)
	// Stop ends the servers.
	Stop()
}

// environment is what all programs get: nothing of the caller's, so that no
// configuration of the machine's user changes what is measured.
func environment(home string) []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "LANG=C.UTF-8", "TZ=UTC"}
}

// freePort finds a port nobody listens on in the server's namespace.
func (s *Site) freePort() (int, error) {
	var port int
	err := s.Server.Do(func() error {
		l, err := net.Listen("tcp", net.JoinHostPort(s.Address, "0"))
		if err != nil {
			return err
		}
		port = l.Addr().(*net.TCPAddr).Port
		return l.Close()
	})
	return port, err
}

// daemon is a server process.
type daemon struct {
	cmd  *exec.Cmd
	said strings.Builder
	done chan struct{}
}

// start starts a server and waits until it accepts connections on the port.
func (s *Site) start(ctx context.Context, port int, args ...string) (*daemon, error) {
	d := &daemon{cmd: exec.Command(args[0], args[1:]...), done: make(chan struct{})}
	d.cmd.Env, d.cmd.Dir = environment(s.Dir), s.Dir
	d.cmd.Stdout, d.cmd.Stderr = &d.said, &d.said
	if err := s.Server.Start(d.cmd); err != nil {
		return nil, err
	}
	go func() { _ = d.cmd.Wait(); close(d.done) }()
	deadline := time.Now().Add(20 * time.Second)
	for {
		if s.listens(port) {
			return d, nil
		}
		select {
		case <-d.done:
			return nil, fmt.Errorf("%s ended: %s", strings.Join(args, " "), d.said.String())
		case <-ctx.Done():
			d.stop()
			return nil, ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			d.stop()
			return nil, fmt.Errorf("%s does not listen on port %d", args[0], port)
		}
	}
}

// await waits until the server has written the file with which it says that it is
// ready.
func (d *daemon) await(ctx context.Context, file string) error {
	deadline := time.Now().Add(20 * time.Second)
	for time.Now().Before(deadline) {
		if _, err := os.Stat(file); err == nil {
			return nil
		}
		select {
		case <-d.done:
			return fmt.Errorf("%s ended: %s", d.cmd.Path, d.said.String())
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
	return fmt.Errorf("%s never wrote %s", d.cmd.Path, file)
}

// listens says whether a connection is accepted. It is made from the server's own
// namespace, past any shaping.
func (s *Site) listens(port int) bool {
	return s.Server.Do(func() error {
		c, err := net.DialTimeout("tcp", net.JoinHostPort(s.Address, fmt.Sprint(port)), time.Second)
		if err == nil {
			c.Close()
		}
		return err
	}) == nil
}

// stop interrupts the server, and kills it if that does not end it.
func (d *daemon) stop() {
	if d == nil {
		return
	}
	_ = d.cmd.Process.Signal(os.Interrupt)
	select {
	case <-d.done:
		return
	case <-time.After(5 * time.Second):
	}
	_ = d.cmd.Process.Kill()
	<-d.done
}

// fate says what became of a server that has ended, and nothing of one that runs.
func (d *daemon) fate() string {
	select {
	case <-d.done:
		return fmt.Sprintf("%s ended (%v): %s", d.cmd.Path, d.cmd.ProcessState, d.said.String())
	default:
		return ""
	}
}

func (d *daemon) pid() int { return d.cmd.Process.Pid }

// output runs a command of the server's side.
func (s *Site) output(ctx context.Context, args ...string) (string, error) {
	cost, err := measure.Run(ctx, s.Server, measure.Command{Args: args, Env: environment(s.Dir), Dir: s.Dir})
	return cost.Output, err
}

// fresh makes an empty folder below the site's.
func (s *Site) fresh(name string) (string, error) {
	dir := filepath.Join(s.Dir, name)
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	return dir, os.MkdirAll(dir, 0o755)
}

// Version asks a program for its version and gives the first line of the answer.
func Version(program string, args ...string) string {
	out, err := exec.Command(program, args...).CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		return "not installed"
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return line
}
