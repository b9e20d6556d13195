// Package deflate takes a raw deflate stream (RFC 1951) apart into its plain
// bytes and a recipe, and puts exactly the same compressed bytes together
// again from the two.
//
// A deflate stream is a sequence of tokens (literal bytes and references to
// earlier bytes) in blocks, each block with its Huffman codes. All of that
// follows from the plain bytes once the encoder is known: its match search,
// its rule for ending a block, its way to build Huffman codes. The package
// holds models of common encoders. A recipe names a model and lists the
// places where the stream departs from what the model predicts, so for a
// stream of a modelled encoder it is a few dozen bytes, whatever the stream's
// size.
//
// [Split] and [Join] stream: they hold a few segments of some megabytes,
// never the stream, and use several cores.
package deflate
