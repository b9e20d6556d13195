// Command mutants takes the defences out of the code, one after another, and
// runs the tests that are to go red for it. It works on a copy of the checkout.
//
//	go run ./bench/mutants              all of them
//	go run ./bench/mutants --only '^10' those whose name matches
//	go run ./bench/mutants --check      only whether each can still be made
//
// The table says for each mutant the row of the threats it belongs to. A mutant
// whose text is not found exactly once, or that does not compile, is an error: the
// table is to be brought up to date. The exit code is 1 if a test stayed green.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
)

// A mutant is a defence taken out.
type mutant struct {
	name  string // row of the threats, or the subject, and what is taken out
	edits []edit
	tests []suite // that are to go red, one of them at least
}

// An edit replaces text that occurs once in a file.
type edit struct{ file, old, new string }

// A suite is tests of one package: those that the regular expression matches.
type suite struct{ pkg, run string }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	only := flag.String("only", "", "regular expression of the names to try")
	check := flag.Bool("check", false, "make each mutant, run nothing")
	flag.Parse()
	green, err := run(ctx, *only, *check)
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(2)
	}
	if green > 0 {
		os.Exit(1)
	}
}

func run(ctx context.Context, only string, check bool) (green int, err error) {
	match, err := regexp.Compile(only)
	if err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if err := checkout(ctx, dir); err != nil {
		return 0, err
	}
	red := 0
	var stale []error
	for _, m := range table() {
		if !match.MatchString(m.name) {
			continue
		}
		killed, err := m.try(ctx, dir, check)
		if ctx.Err() != nil {
			return green, ctx.Err()
		}
		if err != nil {
			stale = append(stale, fmt.Errorf("%s: %w", m.name, err))
			continue
		}
		verdict := "red"
		if red++; !killed {
			verdict = "GREEN"
			red, green = red-1, green+1
		}
		if !check {
			fmt.Printf("%-5s  %s\n", verdict, m.name)
		}
	}
	if check {
		fmt.Printf("%d mutants can be made\n", red+green)
		return 0, errors.Join(stale...)
	}
	fmt.Printf("%d of %d went red\n", red, red+green)
	return green, errors.Join(stale...)
}

// checkout copies the files under version control, as they are now.
func checkout(ctx context.Context, dir string) error {
	out, err := exec.CommandContext(ctx, "git", "ls-files", "-z").Output()
	if err != nil {
		return err
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		b, err := os.ReadFile(name)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		to := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(to, b, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// bounded runs a test with no more memory than 4 GiB, so that a mutant without its bound
// fails instead of having the machine swap itself to a stand. It is of util-linux.
const bounded = "prlimit --data=4294967296"

// try makes the mutant in dir, runs its tests until one goes red, and puts the
// files back.
func (m *mutant) try(ctx context.Context, dir string, check bool) (red bool, err error) {
	for _, e := range m.edits {
		restore, err := e.make(dir)
		if err != nil {
			return false, err
		}
		defer restore()
	}
	if check {
		return true, nil
	}
	for _, s := range m.tests {
		err := goCommand(ctx, dir, "test", "-exec", bounded, "-vet=off", "-count=1", "-failfast", "-timeout=5m", "-run", s.run, s.pkg)
		var exit *exec.ExitError
		if err != nil && strings.Contains(err.Error(), "[build failed]") {
			return false, fmt.Errorf("does not compile: %w", err)
		}
		if errors.As(err, &exit) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
	}
	return false, nil
}

func (e *edit) make(dir string) (restore func(), err error) {
	name := filepath.Join(dir, e.file)
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	if n := strings.Count(string(b), e.old); n != 1 {
		return nil, fmt.Errorf("%s holds this %d times, not once:\n%s", e.file, n, e.old)
	}
	if err := os.WriteFile(name, []byte(strings.Replace(string(b), e.old, e.new, 1)), 0o644); err != nil {
		return nil, err
	}
	return func() { _ = os.WriteFile(name, b, 0o644) }, nil
}

// goCommand runs the go command; what it says is in the error.
func goCommand(ctx context.Context, dir string, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return errors.Join(err, ctx.Err())
}
