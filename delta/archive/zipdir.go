package archive

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
)

// The layout of a zip: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3.6 to 4.3.16.
const (
	zipLocal     = "PK\x03\x04" // local file header
	zipCentral   = "PK\x01\x02" // central directory header
	zipEnd       = "PK\x05\x06" // end of central directory record
	zipEnd64     = "PK\x06\x06"
	zipLocator64 = "PK\x06\x07"
	zipDataDesc  = "PK\x07\x08"

	zipLocalLen     = 30
	zipCentralLen   = 46
	zipEndLen       = 22
	zipEnd64Len     = 56
	zipLocator64Len = 20

	zipMax32 = 0xffffffff
)

// maxDirectory is the largest central directory that is looked into; it is
// held in memory.
const maxDirectory = 12 << 20

// maxZipTail is the most bytes kept from after the central directory.
const maxZipTail = 128 << 10

// findZipEnd returns the offset of the end record in a file's tail, or -1. One
// whose comment ends with the file is preferred.
func findZipEnd(tail []byte) int {
	last := -1
	for b := tail; ; {
		i := bytes.LastIndex(b, []byte(zipEnd))
		if i < 0 {
			return last
		}
		if len(tail)-i >= zipEndLen {
			n := int(binary.LittleEndian.Uint16(tail[i+20:]))
			if i+zipEndLen+n == len(tail) {
				return i
			}
			if last < 0 && i+zipEndLen+n < len(tail) {
				last = i
			}
		}
		b = b[:i]
	}
}

// zipEntry is one entry of a zip as its central directory has it.
type zipEntry struct {
	at     int32 // of its record in the directory
	order  int32 // its place in the directory
	local  int64 // offset of its local header in the file
	packed int64
	plain  int64
}

// zipDirectory is a central directory, in memory.
type zipDirectory struct {
	b       []byte
	at      int64 // offset in the file
	base    int64 // bytes in front of the zip that its offsets do not count
	entries []zipEntry
	tail    []byte // everything after the directory
	end     int    // offset of the end record in tail
}

func (d *zipDirectory) record(e *zipEntry) []byte {
	r := d.b[e.at:]
	return r[:zipCentralLen+recordVar(r)]
}

// recordVar returns the length of name, extra field and comment of the
// directory record r.
func recordVar(r []byte) int {
	le := binary.LittleEndian
	return int(le.Uint16(r[28:])) + int(le.Uint16(r[30:])) + int(le.Uint16(r[32:]))
}

func notZip(what string) error { return fmt.Errorf("%w: zip: %s", ErrNotArchive, what) }

// directory reads the central directory; its entries ascend by their place in
// the file.
func (e *expander) directory() (*zipDirectory, error) {
	n := min(e.size, SniffTail+zipEnd64Len+zipLocator64Len)
	tail, err := e.peek(span(e.size-n, n), n)
	if err != nil {
		return nil, err
	}
	end := findZipEnd(tail)
	if end < 0 {
		return nil, notZip("no end record")
	}
	le := binary.LittleEndian
	count := uint64(le.Uint16(tail[end+10:]))
	size, off := uint64(le.Uint32(tail[end+12:])), uint64(le.Uint32(tail[end+16:]))
	stop := e.size - n + int64(end) // where the directory ends
	if i := end - zipLocator64Len; i >= zipEnd64Len && string(tail[i:i+4]) == zipLocator64 && string(tail[i-zipEnd64Len:i-zipEnd64Len+4]) == zipEnd64 {
		r := tail[i-zipEnd64Len:]
		count, size, off = le.Uint64(r[32:]), le.Uint64(r[40:]), le.Uint64(r[48:])
		stop -= zipLocator64Len + zipEnd64Len
	}
	if size > maxDirectory || size > uint64(stop) || off > uint64(stop) || count > size/zipCentralLen {
		return nil, notZip("directory out of range")
	}
	d := &zipDirectory{at: stop - int64(size)}
	if d.base = d.at - int64(off); d.base < 0 {
		return nil, notZip("directory overlaps its end")
	}
	if d.b, err = e.peek(span(d.at, int64(size)), maxDirectory); err != nil {
		return nil, err
	}
	if err := d.parse(int(count)); err != nil {
		return nil, err
	}
	after := d.at + int64(len(d.b))
	if e.size-after > maxZipTail {
		return nil, notZip("too much after the directory")
	}
	if d.tail, err = e.peek(span(after, e.size-after), maxZipTail); err != nil {
		return nil, err
	}
	d.end = int(e.size - n + int64(end) - after)
	return d, nil
}

// parse reads count records and cuts d.b after them.
func (d *zipDirectory) parse(count int) error {
	d.entries = make([]zipEntry, 0, count)
	at := 0
	for i := range count {
		r := d.b[at:]
		if len(r) < zipCentralLen || string(r[:4]) != zipCentral || len(r) < zipCentralLen+recordVar(r) {
			return notZip("malformed directory")
		}
		r = r[:zipCentralLen+recordVar(r)]
		z, ok := parseRecord(r)
		if !ok || z.packed > d.at || z.plain < 0 || z.local > d.at-d.base {
			return notZip("entry out of range")
		}
		z.at, z.order = int32(at), int32(i)
		z.local += d.base
		d.entries = append(d.entries, z)
		at += len(r)
	}
	d.b = d.b[:at]
	slices.SortStableFunc(d.entries, func(a, b zipEntry) int { return cmp.Compare(a.local, b.local) })
	return nil
}

// parseRecord reads sizes and offset, from the zip64 extra field where the
// record says so.
func parseRecord(r []byte) (z zipEntry, ok bool) {
	le := binary.LittleEndian
	plain, packed, local := uint64(le.Uint32(r[24:])), uint64(le.Uint32(r[20:])), uint64(le.Uint32(r[42:]))
	nameEnd := zipCentralLen + int(le.Uint16(r[28:]))
	x := r[nameEnd : nameEnd+int(le.Uint16(r[30:]))]
	var long []byte
	for len(x) >= 4 {
		n := int(le.Uint16(x[2:]))
		if n > len(x)-4 {
			break
		}
		if le.Uint16(x) == extraZip64 {
			long = x[4 : 4+n]
		}
		x = x[4+n:]
	}
	for _, v := range []*uint64{&plain, &packed, &local} {
		if *v == zipMax32 && len(long) >= 8 {
			*v, long = le.Uint64(long), long[8:]
		}
	}
	z.plain, z.packed, z.local = int64(plain), int64(packed), int64(local)
	return z, z.plain >= 0 && z.packed >= 0 && z.local >= 0
}
