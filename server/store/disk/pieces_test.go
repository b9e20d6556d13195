package disk

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"testing"
)

// A piecesFile notes the writes that it is given, and fails in the midst of one.
type piecesFile struct {
	File
	content []byte
	longest int
	fails   int // of how many bytes the rest cannot be written; 0: none
}

var errDisk = errors.New("disk")

func (f *piecesFile) WriteAt(b []byte, off int64) (int, error) {
	f.longest = max(f.longest, len(b))
	if f.fails > 0 && int(off)+len(b) > f.fails {
		b = b[:max(0, f.fails-int(off))]
		f.content = append(f.content[:off], b...)
		return len(b), errDisk
	}
	f.content = append(f.content[:off], b...)
	return len(b), nil
}

func (f *piecesFile) ReadAt(b []byte, off int64) (int, error) {
	return bytes.NewReader(f.content).ReadAt(b, off)
}

func (f *piecesFile) Truncate(n int64) error { f.content = f.content[:n]; return nil }
func (f *piecesFile) Sync() error            { return nil }

// However much of a blob comes at once, it is written in pieces, and its hash is that of
// what was written, also where a write failed in the midst of that.
func TestPieces(t *testing.T) {
	b := make([]byte, 3*pieceBytes+100)
	for i := range b {
		b[i] = byte(i * i >> 8)
	}
	for _, fails := range []int{0, pieceBytes/2 + 7, 2*pieceBytes + 5} {
		f := &piecesFile{fails: fails}
		p := &partial{f: f, behind: behind{f: f}}
		p.resetHash()
		var want []byte
		for _, n := range []int{100, pieceBytes / 4, len(b), 3} {
			k, err := p.Write(b[:n])
			if want = append(want, b[:k]...); k < n != errors.Is(err, errDisk) {
				t.Fatalf("failing after %d: %d of %d bytes written, %v", fails, k, n, err)
			}
			if err != nil {
				f.fails = 0
			}
		}
		if sum, err := p.Sum(context.Background()); err != nil || sum != sha256.Sum256(want) || !bytes.Equal(f.content, want) {
			t.Errorf("failing after %d: the hash is %v, %v", fails, sum, err)
		}
		if f.longest > pieceBytes {
			t.Errorf("failing after %d: %d bytes written at once", fails, f.longest)
		}
	}
}
