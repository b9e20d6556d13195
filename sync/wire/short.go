package wire

import (
	"encoding/binary"
)

// ShortBytes is how much of a digest is sent where the server most likely has the
// rest: the whole is checked with the manifest digest of the commit.
const ShortBytes = 4

// A Short is the beginning of the digest of one entry.
type Short struct {
	Index  int
	Prefix [ShortBytes]byte
}

// ShortOf returns the beginning of a digest.
func ShortOf(d Digest) Short {
	return Short{d.Index, [ShortBytes]byte(d.Digest[:ShortBytes])}
}

// AppendShort appends a short frame; indices must ascend.
func AppendShort(dst []byte, ss []Short) []byte {
	var p []byte
	next := 0
	for len(ss) > 0 {
		n := 1
		for n < len(ss) && ss[n].Index == ss[0].Index+n {
			n++
		}
		p = binary.AppendUvarint(p, uint64(ss[0].Index-next))
		p = binary.AppendUvarint(p, uint64(n))
		for _, s := range ss[:n] {
			p = append(p, s.Prefix[:]...)
		}
		next = ss[n-1].Index + 1
		ss = ss[n:]
	}
	return AppendFrame(dst, FrameShort, p)
}

// ParseShort reads the payload of a short frame.
func ParseShort(b []byte) ([]Short, error) {
	r := newFields(b)
	ss := make([]Short, 0, len(b)/(ShortBytes+1))
	next := 0
	for r.Len() > 0 {
		first, n := r.indexFrom(next), r.index()
		if n == 0 || first+n > maxIndex || n > r.Len()/ShortBytes {
			r.Fail(outOfBounds)
		}
		for i := first; r.Err() == nil && i < first+n; i++ {
			ss = append(ss, Short{i, [ShortBytes]byte(r.Bytes(ShortBytes))})
		}
		if r.Err() != nil {
			return nil, r.Err()
		}
		next = first + n
	}
	return ss, nil
}

// AppendAlike appends an alike frame: of the n entries from first on, at the paths of
// those whose bit is set stand files of the same sizes.
func AppendAlike(dst []byte, first, n int, bits []byte) []byte {
	return appendBits(dst, FrameAlike, first, n, bits)
}

// ParseAlike reads the payload of an alike frame.
func ParseAlike(b []byte) (first, n int, bits []byte, err error) { return ParseUnsettled(b) }
