package files

import (
	"context"
	"encoding/base64"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/pubsync/pubsync/delta"
	"github.com/pubsync/pubsync/delta/codec"
	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// blocks writes a request as the query wants it.
func blocks(req delta.Request, size int64) string {
	return base64.RawURLEncoding.EncodeToString(codec.AppendRequest(nil, &req, size))
}

// TestHashes asks for the hashes of a file, and of a part of it, through a link
// too, and finds what signing it here gives.
func TestHashes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, 300_000)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	s := newFake()
	s.publish(s.hold("a/file", string(b)), link("a/link", "file"))
	h := New(Config{Store: s})
	size := int64(len(b))
	for _, req := range []delta.Request{
		delta.FirstRequest(size, size),
		{BlockSize: 1024, WeakBits: 24, StrongBits: 16, Ranges: []delta.Range{{Off: 4096, Len: 8192}, {Off: 100_000, Len: 1000}}},
	} {
		sig, err := delta.Sign(delta.Source{ReaderAt: strings.NewReader(string(b)), Size: size}, req)
		if err != nil {
			t.Fatal(err)
		}
		want := string(codec.AppendHashes(nil, sig))
		for _, path := range []string{"/files/a/file", "/files/a/link"} {
			resp, got := get(t, h, path+"?format=hashes&blocks="+blocks(req, size))
			if resp.StatusCode != http.StatusOK || got != want {
				t.Errorf("%s: %d, %d bytes instead of %d", path, resp.StatusCode, len(got), len(want))
			}
			if resp.Header.Get("Content-Type") != "application/octet-stream" || resp.Header.Get("Etag") != "" {
				t.Errorf("%s: %v", path, resp.Header)
			}
		}
	}
}

// TestHashesRefused asks for hashes of what has none, with requests that are none,
// and of what must not be seen or cannot be read.
func TestHashesRefused(t *testing.T) {
	s := newFake()
	e := s.hold("a/file", strings.Repeat("x", 5000))
	broken := s.hold("a/broken", strings.Repeat("y", 5000))
	s.blobs[broken.Digest].data = s.blobs[broken.Digest].data[:4000]
	hidden := s.hold("b/file", strings.Repeat("z", 5000))
	s.publish(e, broken, hidden)
	damaged := 0
	h := New(Config{Store: s,
		Sight:   func(*http.Request) store.Sight { return func(p manifest.Path) bool { return p.First() == "a" } },
		Damaged: func(manifest.Path, manifest.Digest, error) { damaged++ },
	})
	beyond := blocks(delta.Request{BlockSize: 512, WeakBits: 24, StrongBits: 16, Ranges: []delta.Range{{Off: 40_960, Len: 512}}}, 50_000)
	good := blocks(delta.FirstRequest(5000, 5000), 5000)
	for query, want := range map[string]int{
		"/files/a/?format=hashes&blocks=" + good: 400, "/files/a/file?format=hashes": 400, "/files/a/file?format=hashes&blocks=*": 400,
		"/files/a/file?format=hashes&blocks=" + beyond: 400,
		"/files/a/none?format=hashes&blocks=" + good:   404, "/files/b/file?format=hashes&blocks=" + good: 404,
		"/files/a/broken?format=hashes&blocks=" + good: 500, "/files/a/file?format=hashes&blocks=" + good: 200,
	} {
		if resp, _ := get(t, h, query); resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", query, resp.StatusCode, want)
		}
	}
	if damaged != 1 {
		t.Errorf("told of %d damaged files", damaged)
	}
}

// TestHashesOfNobodyWaiting must not read a file for a reader that has gone.
func TestHashesOfNobodyWaiting(t *testing.T) {
	s := newFake()
	e := s.hold("f", strings.Repeat("x", 5000))
	s.publish(e)
	var got error
	h := New(Config{Store: s, Fail: func(_ http.ResponseWriter, _ *http.Request, err error) { got = err }})
	for range signers {
		h.signers <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/files/f?format=hashes&blocks="+blocks(delta.FirstRequest(5000, 5000), 5000), nil)
	h.ServeHTTP(nil, r)
	if !errors.Is(got, context.Canceled) {
		t.Errorf("%v", got)
	}
}
