package codec_test

import (
	"bytes"
	"testing"

	"github.com/pubsync/pubsync/delta"
	"github.com/pubsync/pubsync/delta/codec"
)

// writes keeps what is written and counts how often.
type writes struct {
	bytes.Buffer
	n int
}

func (w *writes) Write(b []byte) (int, error) {
	w.n++
	return w.Buffer.Write(b)
}

// TestSmallPiecesAreWrittenTogether applies a part of thousands of headers and small files,
// among them some that are larger than what is gathered.
func TestSmallPiecesAreWrittenTogether(t *testing.T) {
	const pieces, size, large = 2000, 700, 300 << 10
	basis := text(1, pieces*size)
	var src []byte
	var ops []delta.Op
	literal := func(b []byte) {
		ops = append(ops, delta.Op{Basis: delta.Literal, Off: int64(len(src)), Len: int64(len(b))})
		src = append(src, b...)
	}
	for i := range pieces {
		if literal(text(uint64(i), 50)); i%500 == 0 {
			literal(text(uint64(i), large))
		}
		at := (i * 7 % pieces) * size
		ops = append(ops, delta.Op{Basis: 0, Off: int64(at), Len: size})
		src = append(src, basis[at:at+size]...)
	}
	c := codec.NewCoder()
	ps, _ := parts(t, c, src, ops, codec.EncodeOptions{NumBases: 1, Limit: 8 << 20})
	var w writes
	for _, p := range ps {
		if _, err := c.Apply(p, sources(basis), &w, int64(len(src))); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(w.Bytes(), src) {
		t.Fatal("parts do not make the new file")
	}
	if most := len(src)/(256<<10) + 2*len(ps) + 2*pieces/500; w.n > most {
		t.Errorf("%d writes, at most %d expected", w.n, most)
	}
}
