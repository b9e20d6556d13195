package link

import (
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// ErrNotPermitted says that namespaces or TUN devices need rights this process
// lacks.
var ErrNotPermitted = errors.New("link: network namespaces need root")

// Space is a network namespace, or the host's own. Its methods may be called from
// several goroutines; they take turns.
type Space struct {
	calls chan func()
}

// Host is the network this process was started in.
func Host() *Space {
	s := &Space{calls: make(chan func())}
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		s.serve()
	}()
	return s
}

// NewSpace makes an empty namespace with its loopback device up. It is gone when the
// space is closed and all that was started in it has ended. The error is
// [ErrNotPermitted] where it may not be made.
func NewSpace() (*Space, error) {
	s := &Space{calls: make(chan func())}
	made := make(chan error)
	go func() {
		// Not unlocked: a thread that left the host's network must not serve
		// other goroutines, so it ends with this one.
		runtime.LockOSThread()
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			made <- fmt.Errorf("%w: %w", ErrNotPermitted, err)
			return
		}
		made <- nil
		s.serve()
	}()
	if err := <-made; err != nil {
		return nil, err
	}
	if err := s.Run("ip", "link", "set", "lo", "up"); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Space) serve() {
	for f := range s.calls {
		f()
	}
}

// Do calls f on the thread that is in the namespace. f must not wait for long, nor
// call Do.
func (s *Space) Do(f func() error) error {
	err := make(chan error, 1)
	s.calls <- func() { err <- f() }
	return <-err
}

// Start starts the command in the namespace. It is killed if this process dies.
func (s *Space) Start(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	return s.Do(cmd.Start)
}

// Run runs a short command in the namespace; its output is part of the error.
func (s *Space) Run(name string, args ...string) error {
	_, err := s.Output(name, args...)
	return err
}

// Output is [Space.Run] that gives what the command printed.
func (s *Space) Output(name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	var out lines
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := s.Start(cmd); err != nil {
		return "", err
	}
	if err := cmd.Wait(); err != nil {
		return out.String(), fmt.Errorf("%v: %w: %s", cmd.Args, err, out.String())
	}
	return out.String(), nil
}

// Close ends the thread; what runs in the namespace keeps it, but nothing new can
// be started.
func (s *Space) Close() { close(s.calls) }

// lines is a small buffer for the output of commands.
type lines struct{ b []byte }

func (l *lines) Write(p []byte) (int, error) {
	if len(l.b) < 1<<20 {
		l.b = append(l.b, p...)
	}
	return len(p), nil
}

func (l *lines) String() string { return string(l.b) }
