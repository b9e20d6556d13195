package disk

import (
	"bytes"
	"testing"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// FuzzHeader parses any bytes as the header of a record: what is taken for one
// is written just so again, and its length is in bounds.
func FuzzHeader(f *testing.F) {
	f.Add(appendHeader(nil, manifest.DigestOf([]byte("seed")), 4))
	f.Add(appendHeader(nil, manifest.Digest{}, 0))
	f.Add(appendHeader(nil, manifest.Digest{1}, store.SmallBlob))
	f.Add(appendHeader(nil, manifest.Digest{1}, store.SmallBlob+1))
	f.Add([]byte(recordMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, size, err := parseHeader(b)
		if err != nil {
			return
		}
		if size < 0 || size > store.SmallBlob {
			t.Fatalf("size %d", size)
		}
		if again := appendHeader(nil, d, int(size)); !bytes.Equal(again, b[:headerSize]) {
			t.Fatalf("%x became %x", b[:headerSize], again)
		}
	})
}

// FuzzNextRecord looks for a record in any bytes: it finds the first header
// there is, also where it lies across two windows.
func FuzzNextRecord(f *testing.F) {
	h := appendHeader(nil, manifest.DigestOf([]byte("seed")), 4)
	f.Add([]byte("psb1psb1"), uint32(0))
	f.Add(h[:40], uint32(64<<10-headerSize))
	f.Add([]byte{}, uint32(64<<10-1))
	f.Fuzz(func(t *testing.T, junk []byte, at uint32) {
		at %= 200_000
		data := append(make([]byte, at), h...)
		copy(data[:at], junk)
		want := int64(at)
		for i := 0; i < min(len(junk), int(at)); i++ {
			if _, _, err := parseHeader(data[i:]); err == nil {
				want = int64(i)
				break
			}
		}
		got, err := nextRecord(bytes.NewReader(data), 0, int64(len(data)))
		if err != nil || got != want {
			t.Fatalf("at %d (%v), want %d", got, err, want)
		}
	})
}
