package archive

import "context"

// A MemberHash is the first 8 bytes of the SHA-256 of a segment: enough to say
// that two members are probably the same, not to prove it.
type MemberHash [8]byte

// An Index is what is kept beside an archive so that the next delta against it
// can begin without taking it apart again.
type Index struct {
	Format    Format
	Size      int64 // of the archive
	PlainSize int64
	Segments  []Range // as in [View]
	Columns   int
	Keys      []uint32
	Hashes    []MemberHash // one per segment
	Recipe    []byte
}

// NewIndex reads v's plain stream once and returns its index, which shares v's
// slices.
func NewIndex(ctx context.Context, v *View) (*Index, error) {
	return nil, ErrBadIndex
}

// Marshal returns x as bytes, versioned.
func (x *Index) Marshal() []byte { return nil }

// UnmarshalIndex is the inverse of [Index.Marshal]. Errors wrap [ErrBadIndex].
// Memory is bounded by lim and a small multiple of len(b).
func UnmarshalIndex(b []byte, lim Limits) (*Index, error) {
	return nil, ErrBadIndex
}
