package measure

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Starter starts a command; a [*link.Space] is one.
type Starter interface {
	Start(cmd *exec.Cmd) error
}

// Command is a program to run.
type Command struct {
	Args []string
	Env  []string // the whole environment
	Dir  string
}

// Cost is what a run took.
type Cost struct {
	Wall      time.Duration
	ClientCPU time.Duration // of the command and its ended children
	ServerCPU time.Duration // of the servers and their ended children, meanwhile
	ClientMem int64         // bytes; see [WatchPeak]
	ServerMem int64
	Output    string // what the command printed on standard output
}

// Run runs the command to its end and says what it and the servers, running
// processes, used. A command that fails is an error with what it said.
func Run(ctx context.Context, where Starter, c Command, servers ...int) (Cost, error) {
	before, err := total(servers)
	if err != nil {
		return Cost{}, err
	}
	cmd := exec.CommandContext(ctx, c.Args[0], c.Args[1:]...)
	cmd.Env, cmd.Dir = c.Env, c.Dir
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.WaitDelay = 5 * time.Second
	serverPeak := WatchPeak(servers...)
	began := time.Now()
	if err := where.Start(cmd); err != nil {
		serverPeak.Stop()
		return Cost{}, fmt.Errorf("measure: %w", err)
	}
	clientPeak := WatchPeak(cmd.Process.Pid)
	err = cmd.Wait()
	cost := Cost{Wall: time.Since(began), Output: out.String()}
	cost.ClientMem = clientPeak.Stop()
	cost.ServerMem = serverPeak.Stop()
	if err != nil {
		return cost, fmt.Errorf("%s: %w: %s", strings.Join(c.Args, " "), err, strings.TrimSpace(errs.String()+out.String()))
	}
	cost.ClientCPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok && cost.ClientMem == 0 {
		// It ended before the first sample.
		cost.ClientMem = usage.Maxrss << 10
	}
	settle(ctx, servers)
	after, err := total(servers)
	cost.ServerCPU = after - before
	return cost, err
}

func total(pids []int) (time.Duration, error) {
	var sum time.Duration
	for _, pid := range pids {
		t, err := CPU(pid)
		if err != nil {
			return 0, fmt.Errorf("measure: a server has ended: %w", err)
		}
		sum += t
	}
	return sum, nil
}

// settle waits until the servers' processes for this run have ended: only then is
// their time in the servers' accounts. After two seconds it is taken as it is.
func settle(ctx context.Context, servers []int) {
	deadline := time.Now().Add(2 * time.Second)
	for time.Now().Before(deadline) && ctx.Err() == nil {
		running := 0
		for _, pid := range servers {
			running += len(children(pid))
		}
		if running == 0 {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}
