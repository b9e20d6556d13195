package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// TestCutBody ends a body at each of many places. Every file that arrived whole
// comes out, also of a zstd frame that did not, but for one zstd block (128 KiB)
// at most; and what arrived of the last frame.
func TestCutBody(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var plain []byte
	var ends []int // of the files in plain
	for i := range 60 {
		content := make([]byte, 1+rng.IntN(30_000))
		for k := range content {
			content[k] = "0123456789abcdef"[rng.IntN(16)] // half its size, compressed
		}
		plain = AppendFile(plain, File{Index: i, Content: content})
		ends = append(ends, len(plain))
	}
	enc, err := NewZstdEncoder(zstd.SpeedFastest)
	if err != nil {
		t.Fatal(err)
	}
	defer enc.Close()
	body := AppendZstd(nil, enc, plain)
	zipped := len(body)
	body = AppendFile(body, File{Index: 60, Content: bytes.Repeat([]byte("x"), 1000)})
	for at := 10; at < len(body); at += 1 + rng.IntN(5000) {
		r := NewReader(bytes.NewReader(body[:at]))
		n := 0
		for {
			f, err := r.Next()
			if err != nil {
				if err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Fatalf("cut at %d: %v", at, err)
				}
				if err == io.EOF && at != zipped {
					t.Fatalf("cut at %d of %d: a clean end", at, len(body))
				}
				break
			}
			if got, err := ParseFile(f.Payload); err != nil || got.Index != n {
				t.Fatalf("cut at %d: file %d is %d (%v)", at, n, got.Index, err)
			}
			n++
		}
		arrived := len(plain) * min(at, zipped) / zipped // it is alike throughout
		for n < 60 && ends[n] < arrived-140<<10 {
			t.Fatalf("cut at %d: only %d files came out, the next ends at %d of %d", at, n, ends[n], arrived)
		}
		f, ok := r.Cut()
		if at > zipped+50 && (!ok || f.Type != FrameFile || len(f.Payload) != at-zipped-3) {
			t.Fatal(fmt.Sprintf("cut at %d: %d bytes of frame %v, %d are there", at, len(f.Payload), f.Type, at-zipped-3))
		}
	}
}
