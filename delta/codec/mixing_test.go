package codec

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/pubsync/pubsync/delta"
)

func mixSource(b []byte) delta.Source {
	return delta.Source{ReaderAt: bytes.NewReader(b), Size: int64(len(b))}
}

// mixText is n bytes of lines that differ in a number.
func mixText(n int) []byte {
	var b []byte
	for x := uint32(1); len(b) < n; x = x*1664525 + 1013904223 {
		b = append(b, "const name_"...)
		b = append(b, 'a'+byte(x>>28), 'a'+byte(x>>20&15))
		b = append(b, " = require('./"...)
		b = append(b, '0'+byte(x>>24&7), '\'', ')', '\n')
	}
	return b[:n]
}

func TestMixedLiteralsComeBack(t *testing.T) {
	for _, text := range [][]byte{mixText(5000), bytes.Repeat([]byte{0xFF}, 3000), make([]byte, 3000), {0xFF, 0xFF, 0, 1}} {
		for _, known := range [][]byte{nil, text, mixText(700)} {
			var enc, dec mixModel
			enc.reset(len(text))
			enc.read(known)
			r := newRangeEncoder(nil)
			enc.literal(r, bytes.Clone(text))
			coded := r.finish(0)
			dec.reset(len(text))
			dec.read(known)
			got := make([]byte, len(text))
			d := newRangeDecoder(coded)
			if dec.literal(d, got); !bytes.Equal(got, text) || len(d.b) > 0 {
				t.Errorf("%d bytes after %d known ones: %d come back otherwise, %d coded bytes left", len(text), len(known), len(got), len(d.b))
			}
		}
	}
}

// What replaces text of the same shape takes little, as long as that is at hand.
func TestMixedLiteralsLeanOnWhatTheyReplace(t *testing.T) {
	old := mixText(60_000)
	src := bytes.Clone(old)
	var ops []delta.Op
	at := int64(0)
	for k := int64(1000); k+100 < int64(len(src)); k += 2000 {
		for i := k; i < k+100; i += 20 {
			src[i] ^= 0x15
		}
		ops = append(ops, delta.Op{Off: at, Len: k - at}, delta.Op{Basis: delta.Literal, Off: k, Len: 100})
		at = k + 100
	}
	ops = append(ops, delta.Op{Off: at, Len: int64(len(src)) - at})
	size := func(opt EncodeOptions) int {
		c := NewCoder()
		part, _, err := c.NewEncoder(mixSource(src), ops, opt).Next(nil)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if _, err := c.Apply(part, []delta.Source{mixSource(old)}, &out, 1<<20); err != nil || !bytes.Equal(out.Bytes(), src) {
			t.Fatalf("made %d bytes, other than %d (error %v)", out.Len(), len(src), err)
		}
		return len(part)
	}
	best, dense := size(EncodeOptions{NumBases: 1, Level: Best}), size(EncodeOptions{NumBases: 1, Level: Dense})
	if dense > best*85/100 {
		t.Errorf("dense %d bytes, best %d, want 15 %% less", dense, best)
	}
	if local := size(EncodeOptions{Bases: []delta.Source{mixSource(old)}, Level: Dense}); local > dense*9/10 {
		t.Errorf("with the basis at hand %d bytes, without %d, want 10 %% less", local, dense)
	}
}

// TestMixedLiteralsCut ends a part of mixed literals at every byte: what comes out
// is what the file begins with, and nearly all that was coded before.
func TestMixedLiteralsCut(t *testing.T) {
	old := mixText(8000)
	src := append(append(bytes.Clone(old[:4000]), mixText(6000)[3000:]...), old[:100]...)
	ops := []delta.Op{{Len: 4000}, {Basis: delta.Literal, Off: 4000, Len: 3000}, {Len: 100}}
	t.Run("far", func(t *testing.T) { testCut(t, old, src, ops, EncodeOptions{NumBases: 1, Level: Dense}) })
	replaced := append(append(bytes.Clone(src[:6900]), old[6900:7000]...), "something else"...)
	ops = []delta.Op{{Len: 4000}, {Basis: delta.Literal, Off: 4000, Len: 2900}, {Off: 6900, Len: 100}, {Basis: delta.Literal, Off: 7000, Len: 14}}
	t.Run("at hand", func(t *testing.T) {
		testCut(t, old, replaced, ops, EncodeOptions{Bases: []delta.Source{mixSource(old)}, Level: Dense})
	})
}

func testCut(t *testing.T, old, src []byte, ops []delta.Op, opt EncodeOptions) {
	c := NewCoder()
	part, _, err := c.NewEncoder(mixSource(src), ops, opt).Next(nil)
	if err != nil || part[1] != flagOps|flagMixed {
		t.Fatalf("flags %#x (error %v), want ops and mixed", part[1], err)
	}
	most := 0
	for at := range part {
		var out bytes.Buffer
		_, err := c.ApplyCut(part[:at], []delta.Source{mixSource(old)}, &out, 1<<20, nil)
		if err != nil && !errors.Is(err, ErrMalformed) || !bytes.HasPrefix(src, out.Bytes()) {
			t.Fatalf("cut at %d of %d: %d bytes that are not the file's first (error %v)", at, len(part), out.Len(), err)
		}
		if out.Len() < most {
			t.Errorf("cut at %d: %d bytes, %d of a shorter beginning", at, out.Len(), most)
		}
		most = out.Len()
	}
	if most < len(src)-600 {
		t.Errorf("%d bytes of %d without the last byte", most, len(src))
	}
}

func TestMixedLiteralsAreBounded(t *testing.T) {
	old := mixText(4000)
	src := append(append(bytes.Clone(old), mixText(600)[300:]...), old[:100]...)
	ops := []delta.Op{{Len: 4000}, {Basis: delta.Literal, Off: 4000, Len: 300}, {Len: 100}}
	c := NewCoder()
	part, _, err := c.NewEncoder(mixSource(src), ops, EncodeOptions{NumBases: 1, Level: Dense}).Next(nil)
	if err != nil || part[1] != flagOps|flagMixed {
		t.Fatalf("flags %#x (error %v), want ops and mixed", part[1], err)
	}
	apply := func(p []byte) error {
		_, err := c.Apply(p, []delta.Source{mixSource(old)}, &bytes.Buffer{}, 1<<20)
		return err
	}
	if err := apply(append(bytes.Clone(part), make([]byte, 8)...)); !errors.Is(err, ErrMalformed) {
		t.Errorf("with bytes left over: error %v, want malformed", err)
	}
	for _, flags := range []byte{flagMixed, flagOps | flagMixed | flagLiterals} {
		p := bytes.Clone(part)
		p[1] = flags
		if err := apply(p); !errors.Is(err, ErrMalformed) {
			t.Errorf("flags %#x: error %v, want malformed", flags, err)
		}
	}
	m := stepModel{}
	huge := func(literal int64, rest []byte) []byte {
		coded := m.appendSteps(nil, []step{{literal: 0, copy: delta.Op{Len: 10}}, {literal: literal, copy: delta.Op{Len: 10}}})
		p := binary.AppendUvarint([]byte{kindPart, flagOps | flagMixed}, uint64(literal)+20)
		p = append(binary.AppendUvarint(p, uint64(len(coded))), coded...)
		return append(append(p, 0, 0), rest...) // no contexts
	}
	for what, p := range map[string][]byte{
		"more than 1 MiB": huge(maxMixed+1, make([]byte, 128<<10)),
		"too few bytes":   huge(100_000, make([]byte, 1000)),
	} {
		if err := apply(p); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: error %v, want too large", what, err)
		}
	}
}
