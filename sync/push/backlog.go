package push

import "sync"

// A backlog is what the link has still to carry, as far as is known: files that the
// server lacks and that go as they are, or may yet. It is safe for concurrent use.
type backlog struct {
	mu   sync.Mutex
	left map[int]int64 // by index: bytes
	sum  int64
}

// add puts a file in of which so many bytes are lacking, or corrects how many.
func (b *backlog) add(i int, bytes int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.set(i, bytes)
}

// keep puts a file in unless it is in.
func (b *backlog) keep(i int, bytes int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, in := b.left[i]; !in {
		b.set(i, bytes)
	}
}

func (b *backlog) set(i int, bytes int64) {
	if b.left == nil {
		b.left = map[int]int64{}
	}
	b.sum += bytes - b.left[i]
	b.left[i] = bytes
}

// sent takes note of bytes of a file that have come to the server.
func (b *backlog) sent(i int, bytes int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if left, ok := b.left[i]; ok {
		bytes = min(bytes, left)
		b.left[i], b.sum = left-bytes, b.sum-bytes
	}
}

// drop takes a file out: it is dealt with, or goes by what is inside it.
func (b *backlog) drop(i int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sum -= b.left[i]
	delete(b.left, i)
}

// with returns the bytes of the backlog, and of a file that may not be in it.
func (b *backlog) with(i int, bytes int64) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, ok := b.left[i]; ok {
		return b.sum
	}
	return b.sum + bytes
}
