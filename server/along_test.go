package server_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/push"
)

// TestContentGoesUnasked pushes many windows to a server next door. Of what it has
// nothing of, one window of eight is asked about, and what several files hold goes once
// all the same. In a tree whose second half it has, hardly more goes than the first: the
// next question shows it. Where the link is not known to be fast all is asked about.
func TestContentGoesUnasked(t *testing.T) {
	const (
		windows, files, size = 24, 4, 60 << 10 // of a window
		askEvery             = 8
		once                 = windows*files*size + 4<<10
	)
	s := newSite(t, func(s *site) { s.limit = 256 << 10 })
	rng := rand.New(rand.NewPCG(5, 6))
	fill := func(dir, name string) {
		for i := range windows * files {
			content := noise(rng, size)
			s.write(dir, fmt.Sprintf("%s/%03d%s", name, i, name), content)
			if i%files == 0 {
				s.write(dir, fmt.Sprintf("%s/%03d%[1]s-again", name, i+2*files), content) // two windows later
			}
		}
	}
	known, dir, slow := t.TempDir(), t.TempDir(), t.TempDir()
	fill(known, "z")
	fill(dir, "a")
	s.check(os.CopyFS(dir, os.DirFS(known)))
	fill(slow, "s")
	for n, c := range []struct {
		dir         string
		rate        float64
		least, most int   // requests with content unasked, questions
		sent        int64 // bytes of content
	}{
		{known, carried, windows * 3 / 4, windows / 3, once},
		{dir, carried, windows * 3 / 4, windows, once + askEvery*files*size},
		{slow, 10e6, 0, 2 * windows, once},
	} {
		var kinds []string
		s.requestKinds(&kinds)
		b := s.builder(s.issue(token.Grant{Target: manifest.Path(fmt.Sprint("t/", n))}), c.dir)
		b.opts.Parallel = 1
		b.between = func(r push.Remote) push.Remote { return onLink{r, nextDoor, c.rate} }
		r := b.mustPush()
		s.put(nil)
		s.wantTree(manifest.Path(fmt.Sprint("t/", n)), c.dir)
		along, asked, sent := 0, 0, r.Whole.Sent+r.Delta.Sent
		for _, k := range kinds {
			if strings.Contains(k, "0f") {
				along++
			} else if strings.Contains(k, "04") {
				asked++
			}
		}
		if along < c.least || c.least == 0 && along > 0 || asked > c.most || sent > c.sent {
			t.Errorf("%d requests with content unasked, %d questions, %d bytes of content: want at least %d, at most %d and %d",
				along, asked, sent, c.least, c.most, c.sent)
		}
	}
}

// TestAlikeIsAsked touches every file of a tree and puts new ones before them: that nothing
// of those is there says nothing of files that are as long as what stands at their paths,
// so that of these none goes.
func TestAlikeIsAsked(t *testing.T) {
	const old, fresh = 1100, 200
	s := newSite(t, func(s *site) { s.limit = 256 << 10 })
	dir, rng := t.TempDir(), rand.New(rand.NewPCG(7, 8))
	name := func(dir string) string { return fmt.Sprintf("%s/%x", dir, noise(rng, 20)) }
	var names []string
	for range old { // too long a list to ride on the open
		names = append(names, name("old"))
		s.write(dir, names[len(names)-1], noise(rng, 900))
	}
	push := func() push.Result {
		b := s.builder(s.issue(token.Grant{Target: "t/x", Overwrite: true}), dir)
		b.opts.Parallel = 1
		b.between = func(r push.Remote) push.Remote { return onLink{r, nextDoor, carried} }
		return b.mustPush()
	}
	push()
	for i, name := range names {
		s.check(os.Chtimes(filepath.Join(dir, name), time.Time{}, time.Unix(1_700_000_000+int64(i), 0)))
	}
	for range fresh {
		s.write(dir, name("new"), noise(rng, 900))
	}
	if r := push(); r.Whole.Files != fresh {
		t.Errorf("%d files went whole, want %d", r.Whole.Files, fresh)
	}
	s.wantTree("t/x", dir)
}
