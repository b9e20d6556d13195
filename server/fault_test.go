package server_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/pubsync/pubsync/server/store/disk/faultfs"
	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/push"
)

// A nextVersion is a tree, and a version of it that goes by every way there is:
// unchanged, renamed, new and small, new and in parts, as a delta, and as an
// archive seen through.
type nextVersion struct {
	old, new string
}

func (s *site) nextVersion(seed uint64) nextVersion {
	s.t.Helper()
	u := nextVersion{s.t.TempDir(), s.t.TempDir()}
	r := rand.New(rand.NewPCG(seed, 77))
	kept, edited := text(r, 3000), text(r, 300_000)
	ms := members(seed, 20)
	changed := append([][]byte(nil), ms...)
	changed[7] = append([]byte("a new line\n"), ms[7]...)
	at := time.Unix(1_700_000_000+int64(seed), 0)
	s.write(u.old, "kept", kept)
	s.write(u.old, "edited", edited)
	s.write(u.old, "a-1.tgz", tgz(s.t, ms, at, 6))
	s.write(u.new, "renamed", kept)
	s.write(u.new, "edited", append([]byte("a new line\n"), edited...))
	s.write(u.new, "a-1.tgz", tgz(s.t, changed, at.Add(time.Hour), 6))
	s.write(u.new, "small", text(r, 5000))
	s.write(u.new, "twin", text(rand.New(rand.NewPCG(seed, 78)), 400))
	s.write(u.new, "twin-too", text(rand.New(rand.NewPCG(seed, 78)), 400))
	s.write(u.new, "large", noise(r, 1_200_000))
	return u
}

// updater is a builder that pushes an update's new tree as a mirror.
func (s *site) updater(target manifest.Path, dir string) *builder {
	b := s.builder(s.issue(token.Grant{Target: target, Overwrite: true}), dir)
	b.opts.Mirror, b.opts.Through, b.opts.Parallel = true, push.Always, 1
	return b
}

// A rig is a site on a file system that fails as it is told, with the old tree
// of an update published; it is made once and copied for each fault.
type rig struct {
	nextVersion
	dir string
	fs  *faultfs.FS
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{fs: faultfs.New()}
	s := newSite(t, func(s *site) { s.fs = r.fs })
	r.nextVersion, r.dir = s.nextVersion(1), s.dir
	s.updater("fault/1", r.old).mustPush()
	s.restart() // which leaves nothing in the catalog's log
	return r
}

// site returns a copy of the rig.
func (r *rig) site(t *testing.T) (*site, *faultfs.FS) {
	t.Helper()
	fsys := r.fs.Cut(true)
	return newSite(t, func(s *site) {
		s.fs = fsys
		s.check(os.CopyFS(filepath.Join(s.dir, "store"), os.DirFS(filepath.Join(r.dir, "store"))))
	}), fsys
}

// calls returns how many calls a push of the update makes to the file system.
func (r *rig) calls(t *testing.T) int {
	s, fsys := r.site(t)
	fsys.Set(nil)
	s.updater("fault/1", r.new).mustPush()
	n := fsys.Calls()
	s.wantTree("fault/1", r.new)
	if n < 30 {
		t.Fatalf("only %d calls: the push is too small to show anything", n)
	}
	return n
}

// TestEveryFaultOfAnUpdate fails each call to the file system that an update
// makes, once. The push may fail, then nothing is published; the same server
// takes the same command again, and the store is sound.
func TestEveryFaultOfAnUpdate(t *testing.T) {
	r := newRig(t)
	n := r.calls(t)
	for i := 1; i <= n; i++ {
		fault := []error{syscall.EIO, syscall.ENOSPC}[i%2]
		t.Run(fmt.Sprintf("%v/%d", fault, i), func(t *testing.T) {
			t.Parallel()
			s, fsys := r.site(t)
			b := s.updater("fault/1", r.new)
			fsys.Set(faultfs.Fail(i, fault))
			_, err := b.push(t.Context())
			fsys.Set(nil)
			if err != nil {
				s.wantTree("fault/1", r.old)
				b.mustPush()
			}
			s.wantTree("fault/1", r.new)
			if got := s.publications(); got != 2 {
				t.Errorf("%d publications, want 2", got)
			}
			s.sound()
		})
	}
}

// TestPowerCutOfAnUpdate cuts the power at each call to the file system that an
// update makes: what was not synced is gone, files and names. The server comes
// up sound, with the old tree or the new, and the same command goes through.
func TestPowerCutOfAnUpdate(t *testing.T) {
	r := newRig(t)
	n := r.calls(t)
	for i := 1; i <= n; i++ {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			s, fsys := r.site(t)
			b := s.updater("fault/1", r.new)
			fsys.Set(faultfs.Off(i))
			_, err := b.push(t.Context())
			s.fs = fsys.Cut(i%2 == 0)
			s.restart()
			s.sound()
			if err != nil && s.publications() == 1 {
				s.wantTree("fault/1", r.old)
			}
			if err == nil || s.publications() == 2 {
				s.wantTree("fault/1", r.new)
			}
			b.mustPush()
			s.wantTree("fault/1", r.new)
			if got := s.publications(); got != 2 {
				t.Errorf("%d publications, want 2", got)
			}
		})
	}
}

// TestEveryAnswerOfAnUpdateLost drops the answer to each request of an update in
// turn (threats, row 2), and has the clock of the server jump by half an hour while it
// is at it (threats, row 40): each is published, once, with its times as given.
func TestEveryAnswerOfAnUpdateLost(t *testing.T) {
	s := newSite(t)
	for lost := int64(1); ; lost++ {
		target := manifest.Path(fmt.Sprintf("lost/%d", lost))
		u := s.nextVersion(uint64(lost))
		s.put(nil)
		s.updater(target, u.old).mustPush()
		var n atomic.Int64
		s.put(func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if n.Add(1) != lost {
					h.ServeHTTP(w, r)
					return
				}
				h.ServeHTTP(&silent{w}, r)
				s.skew.Store(int64(lost%2) * int64(30*time.Minute))
				panic(http.ErrAbortHandler)
			})
		})
		before := s.publications()
		r, err := s.updater(target, u.new).push(t.Context())
		if err != nil {
			t.Fatalf("answer %d lost: %v", lost, err)
		}
		if r.Status != "published" || s.publications() != before+1 {
			t.Errorf("answer %d lost: %s, %d publications", lost, r.Status, s.publications()-before)
		}
		if lost == 1 && (r.Delta.Files != 1 || r.Archive.Files != 1 || r.Linked.Files < 1) {
			t.Errorf("the update does not go by every way: %+v", r)
		}
		s.skew.Store(0)
		s.wantTree(target, u.new)
		if n.Load() < lost {
			if lost < 6 {
				t.Errorf("only %d requests", n.Load())
			}
			return
		}
	}
}
