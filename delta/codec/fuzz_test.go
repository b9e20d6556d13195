package codec_test

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/pubsync/pubsync/delta/alloctest"

	"github.com/pubsync/pubsync/delta"
	"github.com/pubsync/pubsync/delta/codec"
)

// seeds returns the frozen vectors of one kind, and fails if there are none.
func seeds[V any](f *testing.F, pattern string) []V {
	f.Helper()
	names, err := filepath.Glob(filepath.Join(vectorDir, pattern))
	if err != nil || len(names) == 0 {
		f.Fatalf("no seeds in %s/%s (error %v)", vectorDir, pattern, err)
	}
	var vs []V
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		var v V
		if err := json.Unmarshal(b, &v); err != nil {
			f.Fatalf("%s: %v", name, err)
		}
		vs = append(vs, v)
	}
	return vs
}

// countWriter counts what is written to it.
type countWriter int64

func (c *countWriter) Write(b []byte) (int, error) {
	*c += countWriter(len(b))
	return len(b), nil
}

func FuzzApply(f *testing.F) {
	for _, v := range seeds[partVector](f, "part-*.json") {
		f.Add([]byte(v.Part))
	}
	c := codec.NewCoder()
	bases := sources(text(1, 600), text(2, 300))
	const most = 1 << 20
	f.Fuzz(func(t *testing.T, part []byte) {
		var (
			out countWriter
			n   int64
			err error
		)
		alloctest.Bounded(t, 64<<20, func() { n, err = c.Apply(part, bases, &out, most) })
		switch {
		case int64(out) != n || n > most:
			t.Fatalf("wrote %d bytes, said %d, allowed %d", out, n, most)
		case err != nil && n > 0:
			t.Fatalf("wrote %d bytes of a bad part: %v", n, err)
		}
		again, err2 := c.Apply(part, bases, io.Discard, most)
		if again != n || (err == nil) != (err2 == nil) {
			t.Fatalf("made %d bytes (%v), the second time %d (%v)", n, err, again, err2)
		}
	})
}

func FuzzDecodeSignature(f *testing.F) {
	size := int64(800)
	for _, v := range seeds[signatureVector](f, "signature-*.json") {
		f.Add([]byte(v.Signature))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var (
			s   *delta.Signature
			err error
		)
		alloctest.Bounded(t, 1<<20+64*uint64(len(b)), func() { s, err = codec.DecodeSignature(b, size) })
		if err != nil {
			return
		}
		if err := s.Check(size); err != nil {
			t.Fatalf("decoded a bad signature: %v", err)
		}
		again, err := codec.DecodeSignature(codec.AppendSignature(nil, s, size), size)
		if err != nil || !slices.Equal(again.Hashes, s.Hashes) || !slices.Equal(again.Ranges, s.Ranges) {
			t.Fatalf("a decoded signature does not come back: %v", err)
		}
		src := text(4, 2000)
		p := delta.NewPlan(source(src), []int64{size}, delta.PlanOptions{})
		if err := p.Match(0, s); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzDecodeRequest(f *testing.F) {
	size := int64(800)
	for _, v := range seeds[signatureVector](f, "signature-*.json") {
		f.Add([]byte(v.Coded))
	}
	basis := make([]byte, size)
	f.Fuzz(func(t *testing.T, b []byte) {
		var (
			r   delta.Request
			err error
		)
		alloctest.Bounded(t, 1<<16+64*uint64(len(b)), func() { r, err = codec.DecodeRequest(b, size) })
		if err != nil {
			return
		}
		s, err := delta.Sign(source(basis), r)
		if err != nil {
			t.Fatalf("decoded a request that cannot be signed: %v", err)
		}
		got, err := codec.DecodeHashes(codec.AppendHashes(nil, s), r)
		if err != nil || !slices.Equal(got.Hashes, s.Hashes) {
			t.Fatalf("hashes do not come back: %v", err)
		}
		if again, err := codec.DecodeRequest(codec.AppendRequest(nil, &r, size), size); err != nil || !bytes.Equal(codec.AppendRequest(nil, &again, size), codec.AppendRequest(nil, &r, size)) {
			t.Fatalf("a decoded request does not come back: %v", err)
		}
	})
}
