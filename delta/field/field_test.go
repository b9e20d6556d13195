package field

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"testing"
)

var errBad = errors.New("malformed")

func TestFields(t *testing.T) {
	b := binary.AppendUvarint(nil, 300)
	b = binary.AppendVarint(b, -7)
	b = append(b, 'x', 1, 2, 3)
	r := New(b, errBad)
	if u, v, c := r.Uvarint(300), r.Varint(-7, 7), r.Byte(); u != 300 || v != -7 || c != 'x' {
		t.Errorf("took %d, %d, %q", u, v, c)
	}
	if r.Len() != 3 || !bytes.Equal(r.Rest(), []byte{1, 2, 3}) {
		t.Errorf("left %v", r.Rest())
	}
	p := r.Bytes(2)
	if !bytes.Equal(p, []byte{1, 2}) || cap(p) != 2 {
		t.Errorf("took %v of capacity %d", p, cap(p))
	}
	if err := r.End(); !errors.Is(err, errBad) {
		t.Errorf("a byte is left, and End says %v", err)
	}
}

func TestFailures(t *testing.T) {
	long := bytes.Repeat([]byte{0x80}, 11) // of more than 64 bits
	for what, c := range map[string]struct {
		b    []byte
		take func(r *Reader) bool // reports whether it took anything
	}{
		"no number":        {nil, func(r *Reader) bool { return r.Uvarint(math.MaxUint64) != 0 }},
		"half a number":    {[]byte{0x80}, func(r *Reader) bool { return r.Uvarint(math.MaxUint64) != 0 }},
		"too long":         {long, func(r *Reader) bool { return r.Uvarint(math.MaxUint64) != 0 }},
		"too large":        {[]byte{8}, func(r *Reader) bool { return r.Uvarint(7) != 0 }},
		"no signed number": {nil, func(r *Reader) bool { return r.Varint(math.MinInt64, math.MaxInt64) != 0 }},
		"too small":        {binary.AppendVarint(nil, -8), func(r *Reader) bool { return r.Varint(-7, 7) != 0 }},
		"above":            {binary.AppendVarint(nil, 8), func(r *Reader) bool { return r.Varint(-7, 7) != 0 }},
		"no byte":          {nil, func(r *Reader) bool { return r.Byte() != 0 }},
		"too few bytes":    {[]byte{1, 2}, func(r *Reader) bool { return r.Bytes(3) != nil }},
		"far too few":      {[]byte{1, 2}, func(r *Reader) bool { return r.Bytes(math.MaxUint64) != nil }},
	} {
		r := New(c.b, errBad)
		if c.take(&r) {
			t.Errorf("%s: took something", what)
		}
		first := r.Err()
		if !errors.Is(first, errBad) || r.Len() != 0 {
			t.Errorf("%s: %v, %d bytes left", what, first, r.Len())
		}
		if r.Byte() != 0 || r.Err() != first || r.End() != first {
			t.Errorf("%s: the first failure does not stick", what)
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte("uvbx"), binary.AppendVarint(binary.AppendUvarint(nil, 9), -9))
	f.Add([]byte("xu"), []byte{0xff, 0x80})
	f.Fuzz(func(t *testing.T, kinds, b []byte) {
		r := New(b, errBad)
		for _, k := range kinds {
			before, failed := r.Len(), r.Err() != nil
			switch k {
			case 'u':
				if r.Uvarint(1000) > 1000 {
					t.Fatal("a number beyond its bound")
				}
			case 'v':
				if v := r.Varint(-50, 60); v < -50 || v > 60 {
					t.Fatal("a number beyond its bounds")
				}
			case 'b':
				r.Byte()
			default:
				if p := r.Bytes(uint64(k)); p != nil && len(p) != int(k) {
					t.Fatalf("%d bytes for %d", len(p), k)
				}
			}
			if failed && (r.Err() == nil || r.Len() > 0) || r.Len() > before {
				t.Fatal("a failure that does not stick, or more left than before")
			}
		}
	})
}
