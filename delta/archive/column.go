package archive

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// A column is one kind of header field over all members of an archive.
type column int

// The columns in the order in which they follow the contents. The numbers are
// part of the recipe's coding.
const (
	colShape   column = iota // which header shape each tar member has
	colDef                   // the shapes themselves, in order of first use
	colName                  // member names, tar and zip
	colLink                  // link targets
	colSize                  // content lengths
	colTime                  // modification times in seconds, as differences
	colSpecial               // times of pax and GNU long-name headers
	colPattern               // how names of pax headers are made
	colFrac                  // fractions of seconds in pax records
	colPax                   // other pax values
	colPatch                 // where a header differs from the one computed
	colZip                   // which shape each zip entry has
	colZipDef                // those shapes
	colPacked                // compressed lengths, where they must be known in advance
	colOrder                 // zip directory order, where unlike the entries'
	numColumns
)

// columnSet collects the columns while an archive is taken apart.
type columnSet [numColumns][]byte

func (c *columnSet) uvarint(id column, v uint64) { c[id] = binary.AppendUvarint(c[id], v) }
func (c *columnSet) varint(id column, v int64)   { c[id] = binary.AppendVarint(c[id], v) }

func (c *columnSet) bytes(id column, b []byte) {
	c.uvarint(id, uint64(len(b)))
	c[id] = append(c[id], b...)
}

func (c *columnSet) size() int {
	n := 0
	for _, b := range c {
		n += len(b)
	}
	return n
}

// columnBuffer is how much of each column is read ahead.
const columnBuffer = 8 << 10

// columnReaders read every column from its own place in a plain stream. The
// first failure sticks and is found in err; reads return zero values after it.
type columnReaders struct {
	r     [numColumns]*bufio.Reader
	err   error
	total int64
}

// newColumnReaders opens the columns at the end of plain, of the given sizes.
func newColumnReaders(plain io.ReaderAt, off int64, sizes [numColumns]int64) *columnReaders {
	c := &columnReaders{}
	for i, n := range sizes {
		c.r[i] = bufio.NewReaderSize(io.NewSectionReader(plain, off, n), columnBuffer)
		off += n
		c.total += n
	}
	return c
}

func (c *columnReaders) fail(err error) {
	if c.err != nil {
		return
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = ErrBadRecipe
	}
	c.err = err
}

func (c *columnReaders) uvarint(id column) uint64 {
	if c.err != nil {
		return 0
	}
	v, err := binary.ReadUvarint(c.r[id])
	if err != nil {
		c.fail(columnError(id, err))
		return 0
	}
	return v
}

// columnError tells a failing spool from a column that ends too soon or holds
// an overlong number.
func columnError(id column, err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF || err.Error() == "binary: varint overflows a 64-bit integer" {
		return fmt.Errorf("%w: column %d", ErrBadRecipe, id)
	}
	return err
}

func (c *columnReaders) varint(id column) int64 {
	u := c.uvarint(id)
	return int64(u>>1) ^ -int64(u&1)
}

func (c *columnReaders) byte(id column) byte {
	if c.err != nil {
		return 0
	}
	b, err := c.r[id].ReadByte()
	if err != nil {
		c.fail(columnError(id, err))
	}
	return b
}

// bytes reads a length of at most max and that many bytes, appending them to dst.
func (c *columnReaders) bytes(id column, dst []byte, max int) []byte {
	n := c.uvarint(id)
	if n > uint64(max) {
		c.fail(fmt.Errorf("%w: column %d", ErrBadRecipe, id))
		return dst
	}
	return c.raw(id, dst, int(n))
}

func (c *columnReaders) raw(id column, dst []byte, n int) []byte {
	if c.err != nil {
		return dst
	}
	k := len(dst)
	dst = append(dst, make([]byte, n)...)
	if _, err := io.ReadFull(c.r[id], dst[k:]); err != nil {
		c.fail(columnError(id, err))
	}
	return dst
}

// more reports whether column id has bytes left.
func (c *columnReaders) more(id column) bool {
	if c.err != nil {
		return false
	}
	_, err := c.r[id].Peek(1)
	if err != nil && err != io.EOF {
		c.fail(err)
	}
	return err == nil
}
