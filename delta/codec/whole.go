package codec

import (
	"encoding/binary"
	"slices"
)

// MaxWhole is the longest content for AppendWhole, in bytes.
const MaxWhole = MaxLiterals

// WholeBound is the most bytes that AppendWhole appends for n bytes of content.
func WholeBound(n int) int { return n + 2 + binary.MaxVarintLen64 }

// AppendWhole appends to dst the one part that produces content from no basis:
// the cheap way for a small file. content must be no longer than MaxWhole.
func (c *Coder) AppendWhole(dst, content []byte, level Level) []byte {
	head := len(dst)
	dst = append(dst, kindPart, 0)
	dst = binary.AppendUvarint(dst, uint64(len(content)))
	if len(content) < minCompress {
		return append(dst, content...)
	}
	start := len(dst)
	dst = c.compress(slices.Grow(dst, len(content)), content, nil, level)
	if len(dst)-start < len(content) {
		dst[head+1] = flagLiterals
		return dst
	}
	return append(dst[:start], content...)
}
