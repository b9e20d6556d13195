package deflate

import "encoding/binary"

// A bitWriter appends bits, least significant first, to a byte slice.
type bitWriter struct {
	out []byte
	acc uint64
	n   uint // bits in acc, below 32 between calls
}

func (w *bitWriter) reset() { w.out, w.acc, w.n = w.out[:0], 0, 0 }

// put appends the low k bits of v, k at most 32.
func (w *bitWriter) put(v uint32, k uint) {
	w.acc |= uint64(v) << w.n
	w.n += k
	if w.n >= 32 {
		w.out = binary.LittleEndian.AppendUint32(w.out, uint32(w.acc))
		w.acc >>= 32
		w.n -= 32
	}
}

// flush moves what is left of the accumulator to the output, filling the last
// byte with zero bits, and returns the number of bits used in that byte (0 if
// it is full).
func (w *bitWriter) flush() uint {
	used := w.n & 7
	for w.n > 0 {
		w.out = append(w.out, byte(w.acc))
		w.acc >>= 8
		w.n -= min(w.n, 8)
	}
	return used
}
