package codec

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/pubsync/pubsync/delta"
)

// program links functions: some bytes of code each, with references to others, as
// distances from the end of the reference and as numbers in a table. Every gap-th
// function has grown.
func program(functions, gap int) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	type reference struct{ at, to int }
	var (
		b      []byte
		starts = make([]int, functions)
		refs   []reference
	)
	for i := range functions {
		starts[i] = len(b)
		for range 3 {
			for range 10 + rng.IntN(30) {
				b = append(b, byte(rng.Uint32()))
			}
			refs = append(refs, reference{len(b), rng.IntN(functions)})
			b = append(b, 0, 0, 0, 0)
		}
		if gap > 0 && i%gap == 0 {
			b = append(b, bytes.Repeat([]byte{0x90}, 16+i%48)...)
		}
	}
	for _, r := range refs {
		binary.LittleEndian.PutUint32(b[r.at:], uint32(starts[r.to]-r.at-4))
	}
	for _, s := range starts {
		b = binary.LittleEndian.AppendUint32(b, uint32(s))
	}
	return b
}

// Code that was linked again after parts of it grew takes little more than the
// places of its references.
func TestReferencesThatMoved(t *testing.T) {
	old, src := program(4000, 0), program(4000, 400)
	ops, err := delta.Diff(mixSource(src), []delta.Source{mixSource(old)}, delta.DiffOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c := NewCoder()
	e := c.NewEncoder(mixSource(src), ops, EncodeOptions{Bases: []delta.Source{mixSource(old)}, Level: Dense})
	size := 0
	var out bytes.Buffer
	for {
		part, _, err := e.Next(nil)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Apply(part, []delta.Source{mixSource(old)}, &out, 1<<20); err != nil {
			t.Fatal(err)
		}
		size += len(part)
	}
	if !bytes.Equal(out.Bytes(), src) {
		t.Fatal("another file came out")
	}
	// There are 16,000 references. Without the guesses at fields it takes 29,690 bytes.
	if size > 20_000 {
		t.Errorf("%d bytes for a file of %d, want 20,000 at most", size, len(src))
	}
}
