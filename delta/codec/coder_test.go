package codec

import (
	"bytes"
	"testing"

	"github.com/pubsync/pubsync/delta/alloctest"
)

// An encoder for a little that is primed is made with little room, which is cleared for
// each use.
func TestLittleRoomForLittle(t *testing.T) {
	src, dict := bytes.Repeat([]byte("literals "), 100), bytes.Repeat([]byte("what is beside "), 100)
	c := NewCoder()
	var coded []byte
	alloctest.Bounded(t, 2<<20, func() { coded = c.compress(nil, src, dict, Best) })
	plain, err := c.decompress(nil, coded, dict, len(src))
	if err != nil || !bytes.Equal(plain, src) {
		t.Errorf("%d bytes come back, %v", len(plain), err)
	}
}
