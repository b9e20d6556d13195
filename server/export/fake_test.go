package export

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// fakeStore is the newest version of a tree in memory. It keeps blobs of more
// than inPack bytes in files of dir, like a real one.
type fakeStore struct {
	t       *testing.T
	dir     string
	version store.Version
	tree    manifest.List
	blobs   map[manifest.Digest]*fakeBlob
	opened  int
	onOpen  func()
	log     []store.Publication // newest first
	walks   int
}

const inPack = 100

type fakeBlob struct {
	data []byte
	file string
}

func newFake(t *testing.T) *fakeStore {
	return &fakeStore{t: t, dir: t.TempDir(), blobs: map[manifest.Digest]*fakeBlob{}}
}

var epoch = time.Date(2026, 3, 4, 5, 6, 7, 89, time.UTC)

func file(path, content string, mode uint32, age time.Duration) manifest.Entry {
	return manifest.Entry{
		Path: manifest.Path(path), Kind: manifest.File, Mode: mode, Size: int64(len(content)),
		MTime: epoch.Add(-age).UnixNano(), Digest: manifest.DigestOf([]byte(content)),
	}
}

func link(path, to string) manifest.Entry {
	return manifest.Entry{Path: manifest.Path(path), Kind: manifest.Symlink, Mode: 0o777, MTime: epoch.UnixNano() - 5, Link: to}
}

func dir(path string, mode uint32) manifest.Entry {
	return manifest.Entry{Path: manifest.Path(path), Kind: manifest.Dir, Mode: mode, MTime: epoch.UnixNano() - 7}
}

func (s *fakeStore) hold(path, content string, mode uint32, age time.Duration) manifest.Entry {
	s.t.Helper()
	e := file(path, content, mode, age)
	if s.blobs[e.Digest] != nil {
		return e
	}
	b := &fakeBlob{data: []byte(content)}
	if len(content) > inPack {
		b.file = filepath.Join(s.dir, e.Digest.String())
		if err := os.WriteFile(b.file, b.data, 0o444); err != nil {
			s.t.Fatal(err)
		}
	}
	s.blobs[e.Digest] = b
	return e
}

// publish makes the next version: exactly these entries and the directories
// above them.
func (s *fakeStore) publish(entries ...manifest.Entry) {
	all := map[manifest.Path]manifest.Entry{}
	for _, e := range entries {
		for d := e.Path.Dir(); d != ""; d = d.Dir() {
			if _, ok := all[d]; !ok {
				all[d] = dir(string(d), 0o755)
			}
		}
		all[e.Path] = e
	}
	s.tree = nil
	for _, e := range all {
		s.tree = append(s.tree, e)
	}
	s.tree.Sort()
	s.version++
	s.log = append([]store.Publication{{Number: s.version}}, s.log...)
}

// Log says that each version was published to the root, unless a test says
// otherwise.
func (s *fakeStore) Log(context.Context, manifest.Path, store.Version, int) ([]store.Publication, error) {
	return s.log, nil
}

func (s *fakeStore) Version(context.Context) (store.Version, error) { return s.version, nil }

func (s *fakeStore) Lookup(_ context.Context, p manifest.Path, _ store.Version) (manifest.Entry, error) {
	if i, ok := s.tree.Find(p); ok {
		return s.tree[i], nil
	}
	return manifest.Entry{}, store.ErrNotFound
}

func (s *fakeStore) Walk(_ context.Context, dir manifest.Path, _ store.Version, f func(manifest.Entry) error) error {
	s.walks++
	for i := len(s.tree) - 1; i >= 0; i-- {
		e := s.tree[i]
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
	s.opened++
	if s.onOpen != nil {
		s.onOpen()
	}
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
func (b *fakeBlob) Size() int64          { return int64(len(b.data)) }
func (b *fakeBlob) File() (string, bool) { return b.file, b.file != "" }
