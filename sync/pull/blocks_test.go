package pull_test

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/pubsync/pubsync/delta"
	"github.com/pubsync/pubsync/delta/codec"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/pull"
)

// A server of one file that counts what it sends.
type server struct {
	data                  []byte
	lie                   func(req delta.Request, hashes []byte) // changes what it sends, if not nil
	hashes, ranged, whole int                                    // bytes
	ranges                [][2]int64
}

func (s *server) entry() manifest.Entry {
	return manifest.Entry{Path: "f", Kind: manifest.File, Mode: 0o644, MTime: 1, Size: int64(len(s.data)), Digest: manifest.DigestOf(s.data)}
}

func (s *server) Tree(context.Context, manifest.Path, int64) (manifest.List, int64, error) {
	return manifest.List{s.entry()}, 1, nil
}

func (s *server) Fetch(_ context.Context, _ manifest.Path, _ int64, use func(io.Reader) error) error {
	s.whole += len(s.data)
	return use(bytes.NewReader(s.data))
}

func (s *server) Hashes(_ context.Context, _ manifest.Path, _ int64, blocks []byte, _ int64) ([]byte, error) {
	req, err := codec.DecodeRequest(blocks, int64(len(s.data)))
	if err != nil {
		return nil, err
	}
	sig, err := delta.Sign(delta.Source{ReaderAt: bytes.NewReader(s.data), Size: int64(len(s.data))}, req)
	if err != nil {
		return nil, err
	}
	b := codec.AppendHashes(nil, sig)
	s.hashes += len(b)
	if s.lie != nil {
		s.lie(req, b)
	}
	return b, nil
}

func (s *server) FetchRanges(_ context.Context, _ manifest.Path, _ int64, ranges [][2]int64, use func(int, io.Reader) error) error {
	for i, r := range ranges {
		s.ranged += int(r[1])
		s.ranges = append(s.ranges, r)
		if err := use(i, bytes.NewReader(s.data[r[0]:r[0]+r[1]])); err != nil {
			return err
		}
	}
	return nil
}

// pullOver pulls the server's file over an old one and checks what comes of it.
func pullOver(t interface {
	Fatal(...any)
	Helper()
}, dir string, s *server, old []byte) pull.Result {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := root.WriteFile("f", old, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := pull.Pull(context.Background(), s, root, pull.Options{Checksum: true})
	if err != nil {
		t.Fatal(err)
	}
	got, err := root.ReadFile("f")
	if err != nil || !bytes.Equal(got, s.data) {
		t.Fatal("the file is not the server's", err)
	}
	return r
}

func noise(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 0))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// TestChangedFileGoesInRanges changes, inserts and takes out a few bytes of 2 MB:
// some kilobytes come over.
func TestChangedFileGoesInRanges(t *testing.T) {
	old := noise(1, 2<<20)
	data := slices.Concat(noise(2, 300), old[:700_000], noise(3, 5000), old[700_100:1_500_000], old[1_510_000:])
	s := &server{data: data}
	r := pullOver(t, t.TempDir(), s, old)
	if s.whole != 0 || s.ranged > 12_000 || s.hashes > 12_000 {
		t.Errorf("%d bytes fetched whole, %d in %d ranges, %d of hashes", s.whole, s.ranged, len(s.ranges), s.hashes)
	}
	if r.Reused < int64(len(data))-12_000 || r.Fetched != 1 {
		t.Errorf("%+v", r)
	}
}

// TestNothingInCommonGoesWhole has the hashes of a first round cost next to
// nothing.
func TestNothingInCommonGoesWhole(t *testing.T) {
	s := &server{data: noise(4, 1<<20)}
	pullOver(t, t.TempDir(), s, noise(5, 1<<20))
	if s.whole != len(s.data) || s.ranged != 0 || s.hashes > len(s.data)/100 {
		t.Errorf("%d bytes fetched whole, %d in ranges, %d of hashes", s.whole, s.ranged, s.hashes)
	}
}

// TestSmallFilesAskNothing leaves files below 32 KiB alone.
func TestSmallFilesAskNothing(t *testing.T) {
	s := &server{data: noise(6, 20<<10)}
	pullOver(t, t.TempDir(), s, s.data[:19<<10])
	if s.hashes != 0 || s.whole != len(s.data) {
		t.Errorf("%d bytes of hashes, %d fetched whole", s.hashes, s.whole)
	}
}

// TestWrongHashesEndInAWholeFile has a server hash something else than it holds:
// what is put together from that is not the file, and must not take its place.
func TestWrongHashesEndInAWholeFile(t *testing.T) {
	old := noise(7, 1<<20)
	s := &server{data: slices.Concat(old[:500_000], noise(8, 100), old[500_000:])}
	wrong := &server{data: old}
	calls := 0
	s.lie = func(req delta.Request, b []byte) {
		if calls++; calls > 1 {
			return
		}
		sig, err := delta.Sign(delta.Source{ReaderAt: bytes.NewReader(slices.Concat(wrong.data, noise(9, 100))), Size: int64(len(s.data))}, req)
		if err != nil {
			t.Fatal(err)
		}
		copy(b, codec.AppendHashes(nil, sig))
	}
	pullOver(t, t.TempDir(), s, old)
	if s.whole != len(s.data) {
		t.Errorf("%d bytes fetched whole", s.whole)
	}
}

// TestAnyPairInRanges pulls random changes of random files.
func TestAnyPairInRanges(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		old := noise(rapid.Uint64().Draw(t, "seed"), rapid.IntRange(0, 100_000).Draw(t, "size"))
		if rapid.Bool().Draw(t, "repeats") {
			old = bytes.Repeat(old[:len(old)/4], 4)
		}
		var data []byte
		for range rapid.IntRange(0, 6).Draw(t, "steps") {
			from := rapid.IntRange(0, len(old)).Draw(t, "from")
			to := rapid.IntRange(from, len(old)).Draw(t, "to")
			data = append(data, old[from:to]...)
			data = append(data, noise(rapid.Uint64().Draw(t, "new"), rapid.IntRange(0, 2000).Draw(t, "n"))...)
		}
		pullOver(t, dir, &server{data: data}, old)
	})
}
