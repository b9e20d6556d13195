package archive

import "bytes"

// A Format is a kind of archive, told by content.
type Format uint8

// The formats. Their numbers are part of the recipe's and the index's coding.
const (
	Bytes   Format = 0 // no archive: plain bytes
	Tar     Format = 1
	Gzip    Format = 2 // gzip of anything but a tar
	TarGzip Format = 3
	Zip     Format = 4
	Ar      Format = 5 // an ar with gzip members, such as a .deb
)

// How many bytes of the two ends of a file [Sniff] can use.
const (
	SniffHead = 512
	SniffTail = 22 + 65535 // a zip's end record with the longest comment
)

// Sniff tells from a file's first and last bytes whether [Expand] is worth
// calling: [Bytes] means certainly not. A gzip is reported as [Gzip] whatever is
// in it. Shorter head and tail are allowed, and overlap if the file is short; a
// zip with bytes in front is recognised by its tail only.
func Sniff(head, tail []byte) Format {
	switch {
	case gzipHeaderStart(head):
		return Gzip
	case bytes.HasPrefix(head, []byte(zipLocal)), bytes.HasPrefix(head, []byte(zipEnd)):
		return Zip
	case bytes.HasPrefix(head, []byte(arMagic)):
		return Ar
	case looksLikeTar(head):
		return Tar
	case findZipEnd(tail) >= 0:
		return Zip
	}
	return Bytes
}

// gzipHeaderStart reports whether b begins like a gzip of a deflate stream.
func gzipHeaderStart(b []byte) bool {
	return len(b) >= 10 && b[0] == 0x1f && b[1] == 0x8b && b[2] == 8 && b[3]&0xe0 == 0
}
