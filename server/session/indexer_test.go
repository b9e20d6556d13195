package session_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"math/rand/v2"
	"testing"

	"github.com/pubsync/pubsync/delta/archive"
	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// tarball is an archive of one member of noise.
func tarball(t *testing.T, size int) []byte {
	t.Helper()
	member := make([]byte, size)
	rand.NewChaCha8([32]byte{9}).Read(member)
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	err := w.WriteHeader(&tar.Header{Name: "noise", Mode: 0o644, Size: int64(size)})
	if err == nil {
		_, err = w.Write(member)
	}
	if err == nil {
		err = w.Close()
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// keeping tells of the derived data that is kept.
type keeping struct {
	store.Store
	kept chan manifest.Digest
}

func (k *keeping) PutDerived(ctx context.Context, d manifest.Digest, name string, b []byte) error {
	err := k.Store.PutDerived(ctx, d, name, b)
	if _, bad := archive.UnmarshalIndex(b, archive.DefaultLimits()); err == nil && bad == nil {
		k.kept <- d
	}
	return err
}

// The index of an archive is made after it is published, without anybody
// asking for it, once requests have stayed away for a while.
func TestPublishedArchivesAreIndexed(t *testing.T) {
	s := newServer(t)
	kept := &keeping{s.store.Store, make(chan manifest.Digest, 1)}
	s.store.Store = kept
	content := tarball(t, 100<<10)
	l := manifest.List{file("a.tgz", content)}
	s.open(l)
	s.receipt(s.mustExchange(wire.AppendList(nil, 0, l), digests(l), wire.AppendFile(nil, wire.File{Index: 0, Content: content}), commit(l)))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	waits := 0
	idle := func(context.Context) error {
		if waits++; waits == 1 { // a request comes meanwhile
			other := manifest.List{file("b", noise(1, 10))}
			s.open(other)
			s.mustExchange(wire.AppendList(nil, 0, other))
		}
		if len(kept.kept) > 0 {
			t.Error("indexed while requests came")
		}
		return nil
	}
	go func() {
		defer close(done)
		s.engine.Index(ctx, idle)
	}()
	if d := <-kept.kept; d != l[0].Digest {
		t.Errorf("%s was indexed", d)
	}
	cancel()
	<-done
	if waits != 2 {
		t.Errorf("%d waits, want 2", waits)
	}
}
