package files

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// ErrBadTree is the error for bytes that are no coded subtree.
var ErrBadTree = errors.New("malformed subtree")

const treeMagic = "pubsync list 1\n"

// AppendTree appends the coding of a subtree, which the package comment
// defines, to dst and returns the extended buffer. Every file of l must have
// its digest.
func AppendTree(dst []byte, v store.Version, l manifest.List) []byte {
	coded := manifest.AppendList(make([]byte, 0, 48*len(l)), l)
	dst = slices.Grow(dst, len(treeMagic)+2*binary.MaxVarintLen64+len(coded)+manifest.DigestSize*len(l))
	dst = append(dst, treeMagic...)
	dst = binary.AppendUvarint(dst, uint64(v))
	dst = binary.AppendUvarint(dst, uint64(len(coded)))
	dst = append(dst, coded...)
	for i := range l {
		if l[i].Kind == manifest.File {
			dst = append(dst, l[i].Digest[:]...)
		}
	}
	return dst
}

// DecodeTree reads a whole coded subtree of at most max entries. Errors wrap
// [ErrBadTree] or are those of [manifest.DecodeList].
func DecodeTree(b []byte, max int) (store.Version, manifest.List, error) {
	bad := func(what string) (store.Version, manifest.List, error) {
		return 0, nil, fmt.Errorf("%w: %s", ErrBadTree, what)
	}
	text, ok := strings.CutPrefix(string(b[:min(len(b), len(treeMagic))]), treeMagic)
	if !ok || text != "" {
		return bad("unknown first line")
	}
	b = b[len(treeMagic):]
	v, n := binary.Uvarint(b)
	if n <= 0 || v > 1<<62 {
		return bad("version out of range")
	}
	b = b[n:]
	length, n := binary.Uvarint(b)
	if n <= 0 || length > uint64(len(b)-n) {
		return bad("list cut short")
	}
	b = b[n:]
	l, err := manifest.DecodeList(b[:length], max)
	if err != nil {
		return 0, nil, err
	}
	b = b[length:]
	for i := range l {
		if l[i].Kind != manifest.File {
			continue
		}
		if len(b) < manifest.DigestSize {
			return bad("digests cut short")
		}
		l[i].Digest, b = manifest.Digest(b[:manifest.DigestSize]), b[manifest.DigestSize:]
	}
	if len(b) > 0 {
		return bad("bytes after the last digest")
	}
	return store.Version(v), l, nil
}
