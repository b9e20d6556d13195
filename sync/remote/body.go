package remote

import "bytes"

// Sizes in bytes of what bodies are cut into: a record of TLS costs 22 more, a frame
// of HTTP/2 the 9 of its head.
const (
	maxRecord = 16 << 10
	frameHead = 9
)

// An outgoing is the body of a request.
type outgoing struct {
	bytes []byte
	gone  func()          // called when the last of it is handed to the connection; may be nil
	way   *way            // that it shares with others; may be nil
	rank  int64           // of it
	stop  <-chan struct{} // of waiting for those that go before
}

// A pieces reads bytes in pieces, each of which HTTP/2 makes a frame of: one that,
// with its head, fills whole records of TLS. A frame that has not arrived whole when
// the connection is cut is lost, so that only of large bodies they are large: 64 of
// them or more, of four records at most.
type pieces struct {
	left *bytes.Reader
	size int
	outgoing
}

func newPieces(o outgoing) *pieces {
	records := min(max(len(o.bytes)/(64*maxRecord), 1), 4)
	return &pieces{bytes.NewReader(o.bytes), records*maxRecord - frameHead, o}
}

func (p *pieces) Read(b []byte) (int, error) {
	if p.way != nil {
		p.way.give(p.rank, p.stop)
	}
	n, err := p.left.Read(b[:min(len(b), p.size)])
	if p.left.Len() == 0 && p.gone != nil {
		p.gone()
	}
	return n, err
}
