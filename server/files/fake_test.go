package files

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// fakeStore is a tree of a few versions in memory that counts look-ups.
type fakeStore struct {
	trees   []manifest.List // by version
	blobs   map[manifest.Digest]*fakeBlob
	lookups atomic.Int64
}

type fakeBlob struct {
	data []byte
	size int64
	file string
}

func newFake() *fakeStore {
	return &fakeStore{trees: []manifest.List{nil}, blobs: map[manifest.Digest]*fakeBlob{}}
}

var fakeTime = time.Date(2026, 3, 4, 5, 6, 7, 89, time.UTC)

func file(path, content string) manifest.Entry {
	return manifest.Entry{
		Path: manifest.Path(path), Kind: manifest.File, Mode: 0o640, Size: int64(len(content)),
		MTime: fakeTime.UnixNano(), Digest: manifest.DigestOf([]byte(content)),
	}
}

func link(path, to string) manifest.Entry {
	return manifest.Entry{Path: manifest.Path(path), Kind: manifest.Symlink, Mode: 0o777, MTime: fakeTime.UnixNano(), Link: to}
}

// hold keeps the content as a blob and returns its entry at path.
func (s *fakeStore) hold(path, content string) manifest.Entry {
	e := file(path, content)
	s.blobs[e.Digest] = &fakeBlob{data: []byte(content), size: e.Size}
	return e
}

// publish adds a version: entries, with the directories above them.
func (s *fakeStore) publish(entries ...manifest.Entry) {
	all := map[manifest.Path]manifest.Entry{}
	for _, e := range entries {
		all[e.Path] = e
		for dir := e.Path.Dir(); dir != ""; dir = dir.Dir() {
			if _, ok := all[dir]; !ok {
				all[dir] = manifest.Entry{Path: dir, Kind: manifest.Dir, Mode: 0o755, MTime: fakeTime.UnixNano()}
			}
		}
	}
	var l manifest.List
	for _, e := range all {
		l = append(l, e)
	}
	l.Sort()
	s.trees = append(s.trees, l)
}

func (s *fakeStore) Version(context.Context) (store.Version, error) {
	return store.Version(len(s.trees) - 1), nil
}

func (s *fakeStore) Lookup(_ context.Context, p manifest.Path, v store.Version) (manifest.Entry, error) {
	s.lookups.Add(1)
	if i, ok := s.trees[v].Find(p); ok {
		return s.trees[v][i], nil
	}
	return manifest.Entry{}, store.ErrNotFound
}

func (s *fakeStore) ReadDir(_ context.Context, dir manifest.Path, v store.Version, after string, limit int) ([]manifest.Entry, error) {
	var got []manifest.Entry
	for _, e := range s.trees[v] {
		if e.Path.Dir() == dir && e.Path.Base() > after && len(got) < limit {
			got = append(got, e)
		}
	}
	return got, nil
}

func (s *fakeStore) Walk(_ context.Context, dir manifest.Path, v store.Version, f func(manifest.Entry) error) error {
	for i := len(s.trees[v]) - 1; i >= 0; i-- {
		e := s.trees[v][i]
		rel, ok := e.Path.Rel(dir)
		if !ok || rel == "" {
			continue
		}
		e.Path = rel
		if err := f(e); err != nil {
			return err
		}
	}
	return nil
}

func (s *fakeStore) Open(_ context.Context, d manifest.Digest) (store.Blob, error) {
	b, ok := s.blobs[d]
	if !ok {
		return nil, store.ErrNotFound
	}
	return b, nil
}

func (b *fakeBlob) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(b.data).ReadAt(p, off)
}
func (b *fakeBlob) Close() error         { return nil }
func (b *fakeBlob) Size() int64          { return b.size }
func (b *fakeBlob) File() (string, bool) { return b.file, b.file != "" }

// toFile gives the blob of an entry a file of its own in dir.
func (s *fakeStore) toFile(t *testing.T, dir string, e manifest.Entry) string {
	t.Helper()
	b := s.blobs[e.Digest]
	b.file = filepath.Join(dir, e.Digest.String())
	if err := os.WriteFile(b.file, b.data, 0o644); err != nil {
		t.Fatal(err)
	}
	return b.file
}

// do sends a request straight to the handler. Headers are name, value pairs.
func do(t *testing.T, h http.Handler, method, url string, headers ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, url, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func get(t *testing.T, h http.Handler, url string, headers ...string) (*http.Response, string) {
	t.Helper()
	resp := do(t, h, http.MethodGet, url, headers...)
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

func wantStatus(t *testing.T, resp *http.Response, want int) {
	t.Helper()
	if resp.StatusCode != want {
		t.Fatalf("status %d, want %d", resp.StatusCode, want)
	}
}
