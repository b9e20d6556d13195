// Package connect is the format of the strings people copy: tokens and
// schedulers' credentials, with or without the address of their server. It
// knows nothing of what a token allows; the server's token package does.
//
// # Format
//
// A bearer is what proves something to a server; an Authorization header
// carries it and nothing else. It has 69 characters:
//
//	prefix    "psb_" (a token) or "psc_" (a scheduler's credential)
//	accessor  16 characters; public: for logs, lists and revocation
//	secret    43 characters, drawn at random: 256 bits
//	checksum  6 characters, over everything before it
//
// All but the prefix is base62 (0-9, A-Z, a-z; digits before upper case before
// lower case). Scanners for leaked secrets find a bearer by
//
//	\bps[bc]_[0-9A-Za-z]{65}\b
//
// A whole string has a connection part before the bearer, and a dot between
// the two:
//
//	body      base62 of the bytes below, read as one big-endian number
//	checksum  6 characters, over body + "." + bearer
//	"."
//	bearer
//
// The bytes are
//
//	version   byte  1
//	flags     byte  bit 0: a pin follows; all others 0
//	pin       32 bytes, with bit 0 only: SHA-256 of the server's public key (the
//	          SubjectPublicKeyInfo of its certificate in DER, RFC 5280 section 4.1)
//	url       the rest: "https://host:port" and perhaps a path, at most 512 bytes
//
// A checksum is the CRC-32 (IEEE 802.3) of the characters, in base62, padded
// with zeros. As it covers the text, not the bytes, a single wrong character is
// caught for certain; worse damage is missed once in four thousand million. The
// string has no character that a shell, an environment file or a URL treats
// specially.
//
// # Secrets
//
// [Connection] does not show its bearer when printed, and no error of this package
// quotes any part of what it was given, for errors end up in logs.
package connect
