//go:build linux

package cli_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// canMount reports whether this process may mount file systems.
func canMount(t *testing.T) bool {
	dir := t.TempDir()
	if unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k") != nil {
		return false
	}
	return unix.Unmount(dir, 0) == nil
}

// tmpfs DIR SIZE mounts a file system in memory of that size, or gives the one
// that is there another.
func tmpfs(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	if _, err := os.Stat(dir); err == nil {
		ts.Check(unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT, "size="+args[1]))
		return
	}
	ts.Check(os.Mkdir(dir, 0o755))
	ts.Check(unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+args[1]))
	ts.Defer(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
}

// crowd N SIZE STORE pushes N trees of SIZE bytes each at once, with tokens from
// the store. Some must be published and some refused for want of space, with
// exit code 75 and one line that says so.
func crowd(ts *testscript.TestScript, _ bool, args []string) {
	n, size := int(number(ts, args[0])), int(number(ts, args[1]))
	var (
		wg    sync.WaitGroup
		codes = make([]int, n)
		said  = make([]string, n)
	)
	for i := range n {
		dir := ts.MkAbs(fmt.Sprintf("crowd/%d", i))
		r := rand.NewChaCha8([32]byte{byte(i)})
		ts.Check(os.MkdirAll(dir, 0o755))
		for part, size := range map[string]int{"large": size - size/8, "small-1": size / 16, "small-2": size / 16} {
			b := make([]byte, size)
			r.Read(b)
			ts.Check(os.WriteFile(filepath.Join(dir, part), b, 0o644))
		}
		token, err := command(ts, "token", "issue", "--store", args[2], "--target", fmt.Sprintf("crowd/%d", i)).Output()
		ts.Check(err)
		cmd := command(ts, "push", "-q", dir, "--token", strings.TrimSpace(string(token)))
		wg.Go(func() {
			out, _ := cmd.CombinedOutput()
			codes[i], said[i] = cmd.ProcessState.ExitCode(), string(out)
		})
	}
	wg.Wait()
	published := 0
	for i, code := range codes {
		switch {
		case code == 0:
			published++
		case code != 75, !strings.HasPrefix(said[i], "error: the server's disk has "), strings.Count(said[i], "\n") != 2, !strings.Contains(said[i], "\nhint: "):
			ts.Fatalf("push %d ended with %d:\n%s", i, code, said[i])
		}
	}
	ts.Logf("%d of %d published; %s", published, n, strings.Join(said, ""))
	if published == 0 || published == n {
		ts.Fatalf("%d of %d published", published, n)
	}
}

// TestFullDisk fills a real file system through the real command.
func TestFullDisk(t *testing.T) {
	if !canMount(t) {
		t.Skip("mounting a file system needs root; TestFullDisk of package server makes do without")
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/fulldisk",
		Setup: func(e *testscript.Env) error {
			e.Setenv("PUBSYNC_STATE_DIR", filepath.Join(e.WorkDir, ".state"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"await": await, "setenv": setenv, "exits": exits, "sametree": sametree, "tmpfs": tmpfs, "crowd": crowd,
		},
	})
}
