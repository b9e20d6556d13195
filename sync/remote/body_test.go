package remote

import (
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/pubsync/pubsync/sync/wire"
)

// What TLS and HTTP/2 add to bodies is little more than the 22 bytes of each record of
// 16 KiB, that is 0.134 %, from the first body on.
func TestBodiesFillRecords(t *testing.T) {
	s := newServer(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	for size, most := range map[int]float64{128 << 10: 0.0022, 16 << 20: 0.0016} {
		c := s.client(Config{})
		if err := c.GetJSON(t.Context(), "/", nil); err != nil {
			t.Fatal(err)
		}
		before := c.Stats().Sent
		if err := c.Exchange(t.Context(), "S", make([]byte, size), func(wire.Frame) error { return nil }); err != nil {
			t.Fatal(err)
		}
		const header = 150
		added := c.Stats().Sent - before - int64(size) - header
		if share := float64(added) / float64(size); share > most {
			t.Errorf("%d bytes added to %d: %.3f %%, want %.3f at most", added, size, 100*share, 100*most)
		}
	}
}

// A body that is sent once may be begun again until the connection has all of it: what
// the bytes are after that nobody knows.
func TestBodyIsNotSentAgain(t *testing.T) {
	gone := 0
	o := outgoing{bytes: make([]byte, maxRecord+1), gone: func() { gone++ }, left: new(atomic.Bool)}
	r, err := o.open()
	if err != nil {
		t.Fatal(err)
	}
	if n, err := r.Read(make([]byte, 2*maxRecord)); n != maxRecord-frameHead || err != nil || gone != 0 {
		t.Fatalf("%d bytes, %v, gone %d times", n, err, gone)
	}
	if r, err = o.open(); err != nil {
		t.Fatalf("a body of which a part was sent is not begun again: %v", err)
	}
	if _, err := io.Copy(io.Discard, r); err != nil || gone == 0 {
		t.Fatalf("%v, gone %d times", err, gone)
	}
	if _, err := o.open(); !errors.Is(err, errLeft) {
		t.Errorf("a body that was sent is begun again: %v", err)
	}
}
