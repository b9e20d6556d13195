package deflate

import "encoding/binary"

// A hashTable maps hashes to the newest position with that hash, as 16-bit
// offsets from a base that moves with the window (as zlib's head does). Small
// tables matter: the search is bound by cache misses. 0 means none.
type hashTable []byte

// slide is how far the base moves at a time: offsets up to a window below the
// next one to come stay above zero.
const slide = windowSize - 1

func newHashTable(bits uint) hashTable { return make(hashTable, 2<<bits) }

// swap enters offset off for hash h and returns what was there.
func (t hashTable) swap(h, off uint32) uint32 {
	p := t[2*h : 2*h+2]
	old := binary.LittleEndian.Uint16(p)
	binary.LittleEndian.PutUint16(p, uint16(off))
	return uint32(old)
}

func (t hashTable) get(h uint32) uint32 {
	return uint32(binary.LittleEndian.Uint16(t[2*h : 2*h+2]))
}

// slide lowers all offsets by slide, those not above to none. It works on four
// at a time: a lane with its high bit set keeps the bits below it, plus one.
func (t hashTable) slide() {
	const high = 0x8000_8000_8000_8000
	for i := 0; i+8 <= len(t); i += 8 {
		p := t[i : i+8]
		x := binary.LittleEndian.Uint64(p)
		h := x & high
		binary.LittleEndian.PutUint64(p, x&(h-h>>15)+h>>15)
	}
}
