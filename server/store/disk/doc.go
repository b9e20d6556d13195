// Package disk keeps a store in a folder: blobs in files and packs, the catalog
// beside them. It implements [store.Store].
//
// # The folder
//
//	format              "pubsync store 1\n"
//	lock                held while a process has the store open
//	catalog.db          the catalog, with catalog.db-wal and catalog.db-shm
//	packs/00000001.pack small blobs, one after another
//	blobs/ab/abcd...    one large blob, named by its digest
//	derived/ab/abcd.../ what was computed from a blob, by name
//	staging/SESSION/    large blobs that are still arriving, named by digest
//	tmp/                files on their way to another name; emptied at every start
//
// A pack begins with the 16 bytes "pubsync pack 1\n\n" and then holds records, each
// a header and the content:
//
//	magic    4 bytes  "psb1"
//	length   4 bytes  of the content, little-endian, at most store.SmallBlob
//	digest   32 bytes SHA-256 of the content
//	check    4 bytes  CRC-32C of the 40 bytes before, little-endian
//
// so that the catalog's index of packs can be rebuilt by reading them. What
// follows the extent that the catalog knows is the tail of a batch that a crash
// cut off; it is overwritten when the pack grows next.
//
// # Order of writing
//
// Content is written and synced under a name or beyond an extent that means
// nothing yet, large files are renamed and their directories synced, and only
// then does one transaction of the catalog make all of it known. A power cut
// at any point leaves bytes that nobody refers to, never the reverse.
//
// # Collection
//
// The lock named sweep keeps collection out of the short moments in which a
// blob is being promised or placed; readers never take it. A reader that was
// told of a place that collection has emptied since asks again.
package disk
