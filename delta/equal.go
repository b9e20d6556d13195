package delta

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// equalPrefix returns how many bytes x and y, of equal length, begin with in
// common.
func equalPrefix(x, y []byte) int {
	if bytes.Equal(x, y) { // several times as fast
		return len(x)
	}
	n := 0
	for len(x)-n >= 8 && len(y)-n >= 8 {
		d := binary.LittleEndian.Uint64(x[n:]) ^ binary.LittleEndian.Uint64(y[n:])
		if d != 0 {
			return n + bits.TrailingZeros64(d)/8
		}
		n += 8
	}
	for n < len(x) && n < len(y) && x[n] == y[n] {
		n++
	}
	return n
}

// equalSuffix returns how many bytes x and y, of equal length, end with in
// common.
func equalSuffix(x, y []byte) int {
	n := 0
	for n < len(x) && n < len(y) && x[len(x)-1-n] == y[len(y)-1-n] {
		n++
	}
	return n
}
