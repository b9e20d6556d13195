package server_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	builds "github.com/pubsync/pubsync/server/build"
	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/server/upkeep"
	"github.com/pubsync/pubsync/sync/manifest"
)

// keeper looks after the site's store by the types.
func (s *site) keeper(types builds.Types) *upkeep.Keeper {
	return upkeep.New(upkeep.Config{Store: s.store, Types: types, Now: s.now, Live: s.engine.Live})
}

// before calls f once, before the n-th request from now on, and returns what
// counts the requests.
func (s *site) before(n int64, f func()) *atomic.Int64 {
	var count atomic.Int64
	s.put(func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if count.Add(1) == n {
				f()
				s.mu.RLock()
				h = s.handler // another, if f restarted the server
				s.mu.RUnlock()
			}
			h.ServeHTTP(w, r)
		})
	})
	return &count
}

// TestCollectAtEveryRequest removes, before each request of a push in turn, the
// build that holds most of what is pushed, and collects (threats, row 36). The
// push ends published, and sends nothing twice that it was told is held or that
// it brought itself; what it was told is held may go if the server has restarted.
func TestCollectAtEveryRequest(t *testing.T) {
	t.Run("", func(t *testing.T) { collectAtEveryRequest(t, func(*site) {}, 0) })
	t.Run("restarted", func(t *testing.T) { collectAtEveryRequest(t, (*site).restart, 2) })
}

// collectAtEveryRequest does first something else before each collection; twice is how
// many files may be sent that were told to be held.
func collectAtEveryRequest(t *testing.T, first func(*site), twice int64) {
	s := newSite(t)
	for at := int64(1); ; at++ {
		r := rand.New(rand.NewPCG(uint64(at), 36))
		dir := t.TempDir()
		s.write(dir, "packed", noise(r, 5000))
		s.write(dir, "own file", noise(r, 200_000))
		old := manifest.Path(fmt.Sprintf("old/%d", at))
		s.builder(s.issue(token.Grant{Target: old}), dir).mustPush()
		s.write(dir, "a new", noise(r, 6000)) // in a body before the last
		s.write(dir, "large", noise(r, 3<<20))
		target := manifest.Path(fmt.Sprintf("new/%d", at))
		var collected store.Collected
		count := s.before(at, func() {
			first(s)
			p, err := s.store.Commit(t.Context(), store.Commit{Target: old, Remove: true, Overwrite: true, Time: s.now()})
			s.check(err)
			_, err = s.store.Forget(t.Context(), old, p.Number)
			s.check(err)
			collected, err = s.store.Collect(t.Context(), store.CollectOptions{Live: s.engine.Live(t.Context())})
			s.check(err)
		})
		b := s.builder(s.issue(token.Grant{Target: target}), dir)
		b.opts.Parallel = 1
		got := b.mustPush()
		s.put(nil)
		s.wantTree(target, dir)
		s.sound()
		sent := got.Whole.Files + got.Delta.Files
		// At most what only the old build had is collected, and that alone is sent again.
		if n := sent + got.Linked.Files; n < 4 || n > 4+twice || collected.Blobs > 2 || sent-2 > int64(collected.Blobs) {
			t.Errorf("collected before request %d: %d files sent and %d linked, of 4; %d blobs freed, of 2", at, sent, got.Linked.Files, collected.Blobs)
		}
		if count.Load() < at {
			if at < 6 {
				t.Errorf("only %d requests", count.Load())
			}
			return
		}
	}
}

// TestCollectDuringPushes publishes build after build of a type, four at a time
// and most of each in the one before, while retention and collection run in a
// loop (threats, row 36). No push fails, at no time does an entry lack its
// content, and the builds that are to stay are whole.
func TestCollectDuringPushes(t *testing.T) {
	s := newSite(t)
	const keep, pushers, each = 6, 4, 8
	stop := make(chan struct{})
	var loop, wg sync.WaitGroup
	removed, rounds := 0, 0
	loop.Go(func() {
		k := s.keeper(builds.Types{"loop": {KeepBuilds: keep, Aliases: []string{"latest"}}})
		for {
			select {
			case <-stop:
				return
			default:
			}
			r, err := k.Collect(context.WithoutCancel(t.Context()), upkeep.Actor{}, false)
			if err != nil {
				t.Error(err)
				return
			}
			removed += len(r.Removed)
			rounds++
		}
	})
	dirs := make([]string, pushers*each)
	for p := range pushers {
		wg.Go(func() {
			for i := range each {
				n := i*pushers + p
				dirs[n] = t.TempDir()
				for f := range 10 { // f changes with every (f+1)-th build
					s.write(dirs[n], fmt.Sprintf("f%d", f), noise(rand.New(rand.NewPCG(uint64(n/(f+1)), uint64(f))), 3000+f*20_000))
				}
				target := manifest.Path(fmt.Sprintf("loop/%d", n))
				if _, err := s.builder(s.issue(token.Grant{Target: target}), dirs[n]).push(t.Context()); err != nil {
					t.Errorf("build %d: %v", n, err)
				}
				s.allThere()
			}
		})
	}
	wg.Wait()
	close(stop)
	loop.Wait()
	r, err := s.keeper(builds.Types{"loop": {KeepBuilds: keep}}).Collect(t.Context(), upkeep.Actor{}, false)
	s.check(err)
	removed += len(r.Removed)
	s.sound()
	standing, err := s.store.Builds(t.Context(), "loop", 100)
	s.check(err)
	if len(standing) != keep || removed != pushers*each-keep || rounds < 2 {
		t.Errorf("%d builds stand, %d were removed in %d rounds", len(standing), removed, rounds)
	}
	for _, target := range standing {
		var n int
		_, err := fmt.Sscanf(string(target), "loop/%d", &n)
		s.check(err)
		s.wantTree(target, dirs[n])
	}
}

// allThere fails if an entry of the newest version lacks its content and still
// stands.
func (s *site) allThere() {
	v, err := s.store.Version(s.t.Context())
	if err != nil {
		s.t.Error(err)
		return
	}
	err = s.store.Walk(s.t.Context(), "", v, func(e manifest.Entry) error {
		if e.Kind != manifest.File {
			return nil
		}
		b, err := s.store.Open(s.t.Context(), e.Digest)
		if err == nil {
			return b.Close()
		}
		// A build may have been removed, and forgotten, since the walk began.
		if now, gone := s.store.Lookup(s.t.Context(), e.Path, store.Latest); gone == nil && now.Digest == e.Digest {
			s.t.Errorf("%q stands without its content: %v", e.Path, err)
		}
		return nil
	})
	if err != nil {
		s.t.Error(err)
	}
}
