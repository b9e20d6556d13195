package archive

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"testing"
)

// quineUnit is the length in bytes of everything in a quine: as long as its last
// block and the trailer.
const quineUnit = 13

// A quine writes deflate blocks, bit by bit.
type quine struct {
	out  []byte
	used uint // bits of the last byte
}

func (q *quine) bits(v, n uint) {
	for i := range n {
		if q.used%8 == 0 {
			q.out = append(q.out, 0)
		}
		q.out[len(q.out)-1] |= byte(v >> i & 1 << (q.used % 8))
		q.used++
	}
}

// code writes a Huffman code, the highest bit first.
func (q *quine) code(v, n uint) {
	for i := range n {
		q.bits(v>>(n-1-i), 1)
	}
}

// stored writes the head of a stored block of n bytes after some empty fixed blocks,
// which take ten bits each.
func (q *quine) stored(n, fill uint) {
	for range fill {
		q.bits(1<<1, 3)
		q.code(0, 7)
	}
	q.bits(0, 3)
	q.used = 0
	q.out = binary.LittleEndian.AppendUint16(q.out, uint16(n))
	q.out = binary.LittleEndian.AppendUint16(q.out, ^uint16(n))
}

// literal returns a unit that says: the next units are data.
func literal(units uint) []byte {
	var q quine
	q.stored(0, 1)
	q.stored(units*quineUnit, 2)
	return q.out
}

// repeat returns a unit that says: the last 2 or 4 units once more.
func repeat(units uint) []byte {
	for fill := range uint(8) {
		var q quine
		q.bits(1<<1, 3)
		if units == 2 {
			q.code(270-256, 7) // lengths from 23
			q.bits(26-23, 2)
			q.code(9, 5) // distances from 25
			q.bits(26-25, 3)
		} else {
			q.code(275-256, 7) // lengths from 51
			q.bits(52-51, 3)
			q.code(11, 5) // distances from 49
			q.bits(52-49, 4)
		}
		q.code(0, 7)
		q.stored(0, fill)
		if len(q.out) == quineUnit {
			return q.out
		}
		if q.stored(0, 0); len(q.out) == quineUnit {
			return q.out
		}
	}
	return nil
}

// newQuine returns a gzip that inflates to itself, made up as Russ Cox describes it
// ("Zip files all the way down", 2010): l prints what comes after it, r prints what
// was printed last, and head and tail are printed by both.
func newQuine(t *testing.T) []byte {
	head := append([]byte("\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\xff"), "q\x00\x00"[:quineUnit-10]...)
	copy(head[10:], "qq\x00")
	l1, l2, l4, r2, r4 := literal(1), literal(2), literal(4), repeat(2), repeat(4)
	file := func(crc uint32) []byte {
		tail := []byte{1, 0, 0, 0xff, 0xff} // the last block
		tail = binary.LittleEndian.AppendUint32(tail, crc)
		tail = binary.LittleEndian.AppendUint32(tail, 28*quineUnit)
		return bytes.Join([][]byte{
			head,
			l2, head, l2, // head l2
			r2,     // head l2
			l1, r2, // r2
			l1, l1, // l1
			l4, r2, l1, l1, l4, // r2 l1 l1 l4
			r4,                 // r2 l1 l1 l4
			l4, r4, l4, r4, l4, // r4 l4 r4 l4
			r4,                   // r4 l4 r4 l4
			l4, l1, l1, r2, tail, // l1 l1 r2 tail
			r2, // r2 tail
			tail,
		}, nil)
	}
	// The file's checksum is in the file. What each of its bits does to the
	// checksum of all does not depend on the others, so the right one solves 32
	// equations modulo 2: x is crc(file(x)).
	none := crc32.ChecksumIEEE(file(0))
	var rows [32]uint64 // one per bit of x: its effect, and the bit itself above
	for i := range rows {
		effect := crc32.ChecksumIEEE(file(1<<i)) ^ none ^ 1<<i
		rows[i] = uint64(effect) | 1<<(32+i)
	}
	want, x := none, uint32(0)
	for bit := range 32 {
		for i, row := range rows {
			if row>>bit&1 == 0 {
				continue
			}
			for k := range rows {
				if k != i && rows[k]>>bit&1 != 0 {
					rows[k] ^= row
				}
			}
			if want>>bit&1 != 0 {
				want ^= uint32(row)
				x ^= uint32(row >> 32)
			}
			rows[i] = 0
			break
		}
	}
	if want != 0 {
		t.Fatal("no checksum fits")
	}
	return file(x)
}

// A gzip that inflates to itself is taken apart once: what is inside is not looked
// into, and it comes back.
func TestQuine(t *testing.T) {
	q := newQuine(t)
	z, err := gzip.NewReader(bytes.NewReader(q))
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := io.ReadAll(z); err != nil || !bytes.Equal(plain, q) {
		t.Fatalf("%d bytes inflate to %d others: %v", len(q), len(plain), err)
	}
	for _, b := range [][]byte{q, bytes.Repeat(q, 100)} {
		var s memSpool
		v, err := Expand(t.Context(), bytes.NewReader(b), int64(len(b)), &s, DefaultLimits())
		if len(s.b) > len(b)+spoolBuffer {
			t.Errorf("%d bytes spooled of %d", len(s.b), len(b))
		}
		if errors.Is(err, ErrNotArchive) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := Rebuild(t.Context(), v.Plain, v.PlainSize, v.Recipe, &out, DefaultLimits(), nil); err != nil || !bytes.Equal(out.Bytes(), b) {
			t.Errorf("%d bytes do not come back: %v", len(b), err)
		}
	}
}
