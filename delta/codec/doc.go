// Package codec is the bytes of signature requests, signatures and delta parts,
// version 1: compact, bounded when decoded, and the same on every machine.
//
// # Numbers
//
// A uvarint is an unsigned number in groups of 7 bits, the lowest first, each
// in a byte whose top bit says that another follows (Protocol Buffers,
// "Encoding"). Zigzag maps a signed number v to the unsigned v<<1 XOR v>>63.
// Every coding starts with a byte that gives its kind and version; a decoder
// refuses others, and bytes left over.
//
// # Request, 0x11
//
//	0x11
//	block size   uvarint, bytes; 0: every range is one block
//	weak bits    byte
//	strong bits  byte; 0: weak bits are all
//	unit         byte u, at most 20: a unit is 2^u bytes
//	ranges       uvarint n, then if n > 0 a string of bits, filled up with zeros
//
// The bits, the highest of each byte first: the orders of offsets and of lengths (5
// bits each), and whether some ranges are not in units (1 bit); if so, the orders
// for those (5 bits each). Then for each range, if so, whether it is one of those
// (1 bit); its offset less the least it can be, the end of the range before (at
// first 0); and its length less 1. A range in units counts all three in units, the
// least offset rounded up; a length that reaches beyond the end of the basis by less
// than a unit means up to that end.
//
// A number v of order k is coded as an exponential Golomb code: with q the number
// v>>k plus 1 and b its bit length, b-1 zeros, q in b bits, the low k bits of v.
// Limits and the order of ranges: [delta.Request].
//
// # Hashes, 0x31 or 0x32
//
// One hash per block, in the order of the ranges: the blocks of a range are cut
// from its start, the last may be short. A hash has weak+strong bits: the top
// bits of the weak sum (package rolling) of the block, then the first bits of
// its SHA-256; a whole range (block size 0) has no weak ones.
//
//	0x31, then the hashes packed without gaps, the highest bit of each first, the
//	      last byte filled up with zeros
//	0x32, uvarint r, r uvarints of run lengths (none 0, in all the number of
//	      blocks), then r packed hashes, each for a run of blocks
//
// # Signature, 0x21
//
// 0x21, a request without its first byte, then hashes.
//
// # Part, 0x41
//
// A part makes the next piece of the new file from the bases and itself alone.
//
//	0x41
//	flags     byte: 1 ops, 2 literals are compressed, 4 they are primed (only with
//	          2), 8 they are mixed (only with 1, and not with 2); others 0
//	output    uvarint, bytes that the part makes
//	ops       if flag 1: uvarint length in bytes, then that many bytes
//	priming   if flag 4 or 8: two uvarints, inside and outside
//	literals  the rest: as they are, or if flag 2 one zstd frame (RFC 8878) whose
//	          content is exactly as long as the ops need, or if flag 8 as below
//
// Without ops the literals are the output. With ops, the output is a series of
// steps: a literal, which may be empty, and a copy, which only the last step may
// lack; steps go on until the output is complete.
//
// # Ops
//
// The steps are coded with the range coder and bit models of LZMA (Igor Pavlov,
// "LZMA specification", "Range decoder"), with these differences: a probability
// moves by 1/16, there is no first zero byte, and the decoder reads zeros
// beyond the end. There must be no byte that it has not read.
//
// A tree of w bits codes a symbol, the highest bit first, with a probability for
// each prefix. A number v is coded as its bit length (a tree of 6 bits; 0 for
// 0), then up to 3 bits after the highest with a tree per bit length, then the
// other bits as direct bits. All probabilities start at 1024 of 2048.
//
// A step, with o the output so far and p the class of the copy before (at first
// 7):
//
//	literal  number with a model per p; its length; o grows by it
//	class    tree of 3 bits with a model per p and per "the literal is empty"
//	         0 to 3  the copy is at distance 0 to 3 of the recent list
//	         4       it goes on where the last copy ended (at first: basis 0, offset 0)
//	         5       basis: number. Then its offset less b: zigzag, number, where b
//	                 is o plus the first distance of that basis in the recent list,
//	                 or 0 if the list has none
//	         6       from this part's own output, o minus a number
//	         7       no copy, the end
//	length   number with a model per class, at least 1
//
// A distance is a basis (or own output) and offset minus o. The recent list has
// four, at first all of basis 0 with 0. A copy puts its own in front: from class
// 0 to 3 it moves there, from others the last of the list is dropped.
//
// A copy must lie within its basis; one from own output must have been made
// before the copy starts. Own output is not read back but resolved: a part is a
// list of pieces, each from one place of a basis or of the literals, and a copy
// of own output adds the pieces, cut to length, that what it copies consists
// of. A decoder refuses more than [MaxOps] steps or [MaxPieces] pieces.
//
// # Priming
//
// Primed literals are compressed with a raw-content dictionary (RFC 8878 section
// 5, used as a prefix, without an id) of bytes of the bases. At the start of
// every copy from a basis that follows a non-empty literal, the dictionary takes
// the range from outside bytes before it to inside bytes after it; at the end of
// every copy from a basis that a non-empty literal follows, from inside bytes
// before it to outside bytes after it. Inside does not reach beyond the other
// end of the copy, outside not beyond the ends of the basis. The ranges are
// sorted by basis and offset; those of one basis that overlap or touch are
// merged; the dictionary is their bytes in that order, at most [MaxDictionary].
// An encoder without the bases uses outside 0: then all of the dictionary is in
// the new file too.
//
// # Mixing
//
// Mixed literals are coded bit by bit, the highest of each byte first, with the
// range coder and probabilities of 16 bits from a model that both sides teach the
// same text, in this order: for each step with a literal,
//
//   - up to inside bytes of the end of the copy before it, if that is from a basis,
//     without what was taught as its start already;
//   - the first of what the literal replaces: the basis from the end of that copy to
//     the start of the copy after, or if that is from elsewhere, as many bytes as the
//     literal has, but at most outside bytes. Of these up to eight times inside are
//     taught. Afterwards the last bytes count as those before them, and the model
//     takes it that the literal begins like what was taught;
//   - the literal itself, coded, and if it replaces something side by side with it;
//   - up to inside bytes of the start of the copy after it, if that is from a basis.
//
// The model (mixing.go is its definition) knows six contexts: the last 1, 2, 3, 4
// and 6 bytes, and the word up to here with the byte before. For each, a bucket of
// counters per half byte, found by a hash, has a probability of 12 bits that moves
// by 2/(2n+3) after n bits, n at most 15. Each counter is an input twice, as it is
// and by what counters in its state came to, and so is the byte that followed
// where the last 5 bytes or more occurred before. The inputs, as logarithms of odds,
// are weighed by two sets of weights: one chosen by what is known, one by the bits
// of this byte. The mean of both, adjusted by what such means came to, is the
// probability. A text that came word for word before costs 1/180 of a byte a byte.
//
// # Side by side
//
// A byte of a literal that replaces something is coded as a bit, 1 if the likeliest
// guess at it is right, then if not as another for the next likeliest, then if neither
// is as above. Bytes that were guessed are not taught to the contexts. The guesses are
// made for fields of four bytes, a number with its lowest byte first, and the old byte
// at the same distance from the start of the literal (aligned.go is their definition):
//
//   - the old byte;
//   - if the field changes by as much as the last did that referred to the same 4 KiB,
//     were it a distance from its own end;
//   - if it changes by as much as the last that referred to the same 4 KiB, were it
//     the same wherever it stands;
//   - if it changes by as much as the last that changed.
//
// A field starts with the first byte that differs from the old one, and is over after
// four, or with the literal; what is behind is what the next copy has. How likely a
// guess is right follows from how its last six came out and four contexts, mixed as
// above (guessing.go): of two guesses that are as likely the one named first is first.
//
// # Bounds of mixing
//
// A decoder refuses more than 1 MiB of mixed literals in a part, more than 2 MiB
// of text, and literals of more than 256 bytes that are more than 64 times as long
// as coded: they take it one to two microseconds a byte. An encoder without the bases
// uses outside 0.
//
// Vectors: testdata/v1, never changed.
package codec
