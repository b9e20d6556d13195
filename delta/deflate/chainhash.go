package deflate

import "math/bits"

// hashed returns how many bytes a hash covers.
func (c *chainConfig) hashed() int {
	if c.hash >= crc4Hash {
		return 4
	}
	return 3
}

// hashOf hashes the bytes of little-endian word v.
func (c *chainConfig) hashOf(v uint32) uint32 {
	switch c.hash {
	case rollingHash:
		shift := (c.hashBits + 2) / 3
		return (v&255<<(2*shift) ^ v>>8&255<<shift ^ v>>16&255) & (1<<c.hashBits - 1)
	case crc3Hash:
		return crc32c(v&0xffffff) & (1<<c.hashBits - 1)
	case crc4Hash:
		return crc32c(v) & (1<<c.hashBits - 1)
	case knuthHash:
		return (v*66521 + 66521) >> 16 & (1<<c.hashBits - 1)
	}
	return bits.ReverseBytes32(v) * 0x1e35a7bd >> 15
}

// crcTables holds, for each byte of a little-endian word, its part of the
// word's CRC-32C (polynomial 0x82f63b78, no inversion), as the SSE 4.2
// instruction computes it.
var crcTables = func() (t [4][256]uint32) {
	for i := range 256 {
		v := uint32(i)
		for k := 3; k >= 0; k-- {
			for range 8 {
				v = v>>1 ^ v&1*0x82f63b78
			}
			t[k][i] = v
		}
	}
	return t
}()

func crc32c(v uint32) uint32 {
	return crcTables[0][v&255] ^ crcTables[1][v>>8&255] ^ crcTables[2][v>>16&255] ^ crcTables[3][v>>24]
}
