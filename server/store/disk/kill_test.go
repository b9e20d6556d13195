package disk_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/server/store/disk"
	"github.com/pubsync/pubsync/sync/manifest"
)

// victimDir names the folder of a process that TestKill kills.
const victimDir = "PUBSYNC_TEST_VICTIM"

// TestVictim, in a process of its own, publishes and collects until it is
// killed, and prints what was acknowledged. Otherwise it does nothing.
func TestVictim(t *testing.T) {
	dir := os.Getenv(victimDir)
	if dir == "" {
		return
	}
	s, err := disk.Open(context.Background(), disk.Options{Dir: dir, PackSize: 100_000})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			s.Collect(context.Background(), store.CollectOptions{Live: func(id store.SessionID) bool { return id == "s" }})
		}
	}()
	p := push{s: s}
	for i := 0; ; i++ {
		c := store.Commit{Target: "t", Mirror: true, Overwrite: true, Time: time.Unix(1, 0)}
		var contents []string
		for j := range 20 {
			content := fmt.Sprint(i, j, strings.Repeat("x", j*j*500))
			contents = append(contents, content)
			c.Entries = append(c.Entries, manifest.Entry{
				Path: manifest.Path(fmt.Sprintf("f%02d", j)), Kind: manifest.File, Size: int64(len(content)),
				Digest: manifest.DigestOf([]byte(content)),
			})
		}
		if err := p.batch(contents); err != nil {
			t.Fatal(err)
		}
		pub, err := s.Commit(context.Background(), c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Forget(context.Background(), "t", pub.Number); err != nil {
			t.Fatal(err)
		}
		if err := s.Release(context.Background(), "s"); err != nil {
			t.Fatal(err)
		}
		fmt.Println("published", pub.Number)
	}
}

// TestKill kills a process that publishes, at moments that differ, and opens
// its store: what was acknowledged is there, and nothing is amiss.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	for round := range 6 {
		acked := runVictim(t, dir, 1+round%3, time.Duration(round)*3*time.Millisecond)
		s, err := disk.Open(context.Background(), disk.Options{Dir: dir, PackSize: 100_000})
		if err != nil {
			t.Fatal(err)
		}
		v, err := s.Version(context.Background())
		if err != nil || v < acked {
			t.Fatalf("version %d, but %d was acknowledged (%v)", v, acked, err)
		}
		_, err = s.Check(context.Background(), store.CheckOptions{Content: true}, func(f store.Finding) error { return f.Err })
		if err != nil {
			t.Fatal(err)
		}
		if err := readAll(s); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// runVictim lets a victim publish a few times and a moment longer, kills it and
// returns the last version it acknowledged.
func runVictim(t *testing.T, dir string, times int, longer time.Duration) (acked store.Version) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestVictim$", "-test.v")
	cmd.Env = append(os.Environ(), victimDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	var said strings.Builder
	for n := 0; lines.Scan(); {
		fmt.Fprintln(&said, lines.Text())
		if _, err := fmt.Sscanf(lines.Text(), "published %d", &acked); err != nil {
			continue
		}
		if n++; n == times {
			time.AfterFunc(longer, func() { cmd.Process.Kill() })
		}
	}
	if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("the victim ended by itself: %v\n%s", err, said.String())
	}
	return acked
}
