package export

import (
	"encoding/binary"
	"errors"

	"github.com/pubsync/pubsync/sync/manifest"
)

// A version's list is kept as the length of the coded list (uvarint), the list
// in the coding of package manifest, the 32-byte digests of its files in order,
// and the manifest digest over all of that.

var errBadIndex = errors.New("damaged list of a version")

// appendIndex appends the bytes in which l is kept to dst.
func appendIndex(dst []byte, l manifest.List) []byte {
	coded := manifest.AppendList(nil, l)
	dst = binary.AppendUvarint(dst, uint64(len(coded)))
	dst = append(dst, coded...)
	for i := range l {
		if l[i].Kind == manifest.File {
			dst = append(dst, l[i].Digest[:]...)
		}
	}
	d := l.ManifestDigest()
	return append(dst, d[:]...)
}

// parseIndex reads what appendIndex wrote, never nil. Whatever is not whole is
// an error.
func parseIndex(b []byte) (manifest.List, error) {
	length, n := binary.Uvarint(b)
	if n <= 0 || length > uint64(len(b)-n) {
		return nil, errBadIndex
	}
	b = b[n:]
	l, err := manifest.DecodeList(b[:length], 1<<31-1)
	if err != nil {
		return nil, err
	}
	b = b[length:]
	for i := range l {
		if l[i].Kind != manifest.File {
			continue
		}
		if len(b) < manifest.DigestSize {
			return nil, errBadIndex
		}
		l[i].Digest, b = manifest.Digest(b[:manifest.DigestSize]), b[manifest.DigestSize:]
	}
	if len(b) != manifest.DigestSize || manifest.Digest(b) != l.ManifestDigest() {
		return nil, errBadIndex
	}
	if l == nil {
		l = manifest.List{} // known to be empty
	}
	return l, nil
}
