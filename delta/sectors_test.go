package delta_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/pubsync/pubsync/delta"
	"pgregory.net/rapid"
)

// TestSectorsMakeTheFile holds DiffSectors to making the new file, whatever the files.
func TestSectorsMakeTheFile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := drawFile(t, "base")
		src := drawEdit(t, base)
		ops, err := delta.DiffSectors(source(src), source(base))
		if err != nil {
			t.Fatal(err)
		}
		if got := patch(ops, src, base); !bytes.Equal(got, src) {
			t.Fatalf("%d ops make %d bytes, not the %d of the file", len(ops), len(got), len(src))
		}
	})
}

// TestSectorsFindFiles compares a tar with an image of the same files: all that is in no
// file are headers and padding. Of an image whose sectors are not all indexed that goes
// for files that are long enough.
func TestSectorsFindFiles(t *testing.T) {
	for _, c := range []struct {
		name        string
		pad         int64 // bytes before the files of the image
		files, size int
		lost        int64 // bytes of files, at most
	}{
		{"small files", 0, 200, 1500, 0},
		{"large files", 1 << 10, 5, 300_000, 0},
		{"in a large image", 200 << 20, 20, 20_000, 0},
		{"some too small, in a large image", 200 << 20, 200, 512, 200 * 512},
	} {
		t.Run(c.name, func(t *testing.T) {
			var image []byte
			contents := make([][]byte, c.files)
			for i := range contents {
				contents[i] = randomBytes(uint64(i), c.size+i)
				image = padded(append(image, contents[i]...), 1024)
			}
			var tar []byte
			for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(c.files) {
				tar = append(tar, randomBytes(uint64(1000+i), 512)...)
				tar = padded(append(tar, contents[i]...), 512)
			}
			base := delta.Source{ReaderAt: late{image, c.pad}, Size: c.pad + int64(len(image))}
			ops, err := delta.DiffSectors(source(tar), base)
			if err != nil {
				t.Fatal(err)
			}
			literal := int64(0)
			for i, op := range ops {
				if op.Basis == delta.Literal {
					literal += op.Len
				} else {
					ops[i].Off -= c.pad
				}
			}
			if most := 2*512*int64(c.files) + c.lost; literal > most {
				t.Errorf("%d bytes of %d are literals, at most %d expected", literal, len(tar), most)
			}
			if !bytes.Equal(patch(ops, tar, image), tar) {
				t.Error("the ops make something else")
			}
		})
	}
}

// padded returns b with zeros up to a multiple of n bytes.
func padded(b []byte, n int) []byte {
	return append(b, make([]byte, (n-len(b)%n)%n)...)
}

// late is bytes that so many zeros are before.
type late struct {
	b   []byte
	pad int64
}

func (l late) ReadAt(b []byte, off int64) (n int, err error) {
	if off < l.pad {
		n = int(min(int64(len(b)), l.pad-off))
		clear(b[:n])
	}
	if n < len(b) {
		m, err := bytes.NewReader(l.b).ReadAt(b[n:], off+int64(n)-l.pad)
		return n + m, err
	}
	return n, nil
}

// TestSectorsGiveUp compares files that have nothing in common: of a large one only the
// beginning is read.
func TestSectorsGiveUp(t *testing.T) {
	src := &counted{ReaderAt: bytes.NewReader(bytes.Repeat(randomBytes(1, 4096), 100<<20/4096))}
	ops, err := delta.DiffSectors(delta.Source{ReaderAt: src, Size: 100 << 20}, source(randomBytes(2, 1<<20)))
	if err != nil || len(ops) != 1 {
		t.Fatalf("%d ops, %v", len(ops), err)
	}
	if src.read > 65<<20 {
		t.Errorf("%d bytes read", src.read)
	}
}

// counted counts the bytes that are read.
type counted struct {
	io.ReaderAt
	read int64
}

func (c *counted) ReadAt(b []byte, off int64) (int, error) {
	n, err := c.ReaderAt.ReadAt(b, off)
	c.read += int64(n)
	return n, err
}
