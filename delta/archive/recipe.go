package archive

import (
	"encoding/binary"

	"github.com/pubsync/pubsync/delta/field"
)

// appendHead returns the start of a recipe: version, format, the names' common
// prefix, the number of columns and their sizes.
func appendHead(f Format, root []byte, c columnSet) []byte {
	b := []byte{recipeVersion, byte(f)}
	b = binary.AppendUvarint(b, uint64(len(root)))
	b = append(b, root...)
	b = binary.AppendUvarint(b, uint64(numColumns))
	for _, col := range c {
		b = binary.AppendUvarint(b, uint64(len(col)))
	}
	return b
}

// head is a recipe's start, read back.
type head struct {
	format  Format
	root    []byte
	columns [numColumns]int64
	total   int64 // of columns
}

// readHead reads it and leaves r at the format's own part.
func readHead(r *recipeReader, lim Limits) (h head, err error) {
	if r.Byte() != recipeVersion {
		r.Fail("unknown version")
	}
	h.format = Format(r.Byte())
	h.root = r.bytes(lim.NameLen)
	if r.Uvarint(uint64(numColumns)) != uint64(numColumns) {
		r.Fail("number of columns")
	}
	for i := range h.columns {
		h.columns[i] = int64(r.Uvarint(uint64(lim.ColumnBytes)))
		h.total += h.columns[i]
	}
	if h.total > int64(lim.ColumnBytes) {
		r.Fail("columns too large")
	}
	return h, r.Err()
}

// recipeReader takes the fields of recipes and indexes.
type recipeReader struct{ field.Reader }

func newRecipeReader(b []byte) *recipeReader { return &recipeReader{field.New(b, ErrBadRecipe)} }

func (r *recipeReader) bytes(max int) []byte { return r.Bytes(r.Uvarint(uint64(max))) }

// same reads what [appendSame] wrote.
func (r *recipeReader) same(prev []byte, max int) []byte {
	n := r.Uvarint(uint64(max) + 1)
	if n == 0 {
		return prev
	}
	return r.Bytes(n - 1)
}
