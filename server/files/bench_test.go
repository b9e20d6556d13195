package files

import (
	"bytes"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync"
	"testing"

	"github.com/pubsync/pubsync/sync/manifest"
)

// benchServer starts a TLS server with 1,000 small files and one of 64 MiB, and a
// client that keeps its connections.
func benchServer(b *testing.B, http2 bool) (*http.Client, string) {
	s := newFake()
	entries := []manifest.Entry{s.hold("big", string(make([]byte, 64<<20)))}
	for i := range 1000 {
		entries = append(entries, s.hold("sstate/"+strconv.Itoa(i)+".tar.zst", strconv.Itoa(i)))
	}
	s.publish(entries...)
	srv := httptest.NewUnstartedServer(New(Config{Store: s}))
	srv.EnableHTTP2 = http2
	srv.StartTLS()
	b.Cleanup(srv.Close)
	c := srv.Client()
	c.Transport.(*http.Transport).MaxIdleConnsPerHost = 64
	return c, srv.URL + "/files/"
}

// BenchmarkHead measures HEAD over TLS, the load generator included: one that
// does as little as it can, so that the figure is the server's.
func BenchmarkHead(b *testing.B) {
	c, base := benchServer(b, false)
	u, err := url.Parse(base)
	if err != nil {
		b.Fatal(err)
	}
	conf := c.Transport.(*http.Transport).TLSClientConfig.Clone()
	conf.NextProtos = nil
	var mu sync.Mutex
	var idle []*tls.Conn
	for range 16 {
		conn, err := tls.Dial("tcp", u.Host, conf)
		if err != nil {
			b.Fatal(err)
		}
		defer conn.Close()
		idle = append(idle, conn)
	}
	b.SetParallelism(8)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		mu.Lock()
		conn := idle[len(idle)-1]
		idle = idle[:len(idle)-1]
		mu.Unlock()
		answer := make([]byte, 4096)
		for i := 0; pb.Next(); i++ {
			name := "/files/sstate/" + strconv.Itoa(i%2000) + ".tar.zst"
			if _, err := conn.Write([]byte("HEAD " + name + " HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
				b.Error(err)
				return
			}
			for n := 0; !bytes.HasSuffix(answer[:n], []byte("\r\n\r\n")); {
				got, err := conn.Read(answer[n:])
				if err != nil {
					b.Error(err)
					return
				}
				n += got
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "heads/s")
}

// BenchmarkHandler measures the handler alone.
func BenchmarkHandler(b *testing.B) {
	s := newFake()
	s.publish(s.hold("a/f", "x"))
	h := New(Config{Store: s})
	r := httptest.NewRequest("HEAD", "/files/a/f", nil)
	w := nullWriter{}
	b.ReportAllocs()
	for b.Loop() {
		clear(w)
		h.ServeHTTP(w, r)
	}
}

type nullWriter http.Header

func (w nullWriter) Header() http.Header         { return http.Header(w) }
func (w nullWriter) Write(p []byte) (int, error) { return len(p), nil }
func (w nullWriter) WriteHeader(int)             {}

// BenchmarkGet measures a large download over one TLS connection, the
// decrypting client included.
func BenchmarkGet(b *testing.B) {
	for name, http2 := range map[string]bool{"http1": false, "http2": true} {
		b.Run(name, func(b *testing.B) {
			c, base := benchServer(b, http2)
			b.SetBytes(64 << 20)
			for b.Loop() {
				resp, err := c.Get(base + "big")
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, resp.Body); err != nil {
					b.Fatal(err)
				}
				resp.Body.Close()
			}
		})
	}
}

// BenchmarkCeiling is BenchmarkGet without a file server: 256 KiB writes of
// the same bytes into a TLS connection of loopback.
func BenchmarkCeiling(b *testing.B) {
	buf := make([]byte, bufferSize)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(64<<20))
		for range (64 << 20) / len(buf) {
			_, _ = w.Write(buf)
		}
	}))
	srv.TLS = &tls.Config{NextProtos: []string{"http/1.1"}}
	srv.StartTLS()
	b.Cleanup(srv.Close)
	b.SetBytes(64 << 20)
	for b.Loop() {
		resp, err := srv.Client().Get(srv.URL)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			b.Fatal(err)
		}
		resp.Body.Close()
	}
}
