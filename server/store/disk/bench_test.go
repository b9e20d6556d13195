package disk_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/server/store/disk"
	"github.com/pubsync/pubsync/sync/manifest"
)

// benchFiles is the size of the push that the benchmarks make.
const benchFiles = 20_000

// benchTree is a tree of files in directories of 20, with their contents, each
// other ones for every round.
func benchTree(round, files, size int) (manifest.List, [][]byte) {
	var (
		list     manifest.List
		contents [][]byte
	)
	for i := range files {
		c := make([]byte, size)
		for at := 0; at+16 <= size; at += 4096 {
			binary.LittleEndian.PutUint64(c[at:], uint64(i))
			binary.LittleEndian.PutUint64(c[at+8:], uint64(round))
		}
		contents = append(contents, c)
		list = append(list, manifest.Entry{
			Path: manifest.Path(fmt.Sprintf("pkg%04d/src/file%02d.go", i/20, i%20)), Kind: manifest.File,
			Mode: 0o644, Size: int64(size), MTime: int64(i), Digest: manifest.DigestOf(c),
		})
	}
	return list, contents
}

func fill(b *testing.B, s *disk.Store, list manifest.List, contents [][]byte) {
	batch, err := s.NewBatch("s")
	if err != nil {
		b.Fatal(err)
	}
	for i, c := range contents {
		if err := batch.Add(list[i].Digest, int64(len(c)), bytes.NewReader(c)); err != nil {
			b.Fatal(err)
		}
	}
	if err := batch.Commit(context.Background()); err != nil {
		b.Fatal(err)
	}
}

func benchStore(b *testing.B) *disk.Store {
	s, err := disk.Open(context.Background(), disk.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	return s
}

// BenchmarkCommit publishes 20,000 files: all new, none changed, and all with
// new times.
func BenchmarkCommit(b *testing.B) {
	for _, mode := range []string{"new", "same", "touched", "mirror-same"} {
		b.Run(mode, func(b *testing.B) {
			s := benchStore(b)
			list, contents := benchTree(0, benchFiles, 64)
			fill(b, s, list, contents)
			commit := func(target manifest.Path) {
				_, err := s.Commit(context.Background(), store.Commit{
					Target: target, Entries: list, Time: time.Unix(1, 0), Mirror: mode == "mirror-same",
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			commit("t")
			for i := 0; b.Loop(); i++ {
				switch mode {
				case "new":
					commit(manifest.Path(fmt.Sprintf("n%d", i)))
				case "touched":
					for j := range list {
						list[j].MTime++
					}
					commit("t")
				default:
					commit("t")
				}
			}
		})
	}
}

// BenchmarkHave asks for 20,000 digests: all published, none known.
func BenchmarkHave(b *testing.B) {
	for _, mode := range []string{"published", "hidden", "absent"} {
		b.Run(mode, func(b *testing.B) {
			s := benchStore(b)
			list, contents := benchTree(0, benchFiles, 64)
			fill(b, s, list, contents)
			if _, err := s.Commit(context.Background(), store.Commit{Target: "t", Entries: list, Time: time.Unix(1, 0)}); err != nil {
				b.Fatal(err)
			}
			ds := make([]manifest.Digest, len(list))
			for i := range list {
				if ds[i] = list[i].Digest; mode == "absent" {
					ds[i][0]++
				}
			}
			for b.Loop() {
				got, err := s.Have(context.Background(), "other", ds, func(manifest.Path) bool { return mode != "hidden" })
				if err != nil || got[0] != (mode == "published") {
					b.Fatal(got[0], err)
				}
				s.Release(context.Background(), "other")
			}
		})
	}
}

// BenchmarkBatch writes 20,000 new small blobs in batches of 200, as a first
// push does, and large ones in batches of 8.
func BenchmarkBatch(b *testing.B) {
	for _, tt := range []struct{ files, size, batch int }{{benchFiles, 8 << 10, 200}, {2000, 30 << 10, 200}, {400, 300 << 10, 8}} {
		b.Run(fmt.Sprintf("%dx%dK", tt.files, tt.size>>10), func(b *testing.B) {
			s := benchStore(b)
			b.SetBytes(int64(tt.files) * int64(tt.size))
			for round := 1; b.Loop(); round++ {
				b.StopTimer()
				list, contents := benchTree(round, tt.files, tt.size)
				b.StartTimer()
				for at := 0; at < tt.files; at += tt.batch {
					end := min(at+tt.batch, tt.files)
					fill(b, s, list[at:end], contents[at:end])
				}
			}
		})
	}
}

// BenchmarkLookup looks up single paths at the latest version.
func BenchmarkLookup(b *testing.B) {
	s := benchStore(b)
	list, contents := benchTree(0, benchFiles, 64)
	fill(b, s, list, contents)
	if _, err := s.Commit(context.Background(), store.Commit{Target: "t", Entries: list, Time: time.Unix(1, 0)}); err != nil {
		b.Fatal(err)
	}
	for i := 0; b.Loop(); i++ {
		if _, err := s.Lookup(context.Background(), "t/"+list[i*7919%len(list)].Path, store.Latest); err != nil {
			b.Fatal(err)
		}
	}
}
