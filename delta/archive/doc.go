// Package archive sees through tar, gzip, zip and ar: it turns an archive into
// a [View], a stream of plain bytes fit for matching plus a small recipe, and
// turns the two back into the archive, bit for bit.
//
// # Why
//
// One changed file, or nothing but new modification times, changes every
// compressed byte after it, so that a rolling match over a .tar.gz or a .zip
// finds next to nothing of the previous release. Over the view it finds the
// members that stayed, wherever they moved, and the headers of all members
// shrink to a few columns.
//
// # The view
//
// The plain stream holds the members' contents in the order of the archive and
// after them the columns: what the headers say, field by field (all names, all
// sizes, all modification times), each written so that a member that did not
// change leaves its bytes unchanged. Every member's content and every column
// is one segment. What can be computed is left out: checksums, CRC-32s,
// padding, the sizes and offsets that a directory repeats, and the compressed
// bytes themselves, which package deflate models. What is irregular is kept
// literally, as glue between members or as patches to a header, so that any
// bytes whatever come back. The recipe is the rest: the nesting of the
// containers and the deflate recipes.
//
// A name's common prefix ("pkg-1.2.3/") is written once. Modification times are
// differences from the member before: fresh times everywhere cost about one
// byte a member.
//
// # What is recognised
//
// Content decides, never a name: a tar (v7, ustar, pax, GNU); gzip of anything,
// with any number of members and trailing bytes, and a tar inside it; zip and
// its kin (jar, whl, apk, Go module zips), with data descriptors, stored
// entries, zip64, bytes in front, signing blocks; an ar of which a member is
// gzip (.deb). That is one level of nesting: compressed files inside members
// stay as they are.
//
// # Strangers' bytes
//
// Archives come from outside. Whatever [Expand] is given it returns a view that
// it has itself rebuilt and compared, or [ErrNotArchive], which means: treat
// the file as plain bytes. [Sample] and [Analyse] verify all but the deflated bytes,
// for callers that compare the digest of what is rebuilt. Recipes, views and indexes come from outside too;
// [Rebuild] and [UnmarshalIndex] check every number before they use it and
// stop at their [Limits]. Nothing is ever written under a member's name: names
// are bytes of a column and nothing else.
//
// All functions are safe for concurrent use on distinct spools and budgets. None keeps more
// than 64 MiB in memory under [DefaultLimits], whatever the file.
package archive
