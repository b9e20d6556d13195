package wire

import (
	"bytes"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// Bodies that wait for more share the room that their zstd frames were expanded in.
func TestExpandedFramesShareRoom(t *testing.T) {
	const bodies = 32
	enc, err := NewZstdEncoder(zstd.SpeedFastest)
	if err != nil {
		t.Fatal(err)
	}
	content := make([]byte, 1<<16)
	body := AppendZstd(nil, enc, AppendFrame(nil, FrameFile, content))
	body = AppendFrame(body, FrameNumber, []byte{1})
	zips := &Decoders{}
	rooms := map[*byte]bool{}
	var readers []*Reader
	for i := range bodies {
		r := NewReaderSize(bytes.NewReader(body), 4<<10, zips)
		f, err := r.Next()
		if err != nil || f.Type != FrameFile || !bytes.Equal(f.Payload, content) {
			t.Fatalf("body %d: frame %#x of %d bytes, %v", i, f.Type, len(f.Payload), err)
		}
		rooms[&f.Payload[0]] = true
		if f, err = r.Next(); err != nil || f.Type != FrameNumber {
			t.Fatalf("body %d: frame %#x, %v", i, f.Type, err)
		}
		readers = append(readers, r) // with what it still holds
	}
	// The race detector has pools drop one in four.
	if n := len(rooms); n > bodies*3/4 {
		t.Errorf("%d bodies that wait took %d rooms", len(readers), n)
	}
}
