package server_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// TestPublishersAtOnce has 8 builders publish to 8 targets and to one shared
// target: all succeed, each published whole.
func TestPublishersAtOnce(t *testing.T) {
	s := newSite(t)
	shared := s.issue(token.Grant{Target: "shared/1", Publications: 8})
	var wg sync.WaitGroup
	dirs := make([]string, 8)
	for i := range dirs {
		dirs[i] = s.fill(uint64(200 + i))
		own := s.builder(s.issue(token.Grant{Target: manifest.Path(fmt.Sprintf("own/%d", i))}), dirs[i])
		in := s.builder(shared, dirs[i])
		in.opts.Target = manifest.Path(fmt.Sprintf("shared/1/part-%d", i))
		for _, b := range []*builder{own, in} {
			wg.Go(func() {
				if _, err := b.push(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	for i, dir := range dirs {
		s.wantTree(manifest.Path(fmt.Sprintf("own/%d", i)), dir)
		s.wantTree(manifest.Path(fmt.Sprintf("shared/1/part-%d", i)), dir)
	}
}

// TestConflictIsNoChance has two builders publish different content at one
// path: without leave to overwrite exactly one of them does.
func TestConflictIsNoChance(t *testing.T) {
	s := newSite(t)
	for round := range 5 {
		target := manifest.Path(fmt.Sprintf("conflict/%d", round))
		var won, lost atomic.Int64
		var wg sync.WaitGroup
		for i := range 4 {
			dir := t.TempDir()
			s.write(dir, "same/path", fmt.Appendf(nil, "content of %d", i))
			b := s.builder(s.issue(token.Grant{Target: target}), dir)
			wg.Go(func() {
				_, err := b.push(t.Context())
				switch {
				case err == nil:
					won.Add(1)
				case errors.Is(err, &wire.Error{Code: wire.CodeExists}):
					lost.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 || lost.Load() != 3 {
			t.Errorf("%d published, %d refused", won.Load(), lost.Load())
		}
	}
}

// TestSixtyFourPublishers has 64 builders publish at once, all into one target
// and each to one of its own. In the shared one each pair writes one path with
// different content: without leave to overwrite one of the two is published, the
// other told. A reader of any version sees whole pushes only.
func TestSixtyFourPublishers(t *testing.T) {
	s := newSite(t)
	const n = 64
	var won, lost [n / 2]atomic.Int64
	var wg sync.WaitGroup
	for i := range n {
		dir := t.TempDir()
		for j := range 4 {
			s.write(dir, fmt.Sprintf("%d/f%d", i/2, j), fmt.Appendf(nil, "file %d of builder %d", j, i))
		}
		in := s.builder(s.issue(token.Grant{Target: "shared"}), dir)
		own := s.builder(s.issue(token.Grant{Target: manifest.Path(fmt.Sprintf("own/%d", i))}), dir)
		wg.Go(func() {
			if _, err := own.push(t.Context()); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			_, err := in.push(t.Context())
			switch {
			case err == nil:
				won[i/2].Add(1)
			case errors.Is(err, &wire.Error{Code: wire.CodeExists}):
				lost[i/2].Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for i := range won {
		if won[i].Load() != 1 || lost[i].Load() != 1 {
			t.Errorf("pair %d: %d published, %d refused", i, won[i].Load(), lost[i].Load())
		}
	}
	if got := s.publications(); got != n+n/2 {
		t.Errorf("%d publications, want %d", got, n+n/2)
	}
	for v := range s.publications() {
		s.wantNoMix(store.Version(v + 1))
	}
}

// wantNoMix fails unless the folders below "shared" are each of one builder, with
// all its four files.
func (s *site) wantNoMix(v store.Version) {
	s.t.Helper()
	by := map[string]map[int]int{} // by folder: files by builder
	err := s.store.Walk(s.t.Context(), "shared", v, func(e manifest.Entry) error {
		if e.Kind != manifest.File {
			return nil
		}
		var file, builder int
		if _, err := fmt.Sscanf(string(s.content(e)), "file %d of builder %d", &file, &builder); err != nil {
			return err
		}
		folder := string(e.Path.Dir())
		if by[folder] == nil {
			by[folder] = map[int]int{}
		}
		by[folder][builder]++
		return nil
	})
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		s.t.Fatal(err)
	}
	for folder, files := range by {
		for builder, k := range files {
			if len(files) > 1 || k != 4 {
				s.t.Errorf("version %d: %s has %d files of builder %d among %v", v, folder, k, builder, files)
			}
		}
	}
}

// TestSixtyFourOverwriters has 64 builders publish different content at the same
// paths of one target at once, as mirrors, half of them with leave to overwrite.
// Those who have it are all published, one after another; of the others at most
// the first of all, and the rest are told which paths they may not change. What
// stands after each publication is all of the builder's whose receipt has its
// number.
func TestSixtyFourOverwriters(t *testing.T) {
	s := newSite(t)
	const n, files = 64, 4
	var (
		wg      sync.WaitGroup
		mu      sync.Mutex
		by      = map[store.Version]int{} // builder by publication
		refused = 0
	)
	for i := range n {
		dir := t.TempDir()
		for j := range files {
			s.write(dir, fmt.Sprintf("d/f%d", j), fmt.Appendf(nil, "file %d of builder %d", j, i))
		}
		overwrite := i%2 == 0
		b := s.builder(s.issue(token.Grant{Target: "one", Overwrite: overwrite}), dir)
		b.opts.Mirror = true
		wg.Go(func() {
			r, err := b.push(t.Context())
			mu.Lock()
			defer mu.Unlock()
			var e *wire.Error
			switch {
			case err == nil && (overwrite || r.Receipt.Publication == 1):
				by[store.Version(r.Receipt.Publication)] = i
			case errors.As(err, &e) && e.Code == wire.CodeExists && !overwrite && e.Total == files:
				refused++
			default:
				t.Errorf("builder %d, overwrite %v: %v, %+v", i, overwrite, err, r.Receipt)
			}
		})
	}
	wg.Wait()
	if got := s.publications(); got != len(by) || refused != n-got || got < n/2 {
		t.Errorf("%d publications, %d receipts, %d refusals", got, len(by), refused)
	}
	for v := range s.publications() {
		s.wantBuilder(store.Version(v+1), by[store.Version(v+1)], files)
	}
}

// wantBuilder fails unless the target "one" is, at a version, all of one builder.
func (s *site) wantBuilder(v store.Version, builder, files int) {
	s.t.Helper()
	found := 0
	s.check(s.store.Walk(s.t.Context(), "one", v, func(e manifest.Entry) error {
		if e.Kind != manifest.File {
			return nil
		}
		var file, who int
		_, err := fmt.Sscanf(string(s.content(e)), "file %d of builder %d", &file, &who)
		if found++; who != builder {
			s.t.Errorf("version %d: %q is builder %d's, want %d's", v, e.Path, who, builder)
		}
		return err
	}))
	if found != files {
		s.t.Errorf("version %d has %d files, want %d", v, found, files)
	}
}
