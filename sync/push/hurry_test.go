package push

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/pubsync/pubsync/delta"
	"github.com/pubsync/pubsync/delta/codec"
	"github.com/pubsync/pubsync/sync/wire"
)

// One byte of a large file is edited. Where time counts it is not matched to the last
// byte, but all the same to a few kB; a small one is.
func TestHurry(t *testing.T) {
	for _, c := range []struct {
		size     int
		hurry    bool
		finest   int // block asked for, at least
		coarsest int // and at most
	}{
		{32 << 20, true, 256, 8 << 10}, {32 << 20, false, 16, 128}, {1 << 20, true, 16, 128},
	} {
		r := rand.New(rand.NewPCG(1, 2))
		old := make([]byte, c.size)
		for i := range old {
			old[i] = byte(r.Uint32())
		}
		edited := slices.Clone(old)
		edited[c.size/3]++
		basis := delta.Source{ReaderAt: bytes.NewReader(old), Size: int64(c.size)}
		s := newStream(wire.Raw, delta.Source{ReaderAt: bytes.NewReader(edited), Size: int64(c.size)}, []wire.Basis{{Size: int64(c.size)}})
		if c.hurry {
			s.hurry()
		}
		sig, err := delta.Sign(basis, delta.FirstRequest(basis.Size, basis.Size))
		if err != nil {
			t.Fatal(err)
		}
		s.firsts[0] = codec.AppendSignature(nil, sig, basis.Size)
		finest := sig.BlockSize
		for more := true; more; {
			if more, err = s.advance(); err != nil {
				t.Fatal(err)
			}
			for k, q := range s.asked {
				finest = min(finest, q.BlockSize)
				sig, err := delta.Sign(basis, q.Request)
				if err != nil {
					t.Fatal(err)
				}
				s.answers[k] = codec.AppendHashes(nil, sig)
			}
		}
		if finest < c.finest || finest > c.coarsest || s.missing() > 8<<10 {
			t.Errorf("%d bytes, hurry %v: %d missing after blocks of %d", c.size, c.hurry, s.missing(), finest)
		}
	}
}
