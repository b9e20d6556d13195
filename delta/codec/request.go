package codec

import "github.com/pubsync/pubsync/delta"

// AppendRequest appends the coding of a checked request to dst.
func AppendRequest(dst []byte, r *delta.Request) []byte { return dst }

// DecodeRequest decodes a request from all of b and checks it for a basis of
// basisSize bytes. Errors wrap [ErrMalformed], [ErrTooLarge] or
// [delta.ErrBadRequest]. Memory is bounded by a small multiple of len(b).
func DecodeRequest(b []byte, basisSize int64) (delta.Request, error) { return delta.Request{}, nil }

// AppendSignature appends the coding of a signature with its request, for a
// peer that did not ask for it.
func AppendSignature(dst []byte, s *delta.Signature) []byte { return dst }

// DecodeSignature decodes what AppendSignature made, from all of b.
func DecodeSignature(b []byte, basisSize int64) (*delta.Signature, error) { return nil, nil }

// AppendHashes appends the coding of a signature without its request, the
// answer to a peer that knows what it asked for.
func AppendHashes(dst []byte, s *delta.Signature) []byte { return dst }

// DecodeHashes decodes the answer to the request r, from all of b. Errors wrap
// [ErrMalformed].
func DecodeHashes(b []byte, r delta.Request) (*delta.Signature, error) { return nil, nil }
