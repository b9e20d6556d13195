package remote

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pubsync/pubsync/sync/wire"
)

// refuse answers with a status and, unless it is empty, an error of the wire.
func refuse(w http.ResponseWriter, status int, e wire.Error) {
	w.WriteHeader(status)
	if e.Code == "" {
		_, _ = io.WriteString(w, "<html>a proxy's words</html>")
		return
	}
	_ = json.NewEncoder(w).Encode(e)
}

// What a repeat may mend is repeated, what it cannot mend is not, and either way
// the error tells which it was.
func TestWhatIsRepeated(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		refuse wire.Error
		again  bool
		code   wire.Code
	}{
		{"the server is busy", 503, wire.Error{Code: wire.CodeBusy}, true, wire.CodeBusy},
		{"too many requests at once", 429, wire.Error{Code: wire.CodeParallel}, true, wire.CodeParallel},
		{"the server failed", 500, wire.Error{Code: wire.CodeInternal}, true, wire.CodeInternal},
		{"a proxy whose server is down", 502, wire.Error{}, true, wire.CodeBusy},
		{"a proxy that waited too long", 504, wire.Error{}, true, wire.CodeBusy},
		{"a proxy with a smaller limit", 413, wire.Error{}, false, wire.CodeTooLarge},
		{"a redirect", 302, wire.Error{}, false, wire.CodeNotFound},
		{"no such server", 404, wire.Error{}, false, wire.CodeNotFound},
		{"the token is refused", 401, wire.Error{Code: wire.CodeTokenInvalid}, false, wire.CodeTokenInvalid},
		{"the list is lost", 409, wire.Error{Code: wire.CodeListNeeded}, false, wire.CodeListNeeded},
		{"a token valid soon", 403, wire.Error{Code: wire.CodeNotYetValid, RetryAfter: 5 * time.Second}, true, wire.CodeNotYetValid},
		{"a token valid later", 403, wire.Error{Code: wire.CodeNotYetValid, RetryAfter: time.Minute}, false, wire.CodeNotYetValid},
	} {
		failures, calls := 1, 0
		s := newServer(t, func(w http.ResponseWriter, _ *http.Request) {
			if calls++; calls <= failures {
				refuse(w, c.status, c.refuse)
			}
		})
		cl := s.client(Config{Sleep: func(context.Context, time.Duration) error { return nil }})
		err := cl.Exchange(t.Context(), "s", nil, nil)
		if want := map[bool]int{true: 2, false: 1}[c.again]; calls != want {
			t.Errorf("%s: %d requests, want %d", c.name, calls, want)
		}
		if c.again != (err == nil) {
			t.Errorf("%s: %v", c.name, err)
		}
		failures, calls = 1<<30, 0
		if err := cl.Exchange(t.Context(), "s", nil, nil); !errors.Is(err, &wire.Error{Code: c.code}) || c.again != errors.Is(err, ErrGaveUp) {
			t.Errorf("%s, for good: %v", c.name, err)
		}
	}
}

// The waits double, are never less than the server asks for, and end with the
// client's patience.
func TestWaits(t *testing.T) {
	s := newServer(t, func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, 503, wire.Error{Code: wire.CodeBusy, RetryAfter: time.Second})
	})
	var waits []time.Duration
	c := s.client(Config{Patience: 20 * time.Second, Sleep: func(_ context.Context, d time.Duration) error {
		waits = append(waits, d)
		return nil
	}})
	err := c.Exchange(t.Context(), "s", nil, nil)
	if want := []time.Duration{1e9, 1e9, 1e9, 1.6e9, 3.2e9, 6.4e9}; !slices.Equal(waits, want) {
		t.Errorf("waits %v, want %v", waits, want)
	}
	if !errors.Is(err, ErrGaveUp) || !errors.Is(err, &wire.Error{Code: wire.CodeBusy}) {
		t.Errorf("the end is %v", err)
	}
}

// A server that never answers is waited for briefly, and a context that ends ends
// the waiting at once.
func TestNobodyAnswers(t *testing.T) {
	s := newServer(t, nil)
	s.http.Close()
	var waited time.Duration
	c := s.client(Config{Patience: time.Hour, Sleep: func(_ context.Context, d time.Duration) error {
		waited += d
		return nil
	}})
	if err := c.Exchange(t.Context(), "s", nil, nil); !errors.Is(err, ErrUnreachable) || errors.Is(err, ErrGaveUp) {
		t.Errorf("an address where nobody listens: %v", err)
	}
	if waited > stranger {
		t.Errorf("waited %v for a stranger", waited)
	}
	// One that has answered is waited for as long as patience lasts.
	met := newServer(t, func(http.ResponseWriter, *http.Request) {})
	waited = 0
	c = met.client(Config{Patience: time.Minute, Sleep: func(_ context.Context, d time.Duration) error {
		waited += d
		return nil
	}})
	if err := c.Exchange(t.Context(), "s", nil, nil); err != nil {
		t.Fatal(err)
	}
	met.http.Close()
	if err := c.Exchange(t.Context(), "s", nil, nil); !errors.Is(err, ErrGaveUp) || waited < 40*time.Second {
		t.Errorf("a server that went away: %v after %v", err, waited)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	c = s.client(Config{Sleep: func(context.Context, time.Duration) error {
		cancel(enough)
		return context.Canceled
	}})
	if err := c.Exchange(ctx, "s", nil, nil); err != enough {
		t.Errorf("cancelled while waiting: %v", err)
	}
}

// An answer cut short is asked for again with the same body; an error of the
// caller's own function is not.
func TestAnswersCutShort(t *testing.T) {
	calls := 0
	var bodies []string
	s := newServer(t, nil)
	s.http.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		bodies = append(bodies, string(b))
		answer := wire.AppendFrame(wire.AppendFrame(nil, wire.FrameStored, nil), wire.FrameReceipt, []byte("{}"))
		if calls++; calls == 1 {
			answer = answer[:len(answer)-1]
		}
		_, _ = w.Write(answer)
	})
	c := s.client(Config{Sleep: func(context.Context, time.Duration) error { return nil }})
	var seen []wire.FrameType
	err := c.Exchange(t.Context(), "s", []byte("frames"), func(f wire.Frame) error {
		seen = append(seen, f.Type)
		return nil
	})
	if err != nil || !slices.Equal(bodies, []string{"frames", "frames"}) {
		t.Errorf("%v, bodies %q", err, bodies)
	}
	if want := []wire.FrameType{wire.FrameStored, wire.FrameStored, wire.FrameReceipt}; !slices.Equal(seen, want) {
		t.Errorf("frames %v, want %v", seen, want)
	}
	mine := errors.New("mine")
	calls, bodies = 1, nil
	if err := c.Exchange(t.Context(), "s", nil, func(wire.Frame) error { return mine }); err != mine || len(bodies) != 1 {
		t.Errorf("an error of the caller: %v after %d requests", err, len(bodies))
	}
}

// A token goes to the server that holds the pinned key only.
func TestPin(t *testing.T) {
	asked := 0
	s := newServer(t, func(http.ResponseWriter, *http.Request) { asked++ })
	c := s.client(Config{Token: "psb_secret", Pin: &[32]byte{1}})
	err := c.Exchange(t.Context(), "s", nil, nil)
	if !errors.Is(err, ErrIdentity) || !errors.Is(err, ErrUnreachable) || asked > 0 {
		t.Errorf("a server with another key: %v after %d requests", err, asked)
	}
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("the error tells the token: %v", err)
	}
}
