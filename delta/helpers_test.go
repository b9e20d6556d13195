package delta_test

import (
	"bytes"
	"math/rand/v2"

	"github.com/pubsync/pubsync/delta"
	"pgregory.net/rapid"
)

func source(b []byte) delta.Source {
	return delta.Source{ReaderAt: bytes.NewReader(b), Size: int64(len(b))}
}

func randomBytes(seed uint64, n int) []byte {
	var key [32]byte
	key[0], key[1] = byte(seed), byte(seed>>8)
	b := make([]byte, n)
	rand.NewChaCha8(key).Read(b)
	return b
}

// patch carries ops out naively and reports the first that makes no sense.
func patch(ops []delta.Op, src []byte, bases ...[]byte) []byte {
	var out []byte
	for _, op := range ops {
		from := src
		switch {
		case op.Basis >= 0:
			from = bases[op.Basis]
		case op.Basis == delta.Self:
			from = out
		case op.Off != int64(len(out)):
			return nil
		}
		if op.Len <= 0 || op.Off < 0 || op.Off+op.Len > int64(len(from)) {
			return nil
		}
		out = append(out, from[op.Off:op.Off+op.Len]...)
	}
	return out
}

// drawFile draws a file with repetition at several scales.
func drawFile(t *rapid.T, name string) []byte {
	var b []byte
	for range rapid.IntRange(0, 6).Draw(t, name+" pieces") {
		n := rapid.IntRange(1, 3000).Draw(t, name+" length")
		switch rapid.IntRange(0, 3).Draw(t, name+" kind") {
		case 0:
			b = append(b, make([]byte, n)...)
		case 1:
			b = append(b, randomBytes(uint64(rapid.IntRange(0, 3).Draw(t, name+" seed")), n)...)
		case 2:
			b = append(b, b[:min(n, len(b))]...)
		case 3:
			b = append(b, bytes.Repeat([]byte("line of text, "), n/14+1)...)
		}
	}
	return b
}

// drawEdit draws a file made from others.
func drawEdit(t *rapid.T, bases ...[]byte) []byte {
	var b []byte
	for range rapid.IntRange(0, 8).Draw(t, "edits") {
		k := rapid.IntRange(-1, len(bases)-1).Draw(t, "from")
		if k < 0 || len(bases[k]) == 0 {
			b = append(b, randomBytes(uint64(rapid.IntRange(9, 12).Draw(t, "new")), rapid.IntRange(0, 400).Draw(t, "new length"))...)
			continue
		}
		from := rapid.IntRange(0, len(bases[k])-1).Draw(t, "offset")
		n := rapid.IntRange(0, len(bases[k])-from).Draw(t, "length")
		b = append(b, bases[k][from:from+n]...)
	}
	return b
}
