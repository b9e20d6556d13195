// Package wire is version 1 of the pubsync protocol: its messages, error codes
// and limits. This comment is the specification; the codings of lists, of
// delta parts and signatures, and of token strings are in the comments of
// sync/manifest, delta/codec and sync/wire/connect.
//
// # In one page
//
// A push is a session of plain HTTP requests over TLS. Each is idempotent and
// may be repeated as it is after any failure; each body stays under a limit
// that the server states; nothing needs full duplex, chunked streaming or a
// particular version of HTTP. A request carries frames from the client, its
// answer frames from the server:
//
//	open      → opened, unchanged or published
//	outline   → which groups of the list stand already, and what stands beside them
//	stats     → as list, of groups that stand but for mtimes and sizes
//	list      → which entries need a digest; signatures of some predecessors
//	along     → nothing: digests of files whose content follows unasked
//	digests   → per entry: have, or send (what is staged, which bases); signatures
//	want, sign → signatures, hashes of blocks of a basis
//	amend     → nothing: an entry changed since it was listed
//	file, part → stored, staged, resend or unusable
//	commit    → the receipt
//
// A request may hold frames of several kinds in this order, so that small pushes
// take few round trips: the list may ride on the open, the digests on the list,
// content on the digests, the commit on the last content.
//
// # Addresses
//
//	POST   /v1/sessions              open; body: JSON, or frames beginning with open
//	POST   /v1/sessions/ID           any frames but open; ID may be "-", see below
//	POST   /v1/sessions/ID/commit    body: the JSON of a commit; answer: that of a receipt
//	DELETE /v1/sessions/ID           abandon
//	GET    /v1/sessions/ID/content/DIGEST   by file: need it be sent?
//	PUT    /v1/sessions/ID/files/PATH       by file: content
//	POST   /v1/sessions/ID/links/PATH       by file: content that need not be sent
//	GET    /v1/profiles/TYPE         how pushes of a build type are made: [Profile]
//	POST   /v1/links                 a signed link to one path, for who may read it
//	GET    /v1/log/TARGET            publications, newest first; ?before=N
//	GET    /v1/diff/TARGET           what differs between ?from=N and &to=M: lines of [Difference]
//	POST   /v1/rollback/TARGET       body: [Rollback]; answer: a receipt
//	GET    /v1/pins/PATH             schedulers only: lines of [Pinned]
//	PUT    /v1/pins/TARGET           schedulers only; body: [Pin]
//	DELETE /v1/pins/TARGET           schedulers only
//	GET    /files/PATH               published content; see server/files
//	POST   /v1/tokens ...            schedulers only; see server/token
//
// Bodies of frames have the media type [ContentType], or none is told; answers of frames
// have none. The name "-" stands for the session that the two credentials of the request
// opened, unless that is a dry run, whose name opened tells; a JSON opened always does.
// What does not begin with an open frame is the JSON of one, and gets a JSON opened.
// Unknown fields of JSON objects are ignored. Every answer that is not
// 2xx is the JSON of an [Error]; its codes, their statuses and the exit codes of
// the command are the table in [Code.Status] and [Code.Exit]. Answers of a
// proxy that are no such JSON count by status: 413 as too_large, 429, 502, 503
// and 504 as busy. Redirects are not followed.
//
// # Credentials
//
// Every request carries "Authorization: Bearer psb_..." (or the token as the
// password of a Basic credential), never in the URL. Every request of a session
// but a JSON open carries the session secret in the header [SessionHeader]: a
// string of at least 256 random bits that the client makes before it opens,
// keeps on disk with mode 0600, and forgets once it has the receipt. A JSON open
// names its SHA-256 instead. The same token and hash always mean the same session, so a
// lost answer to an open costs nothing, and a token that leaks after it was used
// is of no use without the secret: any other hash is refused with token_in_use
// or token_consumed. Dry runs bind nothing. TLS sessions may be resumed; a server takes
// no early data, which could be sent twice.
//
// # Frames
//
// A frame is a type (one byte), the length of its payload (uvarint: unsigned
// LEB128 as in encoding/binary) and the payload. Frames follow each other
// without gaps; a body ends after a whole frame. Types below 0x40 come from the
// client. A receiver refuses a type it does not know.
//
//	0x01 open       record of Open, without the session hash
//	0x02 list       first (uvarint), then a coded list: entries first, first+1, ...
//	0x03 amend      index (uvarint), then a coded list of that one entry
//	0x04 digests    for each: index less the least it can be (uvarint), 32 bytes
//	0x05 sign       index, basis, total (uvarint), then nothing for the first signature;
//	                or 0 for the total, then a signature request of delta/codec
//	0x06 file       index (uvarint), then the whole content
//	0x07 part       index (uvarint), view (byte), offset (uvarint), total (uvarint),
//	                number of bases (uvarint, at most 8), the bases, then a part of
//	                delta/codec
//	0x08 commit     record of Commit
//	0x09 want       index (uvarint), view (byte)
//	0x0a outline    cut (uvarint, at most 16), for each group: its number of entries
//	                (uvarint), 6 bytes of its sum, 3 of that of the mtimes of its
//	                directories, 3 of that of the mtimes and sizes of the others
//	0x0b number     by which a later request may speak of this one (uvarint)
//	0x0c lost       the number of a request (uvarint)
//	0x0d short      for each run of entries: the first index less the least it can be
//	                (uvarint), their number (uvarint), for each 4 bytes of its digest
//	0x0e stats      first (uvarint), n (uvarint), how (byte): 1 of directories only, plus 2
//	                in seconds; for each of the n entries, or each directory among them,
//	                its mtime less the one before (varint, zig-zag), in nanoseconds unless
//	                in seconds; unless of directories only, the size of each file (uvarint)
//	0x0f along      as digests: of files whose content comes along; there is no answer
//	0x3f zstd       plain length (uvarint), then one zstd frame (RFC 8878, window at
//	                most 8 MiB) of exactly that many bytes, which are frames, none of
//	                them zstd
//	0x41 opened     record of Opened
//	0x42 unsettled  first (uvarint), n (uvarint), then a bit for each of the n
//	                entries, lowest bit of the first byte first: 1 needs a digest
//	0x43 verdicts   for each: index less the least it can be (uvarint), code (byte):
//	                0 have; 1 send, then bytes staged (uvarint), number of bases
//	                (uvarint), for each: basis, its size (uvarint); 2 send, with
//	                views staged: as 1, but after the bytes staged, for the plain
//	                view and for the recipe: bytes staged of it (uvarint) and,
//	                unless 0, their SHA-256; 3 the whole digest is wanted
//	0x44 signature  index, basis, size (uvarint), then a signature of delta/codec
//	0x45 stored     for each: index (uvarint), outcome (byte): 0 stored, 1 staged,
//	                2 resend, 3 unusable, 4 remodel
//	0x46 receipt    record of Receipt; without the target if it is that of opened, the
//	                manifest digest if it is the one that the commit announced, and the
//	                URL if it is "https://", the host that the request named, "/files/",
//	                the target percent-encoded, and "/"
//	0x47 incomplete number of files whose content is missing (uvarint); only with a
//	                commit that may wait (below)
//	0x48 hashes     index, basis, 0 (byte), then hashes of delta/codec, or nothing if
//	                the basis is not to be had
//	0x49 outlined   number of groups (uvarint), two bits for each, lowest of the first
//	                byte first: 0 to be listed, 1 it stands, 2 but for the mtimes of
//	                directories, 3 but for mtimes and sizes; then nothing, or 1 (byte) and
//	                a coded list: what else stands
//	0x4a alike      as unsettled, where it is many: 1 needs a digest, and what stands at
//	                the path is a file of the same size
//	0x4b rebuilt    for each: index (uvarint), how long the server was at making the
//	                archive of its views, in milliseconds (uvarint)
//
// A basis is a view (byte), 0 the file's own bytes, 1 the decompressed members of an
// archive, 2 the rest of an archive, and 32 bytes of digest; or a view plus 4 and the
// first 2 bytes of a digest: that one of the bases that the server would name in its
// verdict on the entry, no two of which begin alike. "index less the least it can be":
// less the index before plus one, less 0 for the first.
//
// A record is a series of fields, each a tag (uvarint: the number of the field << 1,
// plus 1 for text), then a number (uvarint), or the length of a text (uvarint) and the
// text. Fields that are zero, false or empty are left out, and a receiver passes over
// those it does not know. Digests are texts of 32 bytes, flags the number 1, lists
// the field repeated.
//
//	Open     1 version, 2 target, 3 mode (0 merge, 1 mirror), 4 entries, 5 files, 6 bytes,
//	         7 tree digest, unless the list follows in one list frame, 8 checksum,
//	         9 dry run, 10 visibility, 11 aliases
//	Opened   1 status (0 open, 1 unchanged, 2 published), 2 session, 3 target, 4 limit
//	         of bodies unless 2^23, 5 of parallel requests unless 8, 6 empty,
//	         7 receipt (a record), 8 tree digest, 9 how many archives the server
//	         takes apart or rebuilds at once unless 2
//	Commit   1 manifest digest, or its first 8 bytes (below), 2 if complete
//	Receipt  1 publication, 2 target, 3 time (nanoseconds since 1970), 4 entries, 5 added,
//	         6 replaced, 7 removed, 8 manifest digest, 9 URL
//
// Bounds: a payload has at most 64 MiB, an expanded zstd frame 16 MiB, an index
// is at most 2^27, a size at most 2^50. The server states in opened how large a
// body may be; behind a proxy it may be less, and a client that gets too_large
// halves its bodies and goes on. A client may ask for leave before it sends a
// large body ("Expect: 100-continue"), so that a refusal costs little.
//
// # The session
//
// Open. The client announces target, mode, counts and the tree digest
// ([manifest.List.TreeDigest]) of what it is about to list. The answer is
//
//   - "unchanged": this very tree stands under the target already. Nothing is
//     bound or spent. (With "checksum" the server never says so.)
//   - "published": this session has been committed: its receipt again. If
//     tree_digest is not the one just announced, the client makes a new secret.
//   - "open": go on. The same open again is the same session.
//
// List. Entries are numbered from 0 in the order of the list, which ascends by
// bytes of path. The server marks those that need a digest: files whose path,
// size and mtime are not those of a published file (with "checksum": all
// files). The others have the content that is published. With the answer to list or
// stats may come signatures of what is published at the path of an unsettled file; where
// many are alike (below), of those that are not.
//
// Outline. Where a list is too long to ride on the open, its sums may: those of its
// groups ([manifest.List.Groups]; the cut is that for groups of 2^cut entries in the
// mean), at most 4096, of all entries announced. Groups that stand under the target just
// so count as listed and settled; only the others are listed, each at its first. Groups
// that stand but for mtimes and sizes count as listed too, once the list has come to
// them, and the client tells their stats instead, at the place of their list: of the
// directories alone, which in a copy of a tree are others though nothing changed, or of
// all entries, which the server answers as if they had been listed. Where little else
// stands that the token may read, it is told, so that the client knows without asking
// what needs a digest, and may send list, stats, digests, content and commit in one
// request; groups that stand but for stats of files are then told with the rest, and
// listed. Where far more stands than was announced, or with "checksum", no group is
// known.
//
// Digests. The server answers "have" for content that it holds and the token
// may read, or that this session has sent: then there is nothing to send. Else
// it says how many bytes are staged from an earlier try, and may name bases,
// best first, and send the signatures for delta.FirstRequest. Content that the
// token may not read is answered exactly as content that is not there. Two
// entries of equal content need it sent once; the client asks again about the
// second afterwards.
//
// Of files of which "alike" says that one of the same size stands at the path, most are
// unchanged: the first 4 bytes of their digests do, in a short frame. If they are those
// of what stands there, and the token may read it, the answer is "have", else that the
// whole digest is wanted, with which may come signatures of what stands there. The
// manifest digest of the commit tells digests apart that begin alike: on
// manifest_mismatch the client begins again and sends them whole.
//
// Where the server is so near that content costs less than the question, and has had
// next to nothing of what it was asked about, digests may go along with the content, in
// the request that has it or one before. So do those of files for which signatures came
// before anybody gave their digests. They are as good as any, but no verdicts come of
// them. Content that is held already is taken all the same, and not kept twice.
//
// With the digests the server also reserves space for what is to come: on its
// disk, and of the quotas that the push counts against. If there is not enough it
// refuses with no_space, before any content is sent: asked says how many bytes
// more were wanted, left how many there are. What arrived before is kept, what
// was reserved is given back, and the session begins again from its list. Entries
// beyond what was announced are taken from the token's budget as they are listed.
//
// Content. A small file goes whole in a file frame, any file in parts. Parts of
// one file are applied in order of offset, each beginning where the last ended;
// one that comes early is held back until its predecessor arrives, up to 30 s,
// else it is refused with the code gap. A part that is staged already is passed
// over. With the last byte the server compares the SHA-256 of the whole:
// "resend" means that it differed and that nothing is staged any more, and the
// client sends the file without bases. "unusable" means that a basis cannot be
// had: the client asks about the digest again.
//
// Archives. A file that is an archive, delta'd against one that is, may go by
// its views instead of its bytes: what delta/archive makes of it, plain and
// recipe. The client asks for the first signature of a basis's plain view, and is
// told its size, or nothing if the basis has none. It sends both views in parts,
// and with the last byte of both the server rebuilds the file and compares its
// SHA-256 as ever. How long that took it may tell, so that the client knows what of the
// next archives is worth it. The first time that differs it answers "remodel": the plain
// view stays staged, the recipe does not, and the client, which may have made it
// from samples, sends a recipe made from the whole file; should that differ too
// the answer is "resend". By the SHA-256 of what is staged the client sees whether it
// was the plain view that was wrong, since hashes of blocks are short and two may share
// one. A part of the plain view with offset, total and body of nothing has both views
// dropped: they come anew, matched with longer hashes. A client that asks while it is
// still at taking the archive apart says 0 for the size of its view, and has the
// signature made for one as long as the basis's. With a want beside the digests the
// first signatures of the view come with the verdict, made like that, or hashes without
// body from each basis that has no such view.
//
// What is staged of views is told with the verdict, with its SHA-256: a client
// whose view begins with just these bytes goes on behind them. Of a view of which
// the server has all it sends a part without output at its end, since how long a
// view is to be does not outlive the server's memory. The recipe goes first: if any
// of the plain view is staged and not all of the recipe, another recipe has been
// asked for, one that is made from the whole file. A client whose views begin
// otherwise sends the file by its bytes. A part that begins past the end of a view
// of which nothing is staged gets the code gap, and the client asks about the
// digest again.
//
// Amend. A file that changed since it was listed gets a new entry at its index,
// then a new digest. The tree that is published is the list as amended.
//
// Commit. The client announces the manifest digest as it knows it
// ([manifest.List.AnnouncedDigest]: files it left to the quick check count as
// zero; all digests known is fine too). Where nothing was told by an outline or
// by short digests the first 8 bytes do: the server has all that the digest is made of,
// and it guards against no more than another client in the same session. The server
// refuses with manifest_mismatch if it sees another tree, with incomplete if content is
// missing, with exists if published content would change and the token may not
// overwrite. A visibility that the open asked for holds from here on. Else everything
// becomes visible at once and the receipt comes back; so it does for every repeat. With
// "if_complete" an incomplete commit is an incomplete frame in an answer that is
// otherwise as ever.
//
// A body that ends early, because the client was killed or the network cut, is
// an error, but what arrived of it counts: every frame that is whole, the whole
// blocks of a zstd frame, the beginning of a file, and what can be made of the
// beginning of a part. So a client that has lost a large body, or the answer to it,
// does not repeat it but asks about its digests again and sends what is lacking.
// That question begins with a lost frame: the server reads no more of the request
// that had this number, which it may not know yet to be lost, and waits up to 5 s
// until what arrived of it is taken in. An open does the same with all requests of
// its session that are under way.
// What is staged to the last byte is taken in when its digest is given.
//
// What a session has sent outlives the server's memory. After a restart the
// server may answer list_needed: the client lists again, repeats the digests,
// and is told "have" or how many bytes are staged.
//
// # By file, with nothing but curl
//
// A client that has no more than curl and sha256sum opens with the JSON of an
// [Open] in which "by_file" is true, and no list, digests or frames are needed:
//
//	POST /v1/sessions            {"version":1,"by_file":true,"session_hash":"HEX"}
//	GET  /v1/sessions/ID/content/DIGEST
//	POST /v1/sessions/ID/links/PATH     X-Pubsync-Digest: DIGEST
//	PUT  /v1/sessions/ID/files/PATH     X-Pubsync-Digest: DIGEST, and the content
//	POST /v1/sessions/ID/commit  {}
//
// Every request has the two credentials above; HEX is the SHA-256 of the session
// secret and DIGEST that of a file, in hexadecimal digits. PATH is relative to the
// target, percent-encoded. A file may have X-Pubsync-Mode (octal, 644 if absent)
// and X-Pubsync-Mtime (nanoseconds since 1970, now if absent).
//
// The content of a digest need not be sent if the answer is 204; with 404, "have"
// says how many bytes are staged. A link to content that the token may not read is
// answered as one to content that is not there. A file put again at its path
// takes the place of the first.
//
// A body is the whole file, of any length, or with "Content-Range: bytes
// FIRST-LAST/SIZE" a part, for which the limit of a proxy counts. Parts go in order; one
// that is staged already is passed over, one that comes early is refused with gap.
// The answer is 201 and a [Placed], or 202 while more is to come. Content that is
// not what its digest names is refused with content_mismatch, and nothing of it is
// kept.
//
// The commit publishes all that was put, and returns the same receipt however
// often it is repeated. Symbolic links, empty directories and deltas cannot be sent
// this way.
//
// # Versions
//
// The number of a publication names the state of the whole tree after it. The log
// of a target, newest first, says of each what it added, replaced and removed, and
// in "by" whether a rollback (with "to") or retention made it. Where history is
// no longer kept, and where something was not there, reading at a version is
// not_found.
//
// A difference compares two versions of what is below a target, the newest one if
// "to" is left out, in the order of directories and of names in them. The sum is
// the last line; an answer without it was cut short.
//
// A rollback makes a publication whose tree below the target is exactly that of an
// older version, by the same rules as a push in mirror mode: a token must allow to
// publish there and, where anything would change, to overwrite, and it spends a
// publication; or the bearer is a scheduler's credential whose ceiling holds the
// target. With a token the request carries a session secret of its own in
// [SessionHeader], and repeating it with the same secret gets the same receipt.
// The quotas of the target and of whoever rolls back are asked, and the disk's
// reserve: "no_space" says what was asked and what is left. A rollback of an alias
// has it show what it showed in that version, if that is still there; the receipt is
// that of a publication to the build shown, of which nothing else changes.
//
// # Builds
//
// A type of the server's configuration may have aliases: symbolic links beside
// the builds, resolved by the server wherever a path is read. Some follow the
// newest build by themselves: the commit that makes a build moves them. Others
// move where the open names them in "aliases", with the commit. A target named like
// an alias is refused with bad_path, an alias that the type does not have with
// bad_request. None goes back: where one shows a newer build that is there (its
// name differs from this one's in nothing but numbers, and the first that differs
// is higher), it stays, and the push is published all the same. "unchanged" is the
// answer only if the aliases asked for show the build already, or a newer one.
//
// Retention removes builds by publications of its own. It passes over what is
// pinned, what holds it and what is below it.
//
// # A transcript
//
// testdata/wire/v1/transcript.txt holds the requests and answers of a small push,
// byte by byte. A test replays it against the server.
//
// # Changes
//
//	1   2026   first version
package wire
