package server_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/sync/push"
	"github.com/pubsync/pubsync/sync/wire"
)

// hashesOf counts the answers with hashes of bases of one entry.
type hashesOf struct {
	push.Remote
	index int
	n     *int
}

func (h hashesOf) Exchange(ctx context.Context, session string, body []byte, reply func(wire.Frame) error) error {
	return h.Remote.Exchange(ctx, session, body, func(f wire.Frame) error {
		if s, err := wire.ParseSignature(f.Payload); f.Type == wire.FrameHashes && err == nil && s.Index == h.index {
			*h.n++
		}
		return reply(f)
	})
}

// heldBack holds the answer about the first entry back until there is one about the second.
type heldBack struct {
	push.Remote
	second chan struct{}
}

func (h heldBack) Exchange(ctx context.Context, session string, body []byte, reply func(wire.Frame) error) error {
	return h.Remote.Exchange(ctx, session, body, func(f wire.Frame) error {
		if vs, err := wire.ParseVerdicts(f.Payload); f.Type == wire.FrameVerdicts && err == nil {
			if vs[0].Index == 1 {
				close(h.second)
			}
			<-h.second
		}
		return reply(f)
	})
}

// TestSiblingsOfAnUpdate pushes new versions of an image and of a tar of the same files: the
// tar is not matched with its older version, but with the image, unless it has much besides.
// That does not hang on which of the two the server answers about first.
func TestSiblingsOfAnUpdate(t *testing.T) {
	const piece = 240_000
	for _, c := range []struct{ pieces, besides int }{{300, 0}, {150, 15}} {
		r := rand.New(rand.NewPCG(1, 2))
		contents := make([][]byte, c.pieces)
		besides := noise(r, c.besides*piece)
		s, dir := newSite(t), t.TempDir()
		var got push.Result
		asked := 0
		for range 2 {
			var image, tar []byte
			for i := range contents {
				if contents[i] == nil || i%50 == 0 {
					contents[i] = noise(r, piece)
				}
				image = append(append(image, contents[i]...), make([]byte, 4096-piece%4096)...)
				tar = append(append(tar, noise(r, 512)...), contents[i]...)
				tar = append(tar, make([]byte, 512-piece%512)...)
			}
			s.write(dir, "core.rootfs.ext4", image)
			s.write(dir, "core.rootfs.tar", slices.Concat(tar, besides))
			b := s.builder(s.issue(token.Grant{Target: "a/1", Overwrite: true}), dir)
			second := make(chan struct{})
			b.between = func(r push.Remote) push.Remote {
				return onLink{heldBack{hashesOf{r, 1, &asked}, second}, nextDoor, carried}
			}
			asked = 0
			got = b.mustPush()
			s.wantTree("a/1", dir)
		}
		if got.Delta.Files != 2 || asked > 0 != (c.besides > 0) {
			t.Errorf("%d pieces besides: %+v as differences, %d answers about the older tar", c.besides, got.Delta, asked)
		}
		if most := int64(c.pieces/50*piece + 512*c.pieces*5/4); c.besides == 0 && got.Delta.Sent > most {
			t.Errorf("%d bytes sent, at most %d expected", got.Delta.Sent, most)
		}
	}
}
