package server_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/sync/push"
)

// farAway is a remote over a link that is said to be slow.
type farAway struct{ push.Remote }

func (farAway) Link() (time.Duration, float64) { return 40 * time.Millisecond, 12e6 }

// TestSiblings pushes an image and a tar of the same files for the first time, over a
// slow link and over one that is none: of the second hardly more goes than where things
// are. Files that only have such names go whole.
func TestSiblings(t *testing.T) {
	const piece, pieces = 60_000, 300
	r := rand.New(rand.NewPCG(1, 2))
	var image, tar []byte
	contents := make([][]byte, pieces)
	for i := range contents {
		contents[i] = noise(r, piece)
		image = append(append(image, contents[i]...), make([]byte, 4096-piece%4096)...)
	}
	for _, i := range r.Perm(pieces) {
		tar = append(append(tar, noise(r, 512)...), contents[i]...)
		tar = append(tar, make([]byte, 512-piece%512)...)
	}
	far := func(r push.Remote) push.Remote { return farAway{r} }
	for _, c := range []struct {
		name   string
		link   func(push.Remote) push.Remote
		second []byte
		delta  int64
	}{
		{"the same files", far, tar, 1}, {"others", far, noise(r, 17<<20), 0},
		{"the same files, next door", nil, tar, 1}, {"others, next door", nil, noise(r, 17<<20), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t)
			dir := t.TempDir()
			s.write(dir, "core.rootfs.ext4", image)
			s.write(dir, "core.rootfs.tar", c.second)
			b := s.builder(s.issue(token.Grant{Target: "a/1"}), dir)
			b.between = c.link
			got := b.mustPush()
			if got.Delta.Files != c.delta || got.Whole.Files != 2-c.delta || got.Delta.Sent > 512*pieces*5/4 {
				t.Errorf("%+v whole, %+v as differences", got.Whole, got.Delta)
			}
			s.wantTree("a/1", dir)
		})
	}
}
