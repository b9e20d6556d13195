package disk

import (
	"encoding/binary"
	"errors"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

const (
	packMagic   = "pubsync pack 1\n\n"
	recordMagic = "psb1"
	headerSize  = 4 + 4 + manifest.DigestSize + 4
)

// errRecord is the error for bytes that are no record header.
var errRecord = errors.New("no record of a pack")

// appendHeader appends the header of a record of size bytes.
func appendHeader(dst []byte, d manifest.Digest, size int) []byte {
	at := len(dst)
	dst = append(dst, recordMagic...)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(size))
	dst = append(dst, d[:]...)
	return binary.LittleEndian.AppendUint32(dst, headerCheck(dst[at:]))
}

// parseHeader reads the header at the beginning of b.
func parseHeader(b []byte) (d manifest.Digest, size int64, err error) {
	if len(b) < headerSize || string(b[:4]) != recordMagic {
		return d, 0, errRecord
	}
	n := binary.LittleEndian.Uint32(b[4:])
	if n > store.SmallBlob || binary.LittleEndian.Uint32(b[headerSize-4:]) != headerCheck(b[:headerSize-4]) {
		return d, 0, errRecord
	}
	copy(d[:], b[8:])
	return d, int64(n), nil
}

func headerCheck(b []byte) uint32 { return castagnoli(b) }
