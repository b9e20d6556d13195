package disk

import "testing"

// A begunFile notes what of it was sent on its way to the disk.
type begunFile struct {
	File
	written, begun int64
	gaps           bool
}

func (f *begunFile) WriteAt(p []byte, off int64) (int, error) {
	f.written = off + int64(len(p))
	return len(p), nil
}

func (f *begunFile) Begin(off, n int64) {
	f.gaps = f.gaps || off != f.begun
	f.begun = off + n
}

// While a pack is written, all of it but a piece is on its way to the disk; of what it
// held before nothing is.
func TestPacksAreOnTheirWay(t *testing.T) {
	const held = 3 << 20
	f := &begunFile{begun: held}
	w := &packWriter{f: f, extent: held, tail: held, begun: held}
	for range 40 {
		if err := w.append(make([]byte, 100<<10)); err != nil {
			t.Fatal(err)
		}
		if f.gaps || f.written-f.begun >= beginBytes {
			t.Fatalf("of %d bytes written %d are on their way, with gaps: %v", f.written, f.begun, f.gaps)
		}
	}
}
