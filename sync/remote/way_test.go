package remote

import (
	"io"
	"math"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pubsync/pubsync/sync/wire"
)

// A body waits for those of lesser rank, and only for those, but for a piece now and then.
func TestBodiesGiveWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := way{now: time.Now}
		first, alike := w.enter(1), w.enter(5)
		body := newPieces(outgoing{bytes: make([]byte, 3*maxRecord), way: &w, rank: 5, stop: t.Context().Done()})
		began, b := time.Now(), make([]byte, maxRecord)
		read := func() time.Duration {
			t.Helper()
			if _, err := body.Read(b); err != nil {
				t.Fatal(err)
			}
			return time.Since(began)
		}
		if got := read(); got != longestStop {
			t.Errorf("its first piece goes after %v, while one of lesser rank is under way", got)
		}
		w.move(1, nil)
		time.AfterFunc(longestStop/2, first)
		if got := read(); got != longestStop*3/2 {
			t.Errorf("the next goes after %v, once that is gone after 1.5 s", got)
		}
		first() // does no harm
		later := w.enter(6)
		if got := read(); got != longestStop*3/2 {
			t.Errorf("the next goes after %v, with others of the same and of greater rank", got)
		}
		alike()
		later()
		if len(w.under) != 0 {
			t.Errorf("under way once all are gone: %v", w.under)
		}
	})
}

// waitsFor reports whether a body of the rank would wait.
func waitsFor(w *way, rank int64) bool {
	changed, _ := w.before(rank)
	return changed != nil
}

// A body that does not move holds others up for a while only, and again once it moves.
func TestNobodyWaitsForWhatStands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := way{now: time.Now}
		defer w.enter(1)()
		defer w.enter(2)()
		began := time.Now()
		for range 100 {
			w.move(2, nil)
		}
		if got := time.Since(began); got != longestStop {
			t.Errorf("a hundred pieces wait %v for what stands, want %v", got, longestStop)
		}
		w.move(1, nil)
		if w.move(2, nil); time.Since(began) != 2*longestStop {
			t.Errorf("the next goes after %v, once that has moved", time.Since(began))
		}
	})
}

// Who gives up does not wait for those that go first.
func TestGivingWayEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := way{now: time.Now}
		defer w.enter(1)()
		began, stop := time.Now(), make(chan struct{})
		close(stop)
		if w.give(2, stop); time.Since(began) != 0 {
			t.Errorf("waited for %v", time.Since(began))
		}
	})
}

// What is sent gives way, and others to it until the connection has all of it.
func TestSentByRank(t *testing.T) {
	came := make(chan struct{})
	s := newServer(t, nil)
	s.http.Config.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(came)
		_, _ = io.Copy(io.Discard, r.Body)
	})
	c := s.client(Config{})
	var clear atomic.Bool
	leave := c.way.enter(1)
	sent := make(chan error)
	go func() {
		sent <- c.Send(t.Context(), "S", make([]byte, 100), 2, func() {
			if !clear.Load() {
				t.Error("it is gone before one of lesser rank")
			}
			if waitsFor(&c.way, 3) {
				t.Error("it is gone and others wait for it")
			}
		}, func(wire.Frame) error { return nil })
	}()
	<-came
	if !waitsFor(&c.way, 2) || !waitsFor(&c.way, 3) {
		t.Error("nothing waits for it")
	}
	clear.Store(true)
	leave()
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

// Others wait while a question goes, and not for its answer.
func TestQuestionsGoFirst(t *testing.T) {
	s := newServer(t, nil)
	var c *Client
	s.http.Config.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if !waitsFor(&c.way, 0) {
			t.Error("nothing waits for a question")
		}
		_, _ = io.Copy(io.Discard, r.Body)
		if waitsFor(&c.way, math.MaxInt64) {
			t.Error("others wait for the answer")
		}
	})
	c = s.client(Config{})
	if err := c.Exchange(t.Context(), "S", make([]byte, 8<<20), func(wire.Frame) error { return nil }); err != nil {
		t.Error(err)
	}
	if len(c.way.under) != 0 {
		t.Errorf("under way after the answer: %v", c.way.under)
	}
}
