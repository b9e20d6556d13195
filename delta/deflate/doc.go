// Package deflate takes a raw deflate stream (RFC 1951) apart into its plain
// bytes and a recipe, and puts exactly the same compressed bytes together
// again from the two.
//
// A deflate stream is a sequence of tokens (literal bytes and references to
// earlier bytes) in blocks, each block with its Huffman codes. All of that
// follows from the plain bytes once the encoder is known: its match search,
// its rule for ending a block, its way to build Huffman codes. The package
// holds models of common encoders ([Model]). A recipe names a model and lists
// the places where the stream departs from what the model predicts. So for a
// stream of a modelled encoder it is 3 bytes and about 3 more for each 2 MiB,
// and for one of an unknown encoder 2 to 10 percent of the stream's size.
//
// # Models
//
//	zlib      levels 1-9, any memLevel and windowBits: also Python, Java, git
//	          with chunks: pigz
//	gzip      GNU gzip and Info-ZIP zip, levels 1-9
//	chromium  Chromium's zlib, with either of its hashes: Node.js, npm
//	go        compress/flate up to Go 1.26: levels 0-9 and HuffmanOnly
//
// The models were written from the encoders' documented behaviour and checked
// against the encoders themselves; the streams in testdata are theirs. A
// model's predictions are part of the recipe format: they never change.
//
// # Work and memory
//
// The plain bytes are cut into segments of whole blocks, 512 KiB at the start of
// a stream and 2 MiB later. Of a lazily matching model (levels 4 and up) what a
// segment's tokens are depends only on the segment and the 32 KiB before it, so
// segments are worked on in parallel, and [Split] and [Join] hold only a few.
// Eager levels go through their segments in order.
//
// # Recipes
//
// Integers are LEB128 varints as in encoding/binary, "varint" zig-zag coded. A
// recipe is
//
//	version   byte      1
//	model     uvarint   see Model
//	segments            up to the one flagged last
//
// and a segment is
//
//	flags     byte      1 last, 2 model, 4 count, 8 blocks, 16 tokens listed,
//	                    32 tokens coded, 64 padding
//	size      varint    unless last: plain bytes, less the usual size
//	                    min(512 KiB << min(i/2, 10), 2 MiB) of segment i
//	model     uvarint   if flagged: the model from here on
//	count     uvarint   if flagged: blocks, padding by pigz not counted
//	blocks    uvarint bytes, if flagged: exceptions
//	tokens    uvarint bytes, if flagged: listed or coded tokens
//	padding   byte      if flagged: the bits behind the stream's last one
//
// A segment that is not last ends with the first block that ends where its
// plain bytes do, unless its count is given; the last ends with the first final
// block.
//
// Exceptions tell which blocks are not as planned. Each is
//
//	gap       uvarint   blocks since the exception before
//	flags     byte      1 type (the type in bits 1-2), 8 final bit inverted, 16 end,
//	                    32 header, 64 no padding before, 128 more flags
//	more      byte      if flagged: 1 begun in the segment before, 2 goes on in
//	                    the next, 4 pad
//	end       uvarint   if flagged: number of tokens, or of bytes if stored
//	pad       byte      if flagged: a stored block's bits up to the byte boundary
//	header              if flagged: the code lengths as in RFC 1951 section
//	                    3.2.7, filled up to whole bytes
//
// The tokens of a stored block are what the model predicts, as far as they fit:
// its encoder had them before it chose to store.
//
// Listed tokens are
//
//	distance  uvarint   plain bytes since the start of the one before, or of the
//	                    segment
//	length    uvarint   0 a literal, 1-256 a match of that length plus 2, 257
//	                    length 258 written as code 284 with extra bits 31
//	dist      uvarint   of a match: distance less 1
//
// Coded tokens are the output of an adaptive binary range coder: for every
// token of a compressed block whether the prediction is right and, if not, what
// the token is; denseModel is the reference.
//
// # Trust
//
// Split reads bytes from strangers and Join recipes from strangers. Sizes are
// checked before memory is allocated; neither panics, loops without end or
// exceeds [Limits], whatever it is given. What matches are searched for is counted in
// steps and bounded for each plain byte, over all streams of a [Splitter] and, with a
// [Budget], over all tries to rebuild them. What Join makes of a false recipe is false:
// the caller compares digests.
package deflate
