package remote_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/pubsync/pubsync/sync/remote"
)

// TestGivesUpAfterPatience has a server fail again and again: pauses double, half
// of each by chance, up to 15 s, and end within the patience.
func TestGivesUpAfterPatience(t *testing.T) {
	requests := 0
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests++
		w.WriteHeader(http.StatusBadGateway)
	}))
	defer srv.Close()
	for _, jitter := range []float64{0, 0.5, 0.999} {
		var pauses []time.Duration
		pin := sha256.Sum256(srv.Certificate().RawSubjectPublicKeyInfo)
		c, err := remote.New(remote.Config{
			URL: srv.URL, Pin: &pin, Patience: time.Minute, Now: time.Now, Jitter: func() float64 { return jitter },
			Sleep: func(_ context.Context, d time.Duration) error { pauses = append(pauses, d); return nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		requests = 0
		if err := c.GetJSON(t.Context(), "/x", nil); !errors.Is(err, remote.ErrGaveUp) {
			t.Fatalf("%v, want ErrGaveUp", err)
		}
		if requests != len(pauses)+1 || len(pauses) < 5 {
			t.Errorf("%d requests and %d pauses", requests, len(pauses))
		}
		sum, full := time.Duration(0), 200*time.Millisecond
		for i, p := range pauses {
			if want := full/2 + time.Duration(jitter*float64(full/2)); p != want {
				t.Errorf("pause %d: %v, want %v", i+1, p, want)
			}
			sum, full = sum+p, min(2*full, 15*time.Second)
		}
		if sum > time.Minute {
			t.Errorf("waited for %v, patience is a minute", sum)
		}
	}
}

// TestRefusalsAreNotRepeated asks once where no repeat helps.
func TestRefusalsAreNotRepeated(t *testing.T) {
	requests := 0
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests++
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`{"code":"path_denied","message":"no"}`))
	}))
	defer srv.Close()
	pin := sha256.Sum256(srv.Certificate().RawSubjectPublicKeyInfo)
	c, err := remote.New(remote.Config{
		URL: srv.URL, Pin: &pin, Now: time.Now, Jitter: func() float64 { return 0 },
		Sleep: func(context.Context, time.Duration) error { return errors.New("no sleep expected") },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.GetJSON(t.Context(), "/x", nil); err == nil || requests != 1 {
		t.Errorf("%v after %d requests", err, requests)
	}
}
