package remote

import "bytes"

// Sizes in bytes of what bodies are cut into: a record of TLS costs 22 more, a frame
// of HTTP/2 the 9 of its head.
const (
	maxRecord = 16 << 10
	frameHead = 9
)

// A pieces reads bytes in pieces, each of which HTTP/2 makes a frame of: one that,
// with its head, fills whole records of TLS. A frame that has not arrived whole when
// the connection is cut is lost, so that only of large bodies they are large: 64 of
// them or more, of four records at most.
type pieces struct {
	left *bytes.Reader
	size int
}

func newPieces(b []byte) *pieces {
	records := min(max(len(b)/(64*maxRecord), 1), 4)
	return &pieces{bytes.NewReader(b), records*maxRecord - frameHead}
}

func (p *pieces) Read(b []byte) (int, error) { return p.left.Read(b[:min(len(b), p.size)]) }
