package cli

import (
	"context"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/term"
)

// An Env is all that the program touches of its surroundings.
type Env struct {
	Args   []string // without the program's name; tokens in them are the only copies
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	Getenv func(string) string
	Now    func() time.Time
	Sleep  func(context.Context, time.Duration) error
	Jitter func() float64 // in [0, 1)
	// Terminal reports whether Stderr is a terminal, and its width.
	Terminal func() (width int, ok bool)
}

// System returns the surroundings of a real process. It takes tokens off the
// process's command line, where others could read them.
func System() Env {
	return Env{
		Args:   takeArgs(os.Args)[1:],
		Stdin:  os.Stdin,
		Stdout: os.Stdout,
		Stderr: os.Stderr,
		Getenv: os.Getenv,
		Now:    time.Now,
		Sleep:  sleep,
		Jitter: rand.Float64,
		Terminal: func() (int, bool) {
			if !term.IsTerminal(int(os.Stderr.Fd())) || os.Getenv("TERM") == "dumb" {
				return 0, false
			}
			w, _, err := term.GetSize(int(os.Stderr.Fd()))
			return w, err == nil
		},
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// takeArgs returns a copy of the arguments and wipes those that carry a token
// where they stand. On Unix the runtime's argument strings are the very bytes
// that ps(1) and /proc/PID/cmdline show; elsewhere they are copies, and the
// wiping does no harm.
func takeArgs(args []string) []string {
	own := make([]string, len(args))
	for i, a := range args {
		own[i] = strings.Clone(a)
	}
	for i, a := range args {
		value := a
		switch {
		case strings.HasPrefix(a, "--token="):
			value = a[len("--token="):]
		case i > 0 && own[i-1] == "--token":
		case strings.Contains(a, "psb_") || strings.Contains(a, "psc_"):
		default:
			continue
		}
		if value != "-" {
			wipe(value)
		}
	}
	return own
}

// wipe overwrites the bytes of s, which must not be a constant.
func wipe(s string) {
	if s == "" {
		return
	}
	b := unsafe.Slice(unsafe.StringData(s), len(s))
	for i := range b {
		b[i] = 'x'
	}
}
