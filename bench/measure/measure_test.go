package measure

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

type here struct{}

func (here) Start(cmd *exec.Cmd) error { return cmd.Start() }

func TestParseStat(t *testing.T) {
	const line = "42 (a ) b) S 1 42 42 0 -1 4194560 100 0 0 0 7 3 20 10 20 0 1 0 100 1000 10"
	got, err := parseStat([]byte(line))
	if err != nil || got != 300*time.Millisecond {
		t.Errorf("got %v %v, want 300ms", got, err)
	}
	for _, bad := range []string{"", "42 (x) S 1", "1 (x) S 1 2 3 4 5 6 7 8 9 10 a b c d"} {
		if _, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

// The clock of a process agrees with what the system charges it.
func TestCPU(t *testing.T) {
	charged := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			t.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := charged()
	got, err := CPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	const tick = 20 * time.Millisecond // the charge may be counted in ticks
	if after := charged(); got < before-tick || got > after+tick {
		t.Errorf("CPU says %v, between charges of %v and %v", got, before, after)
	}
}

func TestParseStatm(t *testing.T) {
	if got := parseStatm([]byte("1000 300 100 1 0 2 0\n")); got != 200 {
		t.Errorf("got %d pages, want 200", got)
	}
	if got := parseStatm([]byte("x")); got != 0 {
		t.Errorf("got %d of nonsense", got)
	}
}

// The CPU of a command's children counts, and its output is kept.
func TestRun(t *testing.T) {
	busy := `sh -c 'i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done'; echo done`
	cost, err := Run(context.Background(), here{}, Command{Args: []string{"sh", "-c", busy}, Env: os.Environ()})
	if err != nil {
		t.Fatal(err)
	}
	if cost.ClientCPU <= 0 || cost.Wall <= 0 || cost.ClientMem <= 0 || cost.Output != "done\n" {
		t.Errorf("got %+v", cost)
	}
}

func TestRunSaysWhy(t *testing.T) {
	_, err := Run(context.Background(), here{}, Command{Args: []string{"sh", "-c", "echo no such luck >&2; exit 3"}})
	if err == nil || !strings.Contains(err.Error(), "no such luck") {
		t.Errorf("got %v", err)
	}
}

func TestDescendants(t *testing.T) {
	cmd := exec.Command("sh", "-c", "sh -c 'cat; true'; true")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(5 * time.Second)
	for len(Descendants(cmd.Process.Pid)) < 2 && time.Now().Before(deadline) {
		// The shells are still starting.
	}
	if n := len(Descendants(cmd.Process.Pid)); n != 2 {
		t.Errorf("%d processes below, want 2", n)
	}
	in.Close()
	_ = cmd.Wait()
}
