package codec_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/pubsync/pubsync/delta"
	"github.com/pubsync/pubsync/delta/codec"
)

// converse plays both sides of the rounds, with everything that travels coded,
// and returns the ops.
func converse(t testing.TB, basis, src []byte, opt delta.PlanOptions) []delta.Op {
	size := int64(len(basis))
	sig, err := delta.Sign(source(basis), delta.FirstRequest(int64(len(src)), size))
	if err != nil {
		t.Fatal(err)
	}
	if sig, err = codec.DecodeSignature(codec.AppendSignature(nil, sig, size), size); err != nil {
		t.Fatal(err)
	}
	p := delta.NewPlan(source(src), []int64{size}, opt)
	if err := p.Match(0, sig); err != nil {
		t.Fatal(err)
	}
	for reqs := p.Next(); len(reqs) > 0; reqs = p.Next() {
		req, err := codec.DecodeRequest(codec.AppendRequest(nil, &reqs[0].Request, size), size)
		if err != nil {
			t.Fatal(err)
		}
		if sig, err = delta.Sign(source(basis), req); err != nil {
			t.Fatal(err)
		}
		if sig, err = codec.DecodeHashes(codec.AppendHashes(nil, sig), reqs[0].Request); err != nil {
			t.Fatal(err)
		}
		if err := p.Match(0, sig); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Refine(); err != nil {
		t.Fatal(err)
	}
	return p.Ops()
}

// patch carries ops out one by one.
func patch(t testing.TB, ops []delta.Op, basis, src []byte) []byte {
	var out []byte
	for _, op := range ops {
		from := basis
		switch op.Basis {
		case delta.Self:
			from = out
		case delta.Literal:
			from = src
			if op.Off != int64(len(out)) {
				t.Fatalf("a literal from %d goes to %d", op.Off, len(out))
			}
		}
		if op.Len <= 0 || op.Off < 0 || op.Off+op.Len > int64(len(from)) {
			t.Fatalf("op %+v reaches beyond its %d bytes", op, len(from))
		}
		out = append(out, from[op.Off:op.Off+op.Len]...)
	}
	return out
}

// FuzzPatch has any new file sent against any basis, by rounds of signatures and with
// both at hand. The second must make the new file. So must the first unless a
// hash agreed where the bytes do not, which the digest of the whole is for: then
// ops are as long as the new file, and parts (whose literals may lean on bytes that
// are wrong at the other side) make no more than they cover.
func FuzzPatch(f *testing.F) {
	names, err := filepath.Glob("../archive/testdata/*.tar")
	if err != nil || len(names) < 2 {
		f.Fatalf("no seeds: %v", err)
	}
	var before []byte
	for i, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		b = b[:min(len(b), 6000)]
		f.Add(before, b, uint16(i))
		before = b
	}
	f.Add(text(1, 5000), append(text(1, 3000)[100:], text(2, 2000)...), uint16(77))
	f.Add(make([]byte, 3000), append(make([]byte, 5000), text(1, 300)...), uint16(300))
	c := codec.NewCoder()
	f.Fuzz(func(t *testing.T, basis, src []byte, knobs uint16) {
		opt := delta.PlanOptions{RoundTrip: 1 + int64(knobs&3)*100, LiteralCost: 1, MinBlock: 16 << (knobs >> 2 & 3), Quick: knobs>>4&1 != 0}
		send := codec.EncodeOptions{Level: codec.Level(knobs >> 5 & 3), NumBases: 1}
		if knobs>>7&1 != 0 {
			send.Limit = codec.MinLimit
		}
		ops := converse(t, basis, src, opt)
		want := patch(t, ops, basis, src)
		if len(want) != len(src) {
			t.Fatalf("ops make %d bytes of %d", len(want), len(src))
		}
		ps, ns := parts(t, c, src, ops, send)
		if !bytes.Equal(want, src) {
			for i, p := range ps {
				var out countWriter
				if n, err := c.Apply(p, sources(basis), &out, ns[i]); int64(out) != n || n > ns[i] {
					t.Fatalf("%d bytes of %d, said %d: %v", out, ns[i], n, err)
				}
			}
		} else if got := apply(t, c, ps, ns, sources(basis)); !bytes.Equal(got, src) {
			t.Fatal("parts make something else than the ops")
		}
		ops, err := delta.Diff(source(src), sources(basis), delta.DiffOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(patch(t, ops, basis, src), src) {
			t.Fatal("ops found with both files at hand make something else")
		}
		send.Bases = sources(basis)
		ps, ns = parts(t, c, src, ops, send)
		if got := apply(t, c, ps, ns, sources(basis)); !bytes.Equal(got, src) {
			t.Fatal("their parts make something else")
		}
	})
}
