// Package manifest describes a published tree: its entries, the rules its
// paths obey, the digests that name a file's bytes and a whole tree, and the
// compact coding in which lists of entries travel and are stored.
//
// # Words
//
// An [Entry] is one path of a tree: a directory, a regular file or a symbolic
// link, with its permission bits, its modification time in nanoseconds and,
// for a file, its size in bytes and the [Digest] of its content. A [List] is a
// tree: entries in ascending byte order of their paths, no path twice.
//
// # Digests of a tree
//
// The tree digest ([List.TreeDigest]) covers path, kind, mode, size, mtime and
// link target but no content: a client can compute it without reading a file,
// and it means to a whole tree what rsync's quick check means to one file. The
// manifest digest ([List.ManifestDigest]) covers the content digests as well:
// equal manifest digests mean equal trees.
//
// # List coding
//
// A coded list is a sequence of entries. Integers are unsigned LEB128 varints
// (as in encoding/binary), signed ones zig-zag coded first. Each entry is
//
//	shared   uvarint   bytes of path shared with the entry before (0 for the first)
//	suffix   uvarint   bytes of path that follow
//	         bytes
//	kind     byte      1 directory, 2 file, 3 symbolic link
//	mode     uvarint   permission bits, at most 07777
//	mtime    varint    seconds since the Unix epoch, minus those of the entry before
//	nanos    uvarint   nanoseconds within the second, below 1e9
//	size     uvarint   files only: bytes
//	link     uvarint   symbolic links only: length of the target, at most 4095
//	         bytes
//
// The tree digest is the SHA-256 of the text "pubsync tree 1\n" followed by the
// coding of the whole list. The manifest digest is the SHA-256 of the text
// "pubsync manifest 1\n" followed by, for each entry, its coding and, for files,
// the 32 bytes of its content digest.
//
// Everything here is safe for concurrent use unless it says otherwise; the
// package reads no clock, no file and no environment.
package manifest
