// Package rolling is the weak hash of the delta engine: a polynomial over the
// bytes of a window of fixed length, modulo 2^64, that moves on by one byte
// with one multiplication.
//
// For the window c[0] ... c[n-1] the hash is
//
//	c[0]·K^n + c[1]·K^(n-1) + ... + c[n-1]·K   (mod 2^64)
//
// (Karp and Rabin, "Efficient randomized pattern-matching algorithms", 1987,
// with a fixed odd multiplier in place of a random prime modulus). Even the
// last byte is multiplied by K, so the high bits depend on every byte and can
// be cut off and used as they are. The low bits are poor (the lowest is a
// parity): always take bits from the top. rsync's pair of sums (Tridgell's
// thesis, ch. 3) needs no multiplication, but over a small window it reaches
// only a small part of its 32 bits, and a fine round has small windows.
//
// Anybody can make different windows of equal hash (the Thue-Morse sequence
// gives them for every K), so a hash is a hint and never proof: something strong
// must confirm what came of it, if only the digest of the whole, and whoever looks
// hashes up must bound the number of candidates.
//
// All types are immutable once filled and then safe for concurrent use.
package rolling
