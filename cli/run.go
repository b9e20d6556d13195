package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/pubsync/pubsync/cli/progress"
	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/push"
	"github.com/pubsync/pubsync/sync/remote"
	"github.com/pubsync/pubsync/sync/walk"
	"github.com/pubsync/pubsync/sync/wire"
	"github.com/pubsync/pubsync/sync/wire/connect"
)

// gcPercent has the garbage collector keep the heap small, and memoryLimit, in
// bytes, smaller still when it grows: builders are small, and neither side needs
// much. A limit much lower costs more time than it is worth.
const (
	gcPercent   = 50
	memoryLimit = 68 << 20
)

// Run runs the program and returns its exit code.
func Run(ctx context.Context, env Env) int {
	if env.Getenv("GOGC") == "" && env.Getenv("GOMEMLIMIT") == "" {
		debug.SetGCPercent(gcPercent)
		debug.SetMemoryLimit(memoryLimit)
	}
	root := command(&env)
	root.SetArgs(env.Args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return wire.ExitDone
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = errInterrupted
	}
	code, hint := outcome(err)
	fmt.Fprintf(env.Stderr, "error: %s\n", oneLine(connect.Redact(err.Error())))
	if hint != "" {
		fmt.Fprintf(env.Stderr, "hint: %s\n", oneLine(hint))
	}
	return code
}

// oneLine makes an error fit for a log: one line, no control bytes.
func oneLine(s string) string {
	s = strings.ReplaceAll(s, "\n", "; ")
	return progress.EscapeText(s)
}

func command(env *Env) *cobra.Command {
	root := &cobra.Command{
		Use:   "pubsync",
		Short: "Publish what a build made, sending only what the server lacks",
		Long: `pubsync publishes the files a CI job made, over HTTPS, with a one-shot token.

A trusted scheduler asks the server for a token; the untrusted builder runs

    pubsync push out/ --token TOKEN

and the server has the tree, complete and all at once, or nothing. Files it
holds in any build are not sent; changed files go as deltas.

Exit codes: 0 done or nothing to do, 64 usage, 65 conflict with what is
published, 69 server not reached, 74 local I/O, 75 try again, 77 token refused,
130 interrupted.`,
		SuggestionsMinimumDistance: 2,
		SilenceUsage:               true,
		SilenceErrors:              true,
		Args:                       cobra.ArbitraryArgs,
		RunE:                       verb,
	}
	root.SetOut(helpWriter{env.Stdout})
	root.SetErr(env.Stderr)
	root.SetIn(env.Stdin)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usageError{hinted{err, "see \"" + c.CommandPath() + " --help\""}}
	})
	root.AddCommand(
		serveCommand(env), tokenCommand(env), schedulerCommand(env), pushCommand(env), publishCommand(env), pullCommand(env),
		lsCommand(env), logCommand(env), diffCommand(env), rollbackCommand(env), pinCommand(env), unpinCommand(env), pinsCommand(env), auditCommand(env), gcCommand(env), fsckCommand(env), backupCommand(env), restoreCommand(env), demoCommand(env), versionCommand(env),
	)
	for _, c := range root.Commands() {
		checkUsage(c)
	}
	return root
}

// helpWriter takes out of help texts how booleans may be written: every flag
// that takes no value would have it.
type helpWriter struct{ io.Writer }

func (w helpWriter) Write(b []byte) (int, error) {
	const noise = "[=true|false]"
	_, err := w.Writer.Write(bytes.ReplaceAll(b, []byte(noise), bytes.Repeat([]byte(" "), len(noise))))
	return len(b), err
}

// verb is what a command does that needs a verb after it.
func verb(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return c.Help()
	}
	hint := "see \"" + c.CommandPath() + " --help\""
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "did you mean \"" + c.CommandPath() + " " + near[0] + "\"? Else " + hint
	}
	return usageError{hinted{fmt.Errorf("unknown command %q for %q", args[0], c.CommandPath()), hint}}
}

