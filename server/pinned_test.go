package server_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/server/store/disk"
	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/server/upkeep"
	"github.com/pubsync/pubsync/sync/manifest"
)

// uniform are files that all say in each version which one it is: small ones, and
// one that is no part of a pack.
func uniformFiles() []string { return []string{"a", "d/b", "d/e/c", "large"} }

func uniform(name string, version int) []byte {
	line := fmt.Sprintf("version %d of %s\n", version, name)
	if name == "large" {
		return []byte(strings.Repeat(line, 200_000/len(line)))
	}
	return []byte(line)
}

// publishing publishes version after version of the uniform files to the target
// "u", the n-th as the n-th publication, until n or the end of ctx. The function
// that it returns waits for that.
func (s *site) publishing(ctx context.Context, n int) (wait func()) {
	dir := s.t.TempDir()
	bearer := s.issue(token.Grant{Target: "u", Overwrite: true, Publications: int64(n)})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 1; i <= n && ctx.Err() == nil; i++ {
			for _, name := range uniformFiles() {
				if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
					s.t.Error(err)
				}
				if err := os.WriteFile(filepath.Join(dir, name), uniform(name, i), 0o644); err != nil {
					s.t.Error(err)
				}
			}
			b := s.builder(bearer, dir)
			b.opts.Mirror = true
			if _, err := b.push(context.WithoutCancel(ctx)); err != nil {
				s.t.Errorf("version %d: %v", i, err)
			}
		}
	}()
	return func() { <-done }
}

// TestPinnedReaders reads all files of a target at a version, over HTTP, while
// version after version is published. A reader that pins one sees that one; one
// that does not sees each file whole.
func TestPinnedReaders(t *testing.T) {
	s := newSite(t)
	const versions, readers = 25, 4
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	wait := s.publishing(ctx, versions)
	var (
		wg       sync.WaitGroup
		seen     sync.Map // versions that were read
		distinct atomic.Int64
	)
	for range readers {
		wg.Go(func() {
			for s.publications() < versions {
				v := s.publications()
				if v == 0 {
					continue
				}
				if _, known := seen.LoadOrStore(v, true); !known {
					distinct.Add(1)
				}
				for _, name := range uniformFiles() {
					status, _, body := s.post("GET", fmt.Sprintf("/files/u/%s?at=%d", name, v), "", nil, "")
					if want := string(uniform(name, v)); status != 200 || body != want {
						t.Errorf("%s at %d: %d, %d bytes that begin %.30q", name, v, status, len(body), body)
					}
					var newest int
					_, _, body = s.post("GET", "/files/u/"+name, "", nil, "")
					if _, err := fmt.Sscanf(body, "version %d ", &newest); err != nil || newest < v || body != string(uniform(name, newest)) {
						t.Errorf("%s, the newest: a mix, or older than %d: %.30q", name, v, body)
					}
				}
			}
		})
	}
	wg.Wait()
	wait()
	if distinct.Load() < 3 {
		t.Errorf("only %d versions were pinned", distinct.Load())
	}
}

// TestBackupDuringPushes takes backups while version after version is published.
// Each, opened, is the store as it was after one of the publications: every version
// up to there entry for entry and byte for byte, and nothing of a later one.
func TestBackupDuringPushes(t *testing.T) {
	s := newSite(t)
	const versions, copies = 25, 6
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	wait := s.publishing(ctx, versions)
	k := upkeep.New(upkeep.Config{Store: s.store, Now: s.now, Live: s.engine.Live, Dir: filepath.Join(s.dir, "store")})
	var dirs []string
	for i := range copies {
		for s.publications() <= i*versions/copies { // so that they are not all of one moment
			if t.Failed() {
				return
			}
		}
		dir := filepath.Join(t.TempDir(), "copy")
		lacking, err := k.Backup(t.Context(), dir)
		if s.check(err); lacking > 0 {
			t.Errorf("copy %d lacks %d", i, lacking)
		}
		dirs = append(dirs, dir)
	}
	wait()
	last := store.Version(0)
	for _, dir := range dirs {
		v := s.wantCopy(dir)
		if v < last {
			t.Errorf("a later copy is of version %d, an earlier one of %d", v, last)
		}
		last = v
	}
	if last == 0 || int(last) > s.publications() {
		t.Errorf("the last copy is of version %d", last)
	}
}

// wantCopy fails unless the store in dir is this site's as it was at some version,
// which it returns.
func (s *site) wantCopy(dir string) store.Version {
	s.t.Helper()
	copied, err := disk.Open(s.t.Context(), disk.Options{Dir: dir, Volatile: true})
	s.check(err)
	defer copied.Close()
	sum, err := copied.Check(s.t.Context(), store.CheckOptions{Content: true}, func(f store.Finding) error { return f.Err })
	s.check(err)
	newest, err := copied.Version(s.t.Context())
	s.check(err)
	if sum.Damaged > 0 {
		s.t.Errorf("version %d: %+v", newest, sum)
	}
	for v := store.Version(1); v <= newest; v++ {
		files := 0
		s.check(copied.Walk(s.t.Context(), "u", v, func(e manifest.Entry) error {
			if e.Kind != manifest.File {
				return nil
			}
			files++
			if want := manifest.DigestOf(uniform(string(e.Path), int(v))); e.Digest != want {
				s.t.Errorf("copy of version %d, at %d: %q has other content", newest, v, e.Path)
			}
			return nil
		}))
		if files != len(uniformFiles()) {
			s.t.Errorf("copy of version %d, at %d: %d files", newest, v, files)
		}
	}
	return newest
}
