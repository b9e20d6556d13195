package delta

// windowSize is what a window reads ahead at most, in bytes.
const windowSize = 512 << 10

// A window reads a source through one buffer, for callers that mostly move
// forward.
type window struct {
	src Source
	buf []byte // buf[:len] holds the bytes from off on
	off int64
}

func newWindow(src Source, need int) *window {
	size := int(min(max(windowSize, 4*int64(need)), max(src.Size, 1)))
	return &window{src: src, buf: make([]byte, 0, size)}
}

// at returns the bytes from off to end, or as many of them as the buffer
// holds, at least n (or all up to end). n must be no more than the need that
// the window was made for. The bytes are valid until the next call.
func (w *window) at(off, end int64, n int) ([]byte, error) {
	n = int(min(int64(n), end-off))
	if off < w.off || off+int64(n) > w.off+int64(len(w.buf)) {
		if err := w.fill(off, end); err != nil {
			return nil, err
		}
	}
	have := w.buf[off-w.off:]
	return have[:min(int64(len(have)), end-off)], nil
}

// windowSlack is what a window reads more than it is asked for: behind, when
// it moves backwards, and ahead, for the next of many short ranges.
const windowSlack = 64 << 10

// fill makes the buffer hold what begins at off, keeping what it has of it.
func (w *window) fill(off, end int64) error {
	start, keep := off, 0
	switch {
	case off < w.off:
		start = max(off-int64(cap(w.buf)/4), 0)
		end = max(end, w.off)
	case off < w.off+int64(len(w.buf)):
		keep = copy(w.buf[:cap(w.buf)], w.buf[off-w.off:])
	}
	size := min(max(end-start, windowSlack, int64(keep)), int64(cap(w.buf)), w.src.Size-start)
	w.off, w.buf = start, w.buf[:size]
	if err := w.src.readFull(w.buf[keep:], start+int64(keep)); err != nil {
		w.buf = w.buf[:0]
		return err
	}
	return nil
}
