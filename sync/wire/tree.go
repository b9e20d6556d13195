package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/pubsync/pubsync/sync/manifest"
)

const treeMagic = "pubsync list 1\n"

// AppendTree appends the coding of a whole published subtree, as a reader gets
// it, to dst and returns the extended buffer; every file of l must have its
// digest. The coding is
//
//	"pubsync list 1\n"
//	version  uvarint   publication number of the tree
//	length   uvarint   bytes of the coded list
//	list     bytes     the list coding of package manifest
//	digests  32 bytes  for each file of the list, in its order
func AppendTree(dst []byte, version int64, l manifest.List) []byte {
	coded := manifest.AppendList(make([]byte, 0, 48*len(l)), l)
	dst = slices.Grow(dst, len(treeMagic)+2*binary.MaxVarintLen64+len(coded)+manifest.DigestSize*len(l))
	dst = append(dst, treeMagic...)
	dst = binary.AppendUvarint(dst, uint64(version))
	dst = binary.AppendUvarint(dst, uint64(len(coded)))
	dst = append(dst, coded...)
	for i := range l {
		if l[i].Kind == manifest.File {
			dst = append(dst, l[i].Digest[:]...)
		}
	}
	return dst
}

// ParseTree reads a whole coded subtree of at most max entries. Errors wrap
// [ErrBadFrame] or are those of [manifest.DecodeList].
func ParseTree(b []byte, max int) (version int64, l manifest.List, err error) {
	b, ok := bytes.CutPrefix(b, []byte(treeMagic))
	if !ok {
		return 0, nil, fmt.Errorf("%w: no list of a tree", ErrBadFrame)
	}
	r := newFields(b)
	version = int64(r.Uvarint(1 << 62))
	coded := r.Bytes(r.Uvarint(MaxFrame * 16))
	if r.Err() != nil {
		return 0, nil, r.Err()
	}
	if l, err = manifest.DecodeList(coded, max); err != nil {
		return 0, nil, err
	}
	for i := range l {
		if l[i].Kind == manifest.File {
			l[i].Digest = r.digest()
		}
	}
	return version, l, r.End()
}
