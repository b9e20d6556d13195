package session_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"github.com/pubsync/pubsync/delta/codec"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// A hung body is one whose client is gone, which nobody has noticed yet: it begins
// and does not go on.
type hung struct {
	io.Reader
	begun, stopped chan struct{}
	once           sync.Once
}

func hang(beginning ...[]byte) *hung {
	return &hung{Reader: bytes.NewReader(slices.Concat(beginning...)), begun: make(chan struct{}), stopped: make(chan struct{})}
}

func (h *hung) Read(b []byte) (int, error) {
	n, err := h.Reader.Read(b)
	if err == io.EOF {
		h.once.Do(func() { close(h.begun) })
		<-h.stopped
		err = errors.New("stopped")
	}
	return n, err
}

// Stop implements [session.Stopper].
func (h *hung) Stop() { close(h.stopped) }

// What arrived of a request that hangs is taken in when its client says that it has
// lost it, or opens again, and is not asked for.
func TestALostRequestIsTakenIn(t *testing.T) {
	for _, opens := range []bool{false, true} {
		s := newServer(t)
		content := noise(1, 3<<20)
		l := manifest.List{file("a", content)}
		s.open(l)
		part := wire.AppendPart(nil, wire.Part{Total: int64(len(content)), Body: codec.NewCoder().AppendWhole(nil, content, codec.Fast)})
		s.mustExchange(wire.AppendList(nil, 0, l), digests(l))
		other, lost := hang(wire.AppendNumber(nil, wire.FrameNumber, 6)), hang(wire.AppendNumber(nil, wire.FrameNumber, 7), part[:2<<20])
		var under sync.WaitGroup
		for _, body := range []*hung{other, lost} {
			under.Go(func() {
				if _, err := s.engine.Exchange(t.Context(), bearer{}, s.session, s.secret, body); err == nil {
					t.Error("a body that ended early is no error")
				}
			})
			<-body.begun
		}
		frames := [][]byte{wire.AppendNumber(nil, wire.FrameLost, 7), digests(l)}
		if opens {
			s.pushes--
			s.open(l)
			frames = [][]byte{wire.AppendList(nil, 0, l), digests(l)}
		}
		if v := s.verdict(s.mustExchange(frames...)); v.Staged < 2<<20-100 || v.Staged > 2<<20 {
			t.Errorf("%d bytes staged of 2 MiB that arrived", v.Staged)
		}
		select {
		case <-other.stopped:
			if !opens {
				t.Error("a request that was not lost was stopped")
			}
		default:
			if opens {
				t.Error("a request of the client before was not stopped")
			}
			other.Stop()
		}
		under.Wait()
	}
}

// A late body comes when the gate is opened.
type late struct {
	io.Reader
	gate chan struct{} // closed: open
}

func (l *late) Read(b []byte) (int, error) {
	<-l.gate
	return l.Reader.Read(b)
}

// What arrived of a request that follows another counts, be its client gone before
// that other has been taken in.
func TestALostRequestWaitsItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		content := noise(1, 3<<20)
		l := manifest.List{file("a", content)}
		s.open(l)
		s.mustExchange(wire.AppendList(nil, 0, l), digests(l))
		const seam = 1 << 20
		number := func(n uint64) io.Reader { return bytes.NewReader(wire.AppendNumber(nil, wire.FrameNumber, n)) }
		part := func(from, to int) []byte {
			coded := codec.NewCoder().AppendWhole(nil, content[from:to], codec.Fast)
			return wire.AppendPart(nil, wire.Part{Total: int64(len(content)), Offset: int64(from), Body: coded})
		}
		gate := make(chan struct{})
		first := io.MultiReader(number(7), &late{bytes.NewReader(part(0, seam)), gate})
		second := io.MultiReader(number(8), bytes.NewReader(part(seam, len(content))[:seam]), iotest.ErrReader(io.ErrUnexpectedEOF))
		var under sync.WaitGroup
		for _, body := range []io.Reader{first, second} {
			under.Go(func() { s.engine.Exchange(t.Context(), bearer{}, s.session, s.secret, body) })
			synctest.Wait() // both wait: one for the gate, one for the other
		}
		close(gate)
		under.Wait()
		if v := s.verdict(s.mustExchange(digests(l))); v.Staged < 2*seam-100 || v.Staged > 2*seam {
			t.Errorf("%d bytes staged of 2 MiB that arrived", v.Staged)
		}
	})
}
