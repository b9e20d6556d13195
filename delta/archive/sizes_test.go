package archive

import (
	"archive/tar"
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/pubsync/pubsync/delta"
)

// tarOf writes a tar of members of those contents, by name; nil leaves one out.
func tarOf(t *testing.T, contents [][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i, c := range contents {
		if c == nil {
			continue
		}
		if err := w.WriteHeader(&tar.Header{Name: fmt.Sprintf("f%d", i), Mode: 0o644, Size: int64(len(c)), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		w.Write(c)
	}
	w.Close()
	return b.Bytes()
}

// memberOps copies the members that both views have, and of columns other than that
// of sizes the end that they have in common; all else are literals.
func memberOps(old, new *View) (ops []delta.Op) {
	add := func(op delta.Op) {
		n := len(ops) - 1
		switch {
		case op.Len == 0:
		case n >= 0 && op.Basis == 0 && ops[n].Basis == 0 && ops[n].Off+ops[n].Len == op.Off:
			ops[n].Len += op.Len
		default:
			ops = append(ops, op)
		}
	}
	at := map[string]int64{}
	for _, s := range old.Segments {
		at[string(plainOf(old)[s.Off:s.End()])] = s.Off
	}
	for i, s := range new.Segments {
		id := column(new.Keys[i]) - 1
		if i < len(new.Segments)-new.Columns {
			id = -1
		}
		off, ok := at[string(plainOf(new)[s.Off:s.End()])]
		same := s.Len
		switch was, known := old.column(id); {
		case id == colSize || id < 0 && !ok:
			same = 0
		case id >= 0 && known:
			for same = 0; same < min(s.Len, was.Len) && plainOf(old)[was.End()-same-1] == plainOf(new)[s.End()-same-1]; same++ {
			}
			off = was.End() - same
		}
		add(delta.Op{Basis: delta.Literal, Off: s.Off, Len: s.Len - same})
		add(delta.Op{Off: off, Len: same})
	}
	return ops
}

// The sizes of members that did not change are found, whatever becomes of others.
func TestSizesAreGuessed(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 7))
	random := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	}
	var old [][]byte
	for i := range 1000 {
		n := 1 + r.IntN(2000)
		if i%97 == 0 {
			n = 0
		}
		old = append(old, random(n))
	}
	for name, change := range map[string]func(c [][]byte){
		"edited": func(c [][]byte) {
			for i := 30; i < len(c); i += 100 {
				c[i] = random(len(c[i]) + 700)
			}
		},
		"removed":        func(c [][]byte) { c[200], c[500] = nil, nil },
		"neighbours":     func(c [][]byte) { c[300], c[301], c[302] = random(5), random(6), random(3000) },
		"first and last": func(c [][]byte) { c[1], c[999] = random(3000), random(1) },
	} {
		t.Run(name, func(t *testing.T) {
			changed := append([][]byte(nil), old...)
			change(changed)
			a, b := roundTrip(t, tarOf(t, old), verbatim{}), roundTrip(t, tarOf(t, changed), verbatim{})
			right := int64(0)
			guesses := b.GuessSizes(memberOps(a, b), []int64{a.PlainSize})
			for _, g := range guesses {
				if g.Off >= 0 && g.Off+g.Len <= a.PlainSize && bytes.Equal(plainOf(a)[g.Off:g.Off+g.Len], plainOf(b)[g.At:g.At+g.Len]) {
					right += g.Len
				}
			}
			all := int64(len(columnOf(b, colSize)))
			if right < all*95/100 || len(guesses) > 25 {
				t.Errorf("%d guesses, right for %d bytes of %d", len(guesses), right, all)
			}
		})
	}
}

// What it is given need not make sense.
func TestSizesAreGuessedFromAnything(t *testing.T) {
	v := roundTrip(t, tarOf(t, [][]byte{[]byte("one"), []byte("three"), {}, []byte("two")}), verbatim{})
	for _, ops := range [][]delta.Op{nil, {{Basis: 3, Off: 1 << 40, Len: v.PlainSize}}, {{Basis: delta.Self, Len: 4}, {Off: 9, Len: 3}, {Basis: 1, Len: 1}}} {
		v.GuessSizes(ops, []int64{10})
	}
}
