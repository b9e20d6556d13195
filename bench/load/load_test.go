package load

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func of(s *httptest.Server, method string, n int) Load {
	return Load{
		Address: s.Listener.Addr().String(), TLS: &tls.Config{InsecureSkipVerify: true}, Connections: 3, Requests: n, For: time.Minute,
		Method: method, Path: func(int) string { return "/file" },
	}
}

// Each request is made once, and bodies are counted.
func TestRun(t *testing.T) {
	var got atomic.Int64
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got.Add(1)
		w.Header().Set("Content-Length", "5000")
		if r.Method == "GET" {
			_, _ = io.WriteString(w, strings.Repeat("x", 5000))
		}
	})
	for _, method := range []string{"HEAD", "GET"} {
		got.Store(0)
		r, err := Run(context.Background(), of(s, method, 100))
		if err != nil {
			t.Fatal(err)
		}
		want := int64(0)
		if method == "GET" {
			want = 500_000
		}
		if got.Load() != 100 || r.Requests != 100 || r.Bytes != want || r.P99 < r.P50 || r.P50 <= 0 {
			t.Errorf("%s: %d requests seen, %+v", method, got.Load(), r)
		}
	}
}

func TestRunFails(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) })
	if _, err := Run(context.Background(), of(s, "GET", 10)); !errors.Is(err, ErrStatus) {
		t.Errorf("got %v", err)
	}
}

func TestAnswer(t *testing.T) {
	for text, want := range map[string]int64{
		"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc": 3,
		"HTTP/1.1 200 OK\r\n\r\nabc":                      -1,
		"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc": -1,
		"HTTP/1.1 404 Not Found\r\n\r\n":                  -1,
		"":                                                -1,
	} {
		n, err := answer(bufio.NewReader(strings.NewReader(text)), false)
		if err != nil {
			n = -1
		}
		if n != want {
			t.Errorf("%q: %d (%v), want %d", text, n, err, want)
		}
	}
}
