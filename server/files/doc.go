// Package files serves the published tree over HTTP: files with ranges,
// conditions and digests, directories as pages for people and as lists for
// programs.
//
// # Requests
//
// GET and HEAD of PREFIX/PATH, where PREFIX is [Config.Prefix]. PATH is
// decoded once from its percent-encoded form, in which any byte may be encoded
// and ':', '+' and '~' stand for themselves. A path that no tree can hold
// ([manifest.ParsePath]: dot components, also encoded twice, empty components,
// control bytes, backslashes) is 400 bad_path. What is absent and what the
// reader may not see are the same 404. Nothing here ever answers 401 or 403,
// and the only redirect adds the slash that a directory's URL lacks.
//
// The query may hold:
//
//	at=N            the tree as it stood after publication N; default: now
//	format=json     the entry, or one page of the directory, as JSON
//	format=list     with recursive=1, the whole subtree
//	format=hashes   files: hashes of the blocks that blocks= names
//	after=NAME      directories: begin after this name
//
// Other parameters are ignored. A directory's page and its JSON hold at most
// [PageSize] entries each; JSON gives the query of the next page in "next".
//
// # Files
//
// ETag is the quoted SHA-256 of the content, Repr-Digest the same as RFC 9530
// writes it. Range (one or several), If-Range, If-None-Match, If-Match,
// If-Modified-Since and If-Unmodified-Since are those of RFC 9110. Four headers
// carry what HTTP has no word for:
//
//	X-Pubsync-Kind     file, symlink or directory: what PATH itself is
//	X-Pubsync-Mode     permission bits, octal
//	X-Pubsync-Mtime    nanoseconds since the Unix epoch
//	X-Pubsync-Link     symlinks: the target, percent-encoded
//	X-Pubsync-Version  the publication number of the tree that was read
//
// A symbolic link is followed by component inside the published tree, at most
// treelink.MaxHops links deep; what it leads to is served under the link's own
// URL, with that file's content, mode and mtime, if the reader may see both.
// An absolute link, one that climbs above the tree's root, and one that leads
// nowhere or in a circle are 404. With format=json a link at PATH is shown, not
// followed.
//
// Published content is untrusted: it is sent with nosniff, a Content-Type from
// a fixed table of extensions, and a Content-Security-Policy that puts pages
// into a sandbox without scripts.
//
// # Hashes
//
// A reader with an older file at hand learns which ranges it lacks, as in zsync:
// format=hashes&blocks=B, where B is a request of delta/codec in unpadded
// base64url (RFC 4648 section 5), answers application/octet-stream, the hashes of
// delta/codec for the blocks of the file's content. The answer is computed, which
// costs the reading of those blocks; two are at work at a time, the others
// wait. at= should pin the version, so that ranges fetched afterwards are of the
// same file. A directory has no hashes: 400 bad_request.
//
// # Subtrees
//
// format=list&recursive=1 answers application/octet-stream, the coding of
// [wire.AppendTree], compressed with zstd where Accept-Encoding allows it. Paths
// are relative to the directory asked for, which is not itself in it; entries
// the reader may not see are left out.
package files
