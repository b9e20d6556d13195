package remote

import (
	"bytes"
	"errors"
	"io"
	"sync/atomic"
)

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
	left  *atomic.Bool    // set before that: the bytes may become others then; nil if they stay
	way   *way            // that it shares with others; may be nil
	rank  int64           // of it
	stop  <-chan struct{} // of waiting for those that go before
}

// errLeft is the error of sending a body again whose bytes may be others by now.
var errLeft = errors.New("all of the body was sent, and is not sent again")

// open returns a reader of the body. The transport asks for another one to repeat a
// request by itself.
func (o outgoing) open() (io.ReadCloser, error) {
	if o.left != nil && o.left.Load() {
		return nil, errLeft
	}
	return io.NopCloser(newPieces(o)), nil
}

// A pieces reads bytes in pieces, each of which HTTP/2 makes a frame of: one that,
// with its head, fills whole records of TLS. A frame that has not arrived whole when
// the connection is cut is lost, so that only of large bodies they are large: 64 of
// them or more, of four records at most.
type pieces struct {
	unread *bytes.Reader
	size   int
	outgoing
}

func newPieces(o outgoing) *pieces {
	records := min(max(len(o.bytes)/(64*maxRecord), 1), 4)
	return &pieces{bytes.NewReader(o.bytes), records*maxRecord - frameHead, o}
}

func (p *pieces) Read(b []byte) (int, error) {
	if p.way != nil {
		p.way.move(p.rank, p.stop)
	}
	n, err := p.unread.Read(b[:min(len(b), p.size)])
	if p.unread.Len() == 0 && p.gone != nil {
		if p.left != nil {
			p.left.Store(true)
		}
		p.gone()
	}
	return n, err
}
