package codec_test

import (
	"io"
	"testing"

	"github.com/pubsync/pubsync/delta"
	"github.com/pubsync/pubsync/delta/codec"
)

// benchOps makes a file of copies of 4 KiB with literals of 100 bytes between.
func benchOps(basis []byte) (src []byte, ops []delta.Op) {
	for off := 0; off+4096 <= len(basis); off += 4096 {
		ops = append(ops, delta.Op{Basis: delta.Literal, Off: int64(len(src)), Len: 100}, delta.Op{Basis: 0, Off: int64(off), Len: 4096})
		src = append(src, text(uint64(off), 100)...)
		src = append(src, basis[off:off+4096]...)
	}
	return src, ops
}

func BenchmarkEncode(b *testing.B) {
	basis := text(1, 8<<20)
	src, ops := benchOps(basis)
	c := codec.NewCoder()
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		parts(b, c, src, ops, codec.EncodeOptions{NumBases: 1})
	}
}

func BenchmarkApply(b *testing.B) {
	basis := text(1, 8<<20)
	src, ops := benchOps(basis)
	c := codec.NewCoder()
	ps, ns := parts(b, c, src, ops, codec.EncodeOptions{NumBases: 1})
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		for i, p := range ps {
			if _, err := c.Apply(p, sources(basis), io.Discard, ns[i]); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkSmallWhole(b *testing.B) {
	content := text(1, 4000)
	c := codec.NewCoder()
	var dst []byte
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		dst = c.AppendWhole(dst[:0], content, codec.Default)
		if _, err := c.Apply(dst, nil, io.Discard, 1<<20); err != nil {
			b.Fatal(err)
		}
	}
}
