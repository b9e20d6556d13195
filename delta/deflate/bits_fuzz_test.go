package deflate

import (
	"bytes"
	"testing"
	"testing/iotest"
)

// FuzzBits writes numbers of any widths and reads them back, whatever pieces the
// reader gets them in. Each number is a byte for its width and four for itself.
func FuzzBits(f *testing.F) {
	addStreams(f, func(stream []byte) { f.Add(stream[:min(len(stream), 500)]) })
	f.Fuzz(func(t *testing.T, b []byte) {
		type number struct {
			v uint32
			k uint
		}
		var (
			all []number
			w   bitWriter
			sum uint
		)
		w.reset()
		for ; len(b) >= 5; b = b[5:] {
			k := uint(b[0]) % 33
			v := uint32(uint64(b[1])|uint64(b[2])<<8|uint64(b[3])<<16|uint64(b[4])<<24) & uint32(1<<k-1)
			all = append(all, number{v, k})
			w.put(v, k)
			sum += k
		}
		if used := w.flush(); used != sum&7 || len(w.out) != int(sum+7)/8 {
			t.Fatalf("%d bits are %d bytes, %d bits used of the last", sum, len(w.out), used)
		}
		var r bitReader
		r.reset(iotest.OneByteReader(bytes.NewReader(w.out)))
		sum = 0
		for i, n := range all {
			if got := r.take(n.k); got != n.v {
				t.Fatalf("number %d of %d bits is %#x, was %#x", i, n.k, got, n.v)
			}
			sum += n.k
			if r.phase() != sum&7 || r.offset() != int64(sum+7)/8 || r.overrun() {
				t.Fatalf("after %d bits: phase %d, offset %d, overrun %v", sum, r.phase(), r.offset(), r.overrun())
			}
		}
		rest := make([]byte, len(w.out)+1-int(sum+7)/8)
		if r.take(-sum & 7); r.overrun() || r.bytes(rest) {
			t.Fatal("the end is not where it was written")
		}
	})
}
