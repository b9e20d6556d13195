package archive

import "encoding/binary"

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
	if r.byte() != recipeVersion {
		r.fail("unknown version")
	}
	h.format = Format(r.byte())
	h.root = r.bytes(lim.NameLen)
	if r.uvarint(uint64(numColumns)) != uint64(numColumns) {
		r.fail("number of columns")
	}
	for i := range h.columns {
		h.columns[i] = int64(r.uvarint(uint64(lim.ColumnBytes)))
		h.total += h.columns[i]
	}
	if h.total > int64(lim.ColumnBytes) {
		r.fail("columns too large")
	}
	return h, r.err
}

// recipeReader takes fields off the front of b; the first failure sticks.
type recipeReader struct {
	b   []byte
	err error
}

func (r *recipeReader) fail(what string) {
	if r.err == nil {
		r.err = badRecipe(what)
	}
	r.b = nil
}

func (r *recipeReader) uvarint(max uint64) uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || v > max {
		r.fail("number out of range")
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *recipeReader) byte() byte {
	if len(r.b) == 0 {
		r.fail("too short")
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

func (r *recipeReader) raw(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.fail("too short")
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

func (r *recipeReader) bytes(max int) []byte { return r.raw(r.uvarint(uint64(max))) }

// same reads what [appendSame] wrote.
func (r *recipeReader) same(prev []byte, max int) []byte {
	n := r.uvarint(uint64(max) + 1)
	if n == 0 {
		return prev
	}
	return r.raw(n - 1)
}
