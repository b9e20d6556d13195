package server

import (
	"errors"
	"io"
	"net/http"
	"os"
	"testing"
	"time"
)

// A slowLine moves at most size bytes at a time and takes a while for each, by
// a clock of its own. What takes until after the deadline fails.
type slowLine struct {
	http.ResponseWriter
	now      time.Time
	deadline time.Time
	size     int
	takes    func(moved int) time.Duration
	moved    int
}

func (l *slowLine) setDeadline(t time.Time) error { l.deadline = t; return nil }

func (l *slowLine) move(b []byte) (int, error) {
	n := min(len(b), l.size)
	at := l.now.Add(l.takes(l.moved))
	if !l.deadline.IsZero() && at.After(l.deadline) {
		l.now = l.deadline
		return 0, os.ErrDeadlineExceeded
	}
	l.now, l.moved = at, l.moved+n
	return n, nil
}

func (l *slowLine) Read(b []byte) (int, error)  { return l.move(b) }
func (l *slowLine) Write(b []byte) (int, error) { return l.move(b) }
func (l *slowLine) Close() error                { return nil }

// each takes as long for every step.
func each(d time.Duration) func(int) time.Duration { return func(int) time.Duration { return d } }

// TestPace has clients of all kinds send a body to a server that wants 1000
// bytes a second and is patient for 15 s, and take an answer from it.
func TestPace(t *testing.T) {
	const all = 1 << 20
	pace := Pace{Rate: 1000, Grace: 15 * time.Second}
	for name, c := range map[string]struct {
		size      int
		takes     func(int) time.Duration
		from, til int // bytes that get through
	}{
		"1 B/s":                  {1, each(time.Second), 1, 16},
		"1 B in 14 s":            {1, each(14 * time.Second), 1, 2},
		"an honest 20 kB/s":      {1000, each(50 * time.Millisecond), all, all},
		"an honest 1.1 kB/s":     {110, each(100 * time.Millisecond), all, all},
		"lumps of 16 kB":         {16 << 10, each(15 * time.Second), all, all},
		"half the rate":          {500, each(time.Second), 14_000, 16_000},
		"fast, then not at all":  {1000, func(n int) time.Duration { return time.Duration(n/200_000) * time.Minute }, 200_000, 201_000},
		"fast, then a short gap": {1000, func(n int) time.Duration { return time.Duration(n/1000%100/99) * 14 * time.Second }, all, all},
	} {
		t.Run(name, func(t *testing.T) {
			l := &slowLine{size: c.size, takes: c.takes}
			clock := clocked{pace: pace, now: func() time.Time { return l.now }, credit: pace.Grace}
			got, err := io.ReadFull(&pacedReader{ReadCloser: l, clocked: clock, deadline: l.setDeadline}, make([]byte, all))
			checkPace(t, "sent", got, err, c.from, c.til, all)

			l = &slowLine{size: c.size, takes: c.takes}
			clock.now = func() time.Time { return l.now }
			w := &pacedWriter{l, clock, l.setDeadline}
			got = 0
			for err = nil; got < all && err == nil; {
				var n int
				n, err = w.Write(make([]byte, min(c.size, all-got)))
				got += n
			}
			// A piece is given the time that it is worth.
			checkPace(t, "taken", got, err, c.from, c.til+2*c.size, all)
		})
	}
}

// TestPaceOfPieces writes 100 kB at once, which may take 100 s and the grace.
func TestPaceOfPieces(t *testing.T) {
	for takes, through := range map[time.Duration]bool{110 * time.Second: true, 116 * time.Second: false} {
		l := &slowLine{size: 100_000, takes: each(takes)}
		clock := clocked{pace: Pace{Rate: 1000, Grace: 15 * time.Second}, now: func() time.Time { return l.now }, credit: 15 * time.Second}
		_, err := (&pacedWriter{l, clock, l.setDeadline}).Write(make([]byte, 100_000))
		if (err == nil) != through {
			t.Errorf("100 kB in %v: %v", takes, err)
		}
	}
}

func checkPace(t *testing.T, what string, got int, err error, from, til, all int) {
	t.Helper()
	if got < from || got > til {
		t.Errorf("%d bytes were %s, want %d to %d", got, what, from, til)
	}
	if cut := errors.Is(err, os.ErrDeadlineExceeded); cut != (got < all) {
		t.Errorf("%d bytes were %s, then %v", got, what, err)
	}
}
