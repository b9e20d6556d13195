package archive

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/pubsync/pubsync/delta/field"
)

// A MemberHash is the first 8 bytes of the SHA-256 of a segment: enough to say
// that two members are probably the same, not to prove it.
type MemberHash [8]byte

// An Index is what is kept beside an archive so that the next delta against it
// can begin without taking it apart again: about 14 bytes a member.
//
// It holds no checkpoints from which a part of a gzip could be inflated: one
// every 4 MiB of plain bytes would be a window of 32 KiB each, 0.8 % of the
// plain bytes or some 3 % of the archive, to save what [Replay] does at several
// hundred MB/s, and a rebuild reads nearly all of its basis anyway.
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

// SizeColumn returns the bytes of the column of sizes, and where they are in
// the plain stream, of which x's segments say everything: who has an index's
// Segments, Columns, Keys and Hashes has that column of the basis at hand. It
// reports false for an archive whose column holds more than that.
func (x *Index) SizeColumn() (b []byte, at Range, ok bool) {
	contents := len(x.Segments) - x.Columns
	for i := contents; i < len(x.Segments); i++ {
		if x.Keys[i] != uint32(colSize)+1 {
			continue
		}
		for k, s := range x.Segments[:contents] {
			if x.Keys[k] != 0 {
				b = binary.AppendUvarint(b, uint64(s.Len))
			}
		}
		sum := sha256.Sum256(b)
		return b, x.Segments[i], MemberHash(sum[:8]) == x.Hashes[i]
	}
	return nil, Range{}, false
}

// indexVersion opens every index.
const indexVersion = 1

// NewIndex reads v's plain stream once and returns its index, which shares v's
// slices.
func NewIndex(ctx context.Context, v *View) (*Index, error) {
	x := &Index{
		Format: v.Format, Size: v.Size, PlainSize: v.PlainSize,
		Segments: v.Segments, Columns: v.Columns, Keys: v.Keys, Recipe: v.Recipe,
		Hashes: make([]MemberHash, len(v.Segments)),
	}
	buf := make([]byte, 256<<10)
	h, sum := sha256.New(), []byte(nil)
	r := &windowReader{r: v.Plain, end: v.PlainSize, buf: buf}
	for i, s := range v.Segments {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		h.Reset()
		if err := r.copyTo(h, s.Len); err != nil {
			return nil, fmt.Errorf("read plain stream: %w", err)
		}
		sum = h.Sum(sum[:0])
		copy(x.Hashes[i][:], sum)
	}
	return x, nil
}

// windowReader reads forwards in large pieces, whatever is asked for.
type windowReader struct {
	r        io.ReaderAt
	off, end int64 // of what is not yet in buf
	buf, has []byte
}

func (w *windowReader) copyTo(dst io.Writer, n int64) error {
	for n > 0 {
		if len(w.has) == 0 {
			b := w.buf[:min(int64(len(w.buf)), w.end-w.off)]
			if k, err := w.r.ReadAt(b, w.off); k < len(b) || k == 0 {
				return noEOF(err)
			}
			w.off += int64(len(b))
			w.has = b
		}
		k := min(n, int64(len(w.has)))
		if _, err := dst.Write(w.has[:k]); err != nil {
			return err
		}
		w.has, n = w.has[k:], n-k
	}
	return nil
}

// Marshal returns x as bytes: version, format, archive size, number of columns
// and of segments, recipe length, all as uvarints; then the segments' lengths,
// their keys (4 bytes each, little-endian), their hashes, the recipe.
func (x *Index) Marshal() []byte {
	b := make([]byte, 0, 64+16*len(x.Segments)+len(x.Recipe))
	b = append(b, indexVersion, byte(x.Format))
	b = binary.AppendUvarint(b, uint64(x.Size))
	b = binary.AppendUvarint(b, uint64(x.Columns))
	b = binary.AppendUvarint(b, uint64(len(x.Segments)))
	b = binary.AppendUvarint(b, uint64(len(x.Recipe)))
	for _, s := range x.Segments {
		b = binary.AppendUvarint(b, uint64(s.Len))
	}
	for _, k := range x.Keys {
		b = binary.LittleEndian.AppendUint32(b, k)
	}
	for _, h := range x.Hashes {
		b = append(b, h[:]...)
	}
	return append(b, x.Recipe...)
}

// UnmarshalIndex is the inverse of [Index.Marshal]. Errors wrap [ErrBadIndex].
// Memory is bounded by lim and a small multiple of len(b). The index shares b's
// memory.
func UnmarshalIndex(b []byte, lim Limits) (*Index, error) {
	r := &recipeReader{field.New(b, ErrBadIndex)}
	if r.Byte() != indexVersion {
		r.Fail("unknown version")
	}
	x := &Index{Format: Format(r.Byte()), Size: int64(r.Uvarint(1 << 62))}
	x.Columns = int(r.Uvarint(uint64(numColumns)))
	n := r.Uvarint(uint64(lim.Members))
	recipe := r.Uvarint(uint64(lim.RecipeBytes + lim.NameLen + 256))
	// A segment takes 13 bytes at least.
	if x.Format > Ar || x.Format == Bytes || uint64(x.Columns) > n || uint64(r.Len()) < 13*n+recipe {
		r.Fail("index")
	}
	if r.Err() == nil {
		x.segments(r, int(n), lim.PlainSize+int64(lim.ColumnBytes))
		x.Recipe = r.Bytes(recipe)
	}
	return x, r.End()
}

func (x *Index) segments(r *recipeReader, n int, max int64) {
	x.Segments = make([]Range, n)
	for i := range x.Segments {
		s := span(x.PlainSize, int64(r.Uvarint(uint64(max-x.PlainSize))))
		if s.Len == 0 {
			r.Fail("empty segment")
		}
		x.Segments[i] = s
		x.PlainSize = s.End()
	}
	x.Keys = make([]uint32, n)
	for i := range x.Keys {
		if b := r.Bytes(4); b != nil {
			x.Keys[i] = binary.LittleEndian.Uint32(b)
		}
	}
	x.Hashes = make([]MemberHash, n)
	for i := range x.Hashes {
		copy(x.Hashes[i][:], r.Bytes(8))
	}
}
