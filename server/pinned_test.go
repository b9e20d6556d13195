package server_test

import (
	"context"
	"errors"
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

// publishing publishes n versions of the uniform files to the target "u", the i-th
// as the i-th publication. It tells each when it is there, and closes the channel
// after the last.
func (s *site) publishing(n int) <-chan int {
	dir := s.t.TempDir()
	bearer := s.issue(token.Grant{Target: "u", Overwrite: true, Publications: int64(n)})
	published := make(chan int, n)
	go func() {
		defer close(published)
		for i := 1; i <= n; i++ {
			b := s.builder(bearer, dir)
			b.opts.Mirror = true
			err := writeUniform(dir, i)
			if err == nil {
				_, err = b.push(context.WithoutCancel(s.t.Context()))
			}
			if err != nil {
				s.t.Errorf("version %d: %v", i, err)
				return
			}
			published <- i
		}
	}()
	return published
}

func writeUniform(dir string, version int) error {
	for _, name := range uniformFiles() {
		full := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(full), 0o755), os.WriteFile(full, uniform(name, version), 0o644)); err != nil {
			return err
		}
	}
	return nil
}

// TestPinnedReaders reads all files of a target at a version, over HTTP, while
// version after version is published. A reader that pins one sees that one; one
// that does not sees each file whole.
func TestPinnedReaders(t *testing.T) {
	s := newSite(t)
	published := s.publishing(25)
	<-published
	var (
		wg     sync.WaitGroup
		pinned sync.Map // versions that were read
		over   atomic.Bool
	)
	for range 4 {
		wg.Go(func() {
			for !over.Load() {
				v := s.publications()
				pinned.Store(v, true)
				s.readUniform(v)
			}
		})
	}
	for range published {
	}
	over.Store(true)
	wg.Wait()
	distinct := 0
	pinned.Range(func(any, any) bool { distinct++; return true })
	if distinct < 3 {
		t.Errorf("only %d versions were pinned", distinct)
	}
}

// readUniform reads the uniform files at a version, and the newest ones.
func (s *site) readUniform(v int) {
	for _, name := range uniformFiles() {
		status, _, body := s.post("GET", fmt.Sprintf("/files/u/%s?at=%d", name, v), "", nil, "")
		if want := string(uniform(name, v)); status != 200 || body != want {
			s.t.Errorf("%s at %d: %d, %d bytes that begin %.30q", name, v, status, len(body), body)
		}
		var newest int
		_, _, body = s.post("GET", "/files/u/"+name, "", nil, "")
		if _, err := fmt.Sscanf(body, "version %d ", &newest); err != nil || newest < v || body != string(uniform(name, newest)) {
			s.t.Errorf("%s, the newest: a mix, or older than %d: %.30q", name, v, body)
		}
	}
}

// TestBackupDuringPushes takes backups while version after version is published.
// Each, opened, is the store as it was after one of the publications: every version
// up to there entry for entry and byte for byte, and nothing of a later one.
func TestBackupDuringPushes(t *testing.T) {
	s := newSite(t)
	published := s.publishing(25)
	k := upkeep.New(upkeep.Config{Store: s.store, Now: s.now, Live: s.engine.Live, Dir: filepath.Join(s.dir, "store")})
	var dirs []string
	for v := range published {
		if v%4 != 1 {
			continue // so that they are not all of one moment
		}
		dir := filepath.Join(t.TempDir(), "copy")
		lacking, err := k.Backup(t.Context(), dir)
		if s.check(err); lacking > 0 {
			t.Errorf("copy %d lacks %d", len(dirs), lacking)
		}
		dirs = append(dirs, dir)
	}
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
