package codec_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/pubsync/pubsync/delta"
	"github.com/pubsync/pubsync/delta/codec"
	"pgregory.net/rapid"
)

func source(b []byte) delta.Source {
	return delta.Source{ReaderAt: bytes.NewReader(b), Size: int64(len(b))}
}

func sources(bs ...[]byte) []delta.Source {
	var s []delta.Source
	for _, b := range bs {
		s = append(s, source(b))
	}
	return s
}

func randomBytes(seed byte, n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

func text(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	words := []string{"basis ", "block ", "literal ", "member ", "signature ", "digest\n", "the ", "a ", "of ", "{", "}\n", "0x"}
	var b []byte
	for len(b) < n {
		b = append(b, words[r.IntN(len(words))]...)
	}
	return b[:n]
}

// parts encodes ops and returns the parts and what each covers.
func parts(t rapid.TB, c *codec.Coder, src []byte, ops []delta.Op, opt codec.EncodeOptions) ([][]byte, []int64) {
	var (
		ps [][]byte
		ns []int64
	)
	e := c.NewEncoder(source(src), ops, opt)
	for {
		p, n, err := e.Next(nil)
		if err == io.EOF {
			return ps, ns
		}
		if err != nil {
			t.Fatal(err)
		}
		if limit := max(opt.Limit, codec.MinLimit); opt.Limit > 0 && len(p) > limit {
			t.Fatalf("part of %d bytes, limit %d", len(p), limit)
		}
		if n <= 0 {
			t.Fatalf("part covers %d bytes", n)
		}
		ps, ns = append(ps, p), append(ns, n)
	}
}

// apply applies parts and checks what each covers.
func apply(t rapid.TB, c *codec.Coder, ps [][]byte, ns []int64, bases []delta.Source) []byte {
	var out bytes.Buffer
	for i, p := range ps {
		n, err := c.Apply(p, bases, &out, ns[i])
		if err != nil {
			t.Fatalf("part %d of %d: %v", i, len(ps), err)
		}
		if n != ns[i] {
			t.Fatalf("part %d made %d bytes, covers %d", i, n, ns[i])
		}
	}
	return out.Bytes()
}

// drawOps draws a new file and ops that make it from the bases.
func drawOps(t *rapid.T, bases ...[]byte) ([]byte, []delta.Op) {
	var (
		src []byte
		ops []delta.Op
	)
	for range rapid.IntRange(0, 30).Draw(t, "ops") {
		from, at := rapid.IntRange(delta.Self, len(bases)-1).Draw(t, "from"), int64(len(src))
		held := src
		if from >= 0 {
			held = bases[from]
		}
		if from == delta.Literal || len(held) == 0 {
			b := text(rapid.Uint64Range(0, 3).Draw(t, "text"), rapid.IntRange(1, 3000).Draw(t, "literal"))
			if rapid.Bool().Draw(t, "random") {
				b = randomBytes(byte(len(ops)), len(b))
			}
			src, ops = append(src, b...), append(ops, delta.Op{Basis: delta.Literal, Off: at, Len: int64(len(b))})
			continue
		}
		off := rapid.IntRange(0, len(held)-1).Draw(t, "offset")
		n := rapid.IntRange(1, min(len(held)-off, 20_000)).Draw(t, "length")
		src, ops = append(src, held[off:off+n]...), append(ops, delta.Op{Basis: from, Off: int64(off), Len: int64(n)})
	}
	return src, ops
}

func TestPartsMakeTheNewFile(t *testing.T) {
	c := codec.NewCoder()
	one, two := text(1, 30_000), randomBytes(2, 20_000)
	rapid.Check(t, func(t *rapid.T) {
		src, ops := drawOps(t, one, two)
		opt := codec.EncodeOptions{
			Limit:    rapid.SampledFrom([]int{0, codec.MinLimit, 10_000, 1 << 20}).Draw(t, "limit"),
			Level:    codec.Level(rapid.IntRange(0, 3).Draw(t, "level")),
			NumBases: 2,
			Start:    rapid.Int64Range(0, int64(len(src))).Draw(t, "start"),
		}
		if rapid.Bool().Draw(t, "bases at hand") {
			opt.Bases = sources(one, two)
		}
		ps, ns := parts(t, c, src, ops, opt)
		if got := apply(t, c, ps, ns, sources(one, two)); !bytes.Equal(got, src[opt.Start:]) {
			t.Fatalf("parts make %d bytes that differ from the %d of the new file", len(got), len(src)-int(opt.Start))
		}
	})
}

// TestCutPart ends parts at any byte: what comes out is what the whole part
// begins with, and of stored literals all that is there.
func TestCutPart(t *testing.T) {
	c := codec.NewCoder()
	one := text(1, 30_000)
	rapid.Check(t, func(t *rapid.T) {
		src, ops := drawOps(t, one)
		opt := codec.EncodeOptions{Level: codec.Level(rapid.IntRange(0, 3).Draw(t, "level")), NumBases: 1}
		ps, ns := parts(t, c, src, ops, opt)
		for i, p := range ps {
			at := rapid.IntRange(0, len(p)).Draw(t, "cut")
			var out bytes.Buffer
			n, err := c.ApplyCut(p[:at], sources(one), &out, ns[i], func(to int64, op delta.Op) {
				if to+op.Len > int64(out.Len()) || !bytes.Equal(out.Bytes()[to:to+op.Len], one[op.Off:op.Off+op.Len]) {
					t.Fatalf("cut at %d: told of a copy of %d bytes to %d, %d were written", at, op.Len, to, out.Len())
				}
			})
			if err != nil && !errors.Is(err, codec.ErrMalformed) {
				t.Fatal(err)
			}
			if int(n) != out.Len() || !bytes.HasPrefix(src, out.Bytes()) {
				t.Fatalf("cut at %d of %d: %d bytes that are not the file's first", at, len(p), out.Len())
			}
			src = src[ns[i]:]
		}
	})
	noise := randomBytes(3, 100_000)
	for _, content := range [][]byte{noise, append(text(2, 400_000), noise...)} {
		p := c.AppendWhole(nil, content, codec.Default)
		for _, at := range []int{100, len(p) / 2, len(p) - 1} {
			var out bytes.Buffer
			if _, err := c.ApplyCut(p[:at], nil, &out, int64(len(content)), nil); err != nil {
				t.Fatal(err)
			}
			// No less than what lies before the zstd block that was cut.
			if want := len(content)*at/len(p) - 128<<10 - 100; len(content) == len(noise) && out.Len() < at-20 || out.Len() < want {
				t.Errorf("cut at %d of %d: %d bytes of %d", at, len(p), out.Len(), len(content))
			}
		}
	}
}

func TestWholeIsOnePart(t *testing.T) {
	c := codec.NewCoder()
	for _, content := range [][]byte{nil, {1}, text(1, 23), text(1, 100_000), randomBytes(1, 100_000), randomBytes(1, codec.MaxWhole)} {
		p := c.AppendWhole(nil, content, codec.Default)
		if len(p) > codec.WholeBound(len(content)) {
			t.Errorf("%d bytes of content: part of %d, bound %d", len(content), len(p), codec.WholeBound(len(content)))
		}
		if got := apply(t, c, [][]byte{p}, []int64{int64(len(content))}, nil); !bytes.Equal(got, content) {
			t.Errorf("%d bytes of content come back as %d others", len(content), len(got))
		}
	}
}

func TestIncompressibleOverhead(t *testing.T) {
	src := randomBytes(1, 5<<20)
	ps, _ := parts(t, codec.NewCoder(), src, []delta.Op{{Basis: delta.Literal, Len: int64(len(src))}}, codec.EncodeOptions{})
	size := 0
	for _, p := range ps {
		size += len(p)
	}
	if size > len(src)+len(src)/1000 {
		t.Errorf("%d bytes become %d, more than 0.1 %% over", len(src), size)
	}
}

// Priming must pay: a literal that its neighbours foretell costs next to
// nothing.
func TestPrimedLiterals(t *testing.T) {
	basis := text(1, 200_000)
	src := append(bytes.Clone(basis[:100_000]), basis[99_000:]...)
	ops := []delta.Op{{Basis: 0, Off: 0, Len: 100_000}, {Basis: delta.Literal, Off: 100_000, Len: 1000}, {Basis: 0, Off: 100_000, Len: 100_000}}
	ps, ns := parts(t, codec.NewCoder(), src, ops, codec.EncodeOptions{NumBases: 1})
	if len(ps) != 1 || len(ps[0]) > 60 {
		t.Errorf("%d parts, the first of %d bytes, want one of 60 at most", len(ps), len(ps[0]))
	}
	if got := apply(t, codec.NewCoder(), ps, ns, sources(basis)); !bytes.Equal(got, src) {
		t.Error("the part does not make the new file")
	}
}

func TestApplyRefuses(t *testing.T) {
	c := codec.NewCoder()
	basis := text(1, 10_000)
	src := append(text(2, 1000), basis...)
	ops := []delta.Op{{Basis: delta.Literal, Len: 1000}, {Basis: 0, Len: 10_000}}
	ps, _ := parts(t, c, src, ops, codec.EncodeOptions{NumBases: 1})
	good := ps[0]
	bomb := c.AppendWhole(nil, make([]byte, 1<<20), codec.Default)
	lie := bytes.Clone(bomb)
	lie[2] = 1 // says less than it makes
	for name, a := range map[string]struct {
		part  []byte
		bases []delta.Source
		max   int64
		want  error
	}{
		"empty":             {nil, nil, 1 << 30, codec.ErrMalformed},
		"another version":   {append([]byte{0x42}, good[1:]...), sources(basis), 1 << 30, codec.ErrMalformed},
		"unknown flag":      {append([]byte{good[0], good[1] | 0x80}, good[2:]...), sources(basis), 1 << 30, codec.ErrMalformed},
		"cut short":         {good[:len(good)-1], sources(basis), 1 << 30, codec.ErrMalformed},
		"bytes left over":   {append(bytes.Clone(good), 0), sources(basis), 1 << 30, codec.ErrMalformed},
		"too much output":   {good, sources(basis), 10_999, codec.ErrTooLarge},
		"no basis":          {good, nil, 1 << 30, codec.ErrBadCopy},
		"basis too short":   {good, sources(basis[:9_999]), 1 << 30, codec.ErrBadCopy},
		"bomb":              {bomb, nil, 1 << 10, codec.ErrTooLarge},
		"bomb that lies":    {lie, nil, 1 << 30, codec.ErrMalformed},
		"absurd output":     {[]byte{0x41, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, nil, 1<<63 - 1, codec.ErrTooLarge},
		"absurd ops length": {[]byte{0x41, 1, 5, 0xff, 0xff, 0xff, 0xff, 7}, nil, 1 << 30, codec.ErrMalformed},
	} {
		var out bytes.Buffer
		_, err := c.Apply(a.part, a.bases, &out, a.max)
		if !errors.Is(err, a.want) {
			t.Errorf("%s: error %v, want %v", name, err, a.want)
		}
		if out.Len() > 0 {
			t.Errorf("%s: wrote %d bytes", name, out.Len())
		}
	}
}

// What a coding promises and does not hold is not allocated (threats, row 27).
func TestAbsurdNumbers(t *testing.T) {
	const most = 64 << 10 // bytes
	many := func(head []byte, n uint64) []byte { return binary.AppendUvarint(head, n) }
	request := many([]byte{0x11, 0x80, 0x08, 20, 20, 0}, 1<<18)
	signature := many([]byte{0x21, 0x80, 0x08, 20, 20, 0}, 1<<18)
	whole := delta.Request{BlockSize: 1 << 10, WeakBits: 20, StrongBits: 20, Ranges: []delta.Range{{Off: 0, Len: 1 << 30}}}
	literals := codec.NewCoder().AppendWhole(nil, make([]byte, 1000), codec.Default)
	for name, decode := range map[string]func() error{
		"ranges of a request":   func() error { _, err := codec.DecodeRequest(request, 1<<40); return err },
		"ranges of a signature": func() error { _, err := codec.DecodeSignature(signature, 1<<40); return err },
		"hashes":                func() error { _, err := codec.DecodeHashes([]byte{0x31, 1, 2, 3}, whole); return err },
		"runs":                  func() error { _, err := codec.DecodeHashes(many([]byte{0x32}, 1<<20), whole); return err },
		"literals": func() error {
			// Its output is given as one byte more than literals may have.
			part := many(bytes.Clone(literals[:2]), codec.MaxLiterals+1)
			_, err := codec.NewCoder().Apply(append(part, literals[4:]...), nil, io.Discard, 1<<40)
			if !errors.Is(err, codec.ErrTooLarge) {
				t.Errorf("literals: error %v, want ErrTooLarge", err)
			}
			return err
		},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := decode()
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("%s: no error", name)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > most {
			t.Errorf("%s: %d bytes allocated", name, n)
		}
	}
}

// Copies of own output that double each time would come to more pieces than
// any memory holds.
func TestPiecesAreBounded(t *testing.T) {
	basis := text(1, 4)
	src := []byte{basis[0], basis[2]}
	ops := []delta.Op{{Basis: 0, Off: 0, Len: 1}, {Basis: 0, Off: 2, Len: 1}}
	for len(src) < 1<<21 {
		ops = append(ops, delta.Op{Basis: delta.Self, Off: 0, Len: int64(len(src))})
		src = append(src, src...)
	}
	ps, ns := parts(t, codec.NewCoder(), src, ops, codec.EncodeOptions{NumBases: 1})
	if len(ps) < 2 {
		t.Fatalf("%d parts: the encoder went over the decoder's bound", len(ps))
	}
	if got := apply(t, codec.NewCoder(), ps, ns, sources(basis)); !bytes.Equal(got, src) {
		t.Error("parts do not make the new file")
	}
}

func TestApplyNotesCopies(t *testing.T) {
	c := codec.NewCoder()
	basis := text(1, 1000)
	src := append(append(bytes.Clone(basis[100:300]), "new"...), basis[100:300]...)
	ops := []delta.Op{{Basis: 0, Off: 100, Len: 200}, {Basis: delta.Literal, Off: 200, Len: 3}, {Basis: delta.Self, Off: 0, Len: 200}}
	ps, _ := parts(t, c, src, ops, codec.EncodeOptions{NumBases: 1})
	got := map[int64]delta.Op{}
	note := func(at int64, op delta.Op) { got[at] = op }
	if _, err := c.ApplyNoting(ps[0], sources(basis), io.Discard, 1<<20, note); err != nil {
		t.Fatal(err)
	}
	want := delta.Op{Basis: 0, Off: 100, Len: 200}
	if len(got) != 2 || got[0] != want || got[203] != want {
		t.Errorf("noted %v, want %v at 0 and 203", got, want)
	}
	clear(got)
	if _, err := c.ApplyNoting(c.AppendWhole(nil, src, codec.Default), nil, io.Discard, 1<<20, note); err != nil || len(got) > 0 {
		t.Errorf("noted %v of a part without copies (error %v)", got, err)
	}
}

func TestManySmallPartsAllocateLittle(t *testing.T) {
	c := codec.NewCoder()
	content := text(1, 2000)
	dst := make([]byte, 0, 4096)
	p := c.AppendWhole(nil, content, codec.Default)
	const runs = 200
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		dst = c.AppendWhole(dst[:0], content, codec.Default)
		if _, err := c.Apply(p, nil, io.Discard, 1<<20); err != nil {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	// The first run makes the compressors, some megabytes; without reuse every one would.
	if n := (after.TotalAlloc - before.TotalAlloc) / runs; n > 256<<10 {
		t.Errorf("%d bytes allocated for a part of 2000 bytes, want 256 KiB at most", n)
	}
}