// checkUsage gives the errors of argument checks their exit code.
func checkUsage(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return usageError{hinted{fmt.Errorf("%q is used like this: %s", c.CommandPath(), c.UseLine()), "see \"" + c.CommandPath() + " --help\""}}
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		checkUsage(sub)
	}
}

var errInterrupted = errors.New("interrupted; the same command again goes on where it was")

// A usageError is a mistake on the command line or in the configuration.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// A hinted error comes with what to do about it.
type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }

// outcome returns the exit code of an error and what to do about it.
func outcome(err error) (code int, hint string) {
	var h hinted
	if errors.As(err, &h) {
		hint = h.hint
	}
	var (
		refused *wire.Error
		usage   usageError
		path    *fs.PathError
	)
	switch {
	case errors.Is(err, errInterrupted):
		return wire.ExitInterrupted, hint
	case errors.As(err, &refused):
		return refused.Code.Exit(), or(hint, or(refused.Hint, hintFor(refused.Code)))
	case errors.As(err, &usage):
		return wire.ExitUsage, hint
	case errors.Is(err, connect.ErrGarbled), errors.Is(err, connect.ErrNotToken), errors.Is(err, connect.ErrKind):
		return wire.ExitToken, or(hint, "copy the whole token again, as \"pubsync token issue\" printed it")
	case errors.Is(err, remote.ErrIdentity):
		return wire.ExitUnreachable, or(hint, "the server's key has changed, or something in between answers; have a new token issued")
	case errors.Is(err, remote.ErrGaveUp), errors.Is(err, push.ErrProtocol):
		return wire.ExitTryAgain, or(hint, "run the same command again: it goes on where it was")
	case errors.Is(err, remote.ErrUnreachable):
		return wire.ExitUnreachable, or(hint, "check that the server runs and that its address in the token can be reached from here")
	case errors.Is(err, walk.ErrChanged):
		return wire.ExitTryAgain, or(hint, "push when nothing writes to the directory any more; nothing was published")
	case errors.Is(err, manifest.ErrBadPath):
		return wire.ExitUsage, or(hint, "rename what is named, leave it out with --exclude, or all of its kind with --skip-unfit")
	case errors.Is(err, walk.ErrPattern), errors.Is(err, walk.ErrNoMatch), errors.Is(err, walk.ErrStripped), errors.Is(err, walk.ErrDuplicate):
		return wire.ExitUsage, hint
	case errors.Is(err, store.ErrInvalid):
		return wire.ExitUsage, hint
	case errors.Is(err, store.ErrLocked):
		return wire.ExitLocal, or(hint, "stop the other server, or choose another folder with --store")
	case errors.As(err, &path), errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return wire.ExitLocal, or(hint, hintForPath(err))
	case errors.Is(err, os.ErrDeadlineExceeded):
		return wire.ExitTryAgain, hint
	}
	return wire.ExitLocal, hint
}

func hintFor(c wire.Code) string {
	switch c {
	case wire.CodeTokenInvalid:
		return "it was revoked, or is for another server: have a new token issued"
	case wire.CodeTokenExpired, wire.CodeSessionExpired, wire.CodeTokenConsumed, wire.CodeCallsExhausted:
		return "have a new token issued"
	case wire.CodeTokenInUse:
		return "another builder uses this token; if it is gone, reset it: pubsync token reset ACCESSOR"
	case wire.CodePathDenied, wire.CodeVerbDenied, wire.CodeSourceDenied, wire.CodeFilesExhausted, wire.CodeBytesExhausted:
		return "have a token issued that allows it"
	}
	return ""
}

func hintForPath(err error) string {
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return "free space on this disk"
	case errors.Is(err, fs.ErrNotExist):
		return "check the path"
	case errors.Is(err, fs.ErrPermission):
		return "check its permissions, or leave it out with --exclude"
	}
	return ""
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func versionCommand(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		Run: func(*cobra.Command, []string) {
			fmt.Fprintf(env.Stdout, "pubsync %s, protocol %d\n", buildVersion(), wire.Version)
		},
	}
}

// buildVersion is the module version or revision that the binary was built of.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
