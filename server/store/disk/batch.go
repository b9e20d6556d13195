package disk

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/server/store/catalog"
	"github.com/pubsync/pubsync/sync/manifest"
)

// flushAt is how many bytes of small blobs a batch gathers at most before it looks
// them up and writes them, all at once: the largest of them fits.
const flushAt = headerSize + store.SmallBlob

// maxTemps is how many files of large blobs a batch keeps open.
const maxTemps = 64

// batch implements [store.Batch].
type batch struct {
	s       *Store
	session store.SessionID
	seen    map[manifest.Digest]bool

	// Small blobs waiting: their records one after another in buf.
	buf     []byte
	waiting []catalog.Blob // Offset is that in buf

	writers []*packWriter // the last one is written
	files   []tempFile
	open    int // the last of files that are open and not durable
	added   []catalog.Blob
	healed  []catalog.Blob // known, but not there at their size
	held    []manifest.Digest
	err     error // that broke the batch
	done    bool
}

// A tempFile is a large blob in tmp.
type tempFile struct {
	name   string
	f      File
	digest manifest.Digest
}

// NewBatch implements [store.Content].
func (s *Store) NewBatch(id store.SessionID) (store.Batch, error) {
	if err := checkSession(id); err != nil {
		return nil, err
	}
	return &batch{s: s, session: id, seen: make(map[manifest.Digest]bool)}, nil
}

func (s *Store) buffer() []byte {
	if b, ok := s.buffers.Get().(*[]byte); ok {
		return (*b)[:0]
	}
	return make([]byte, 0, flushAt)
}

// Add implements [store.Batch].
func (b *batch) Add(d manifest.Digest, size int64, r io.Reader) error {
	if b.done {
		return fmt.Errorf("blob %v: %w: the batch is done", d, store.ErrInvalid)
	}
	if b.err != nil {
		return b.err
	}
	if size < 0 || size > manifest.MaxSize {
		return fmt.Errorf("blob %v: %w: size %d", d, store.ErrInvalid, size)
	}
	var err error
	switch {
	case size > store.SmallBlob:
		err = b.addLarge(d, size, r)
	default:
		err = b.addSmall(d, int(size), r)
	}
	if err != nil {
		return fmt.Errorf("blob %v: %w", d, err)
	}
	return nil
}

func (b *batch) addSmall(d manifest.Digest, size int, r io.Reader) error {
	if len(b.buf)+headerSize+size > flushAt {
		if err := b.flush(); err != nil {
			return err
		}
	}
	if b.buf == nil {
		b.buf = b.s.buffer()
	}
	at := len(b.buf)
	b.buf = appendHeader(b.buf, d, size)
	content := b.buf[len(b.buf) : len(b.buf)+size]
	if _, err := io.ReadFull(r, content); err != nil {
		b.buf = b.buf[:at]
		return noEOF(err)
	}
	b.buf = b.buf[:len(b.buf)+size]
	if sha256.Sum256(content) != d {
		b.buf = b.buf[:at]
		return store.ErrMismatch
	}
	if b.seen[d] {
		b.buf = b.buf[:at]
		return nil
	}
	b.seen[d] = true
	b.waiting = append(b.waiting, catalog.Blob{Digest: d, Size: int64(size), Offset: int64(at)})
	return nil
}

// flush writes the small blobs that wait and are not held. An error breaks the
// batch.
func (b *batch) flush() error {
	if len(b.waiting) > 0 {
		b.err = b.writeOut()
	}
	return b.err
}

func (b *batch) writeOut() error {
	ds := make([]manifest.Digest, len(b.waiting))
	for i := range b.waiting {
		ds[i] = b.waiting[i].Digest
	}
	state, err := b.s.claim(b.session, ds)
	if err != nil {
		return err
	}
	w, err := b.writer(int64(len(b.buf)))
	if err != nil {
		return err
	}
	// Records that follow each other in buf are written together.
	first, end := 0, 0
	write := func() error {
		if first == end {
			return nil
		}
		return w.append(b.buf[first:end])
	}
	for i, blob := range b.waiting {
		from := int(blob.Offset)
		if state[i] == whole {
			b.held = append(b.held, blob.Digest)
			continue
		}
		if from != end {
			if err := write(); err != nil {
				return err
			}
			first = from
		}
		end = from + headerSize + int(blob.Size)
		blob.Pack, blob.Offset = w.id, w.tail+int64(from-first)
		b.put(blob, state[i])
	}
	if err := write(); err != nil {
		return err
	}
	b.waiting = b.waiting[:0]
	b.giveBack()
	return nil
}

// giveBack lends the buffer to others until this batch has small blobs again.
func (b *batch) giveBack() {
	if buf := b.buf; buf != nil {
		b.s.buffers.Put(&buf)
		b.buf = nil
	}
}

func (b *batch) put(blob catalog.Blob, s presence) {
	if s == broken {
		b.healed = append(b.healed, blob)
	} else {
		b.added = append(b.added, blob)
	}
}

// writer returns a pack with room for n bytes.
func (b *batch) writer(n int64) (*packWriter, error) {
	if k := len(b.writers); k > 0 && b.writers[k-1].tail+n <= b.s.packs.limit {
		return b.writers[k-1], nil
	}
	w, err := b.s.packs.lend(n)
	if err != nil {
		return nil, err
	}
	b.writers = append(b.writers, w)
	return w, nil
}

func (b *batch) addLarge(d manifest.Digest, size int64, r io.Reader) error {
	state := []presence{whole}
	if !b.seen[d] {
		var err error
		if state, err = b.s.claim(b.session, []manifest.Digest{d}); err != nil {
			return err
		}
	}
	if state[0] == whole {
		h := sha256.New()
		if _, err := io.CopyN(h, r, size); err != nil {
			return noEOF(err)
		}
		if manifest.Digest(h.Sum(nil)) != d {
			return store.ErrMismatch
		}
		b.held = append(b.held, d)
		return nil
	}
	t, err := b.s.temp(d, size, r)
	if errors.Is(err, store.ErrFull) {
		b.err = err
	}
	if err != nil {
		return err
	}
	b.seen[d] = true
	b.files = append(b.files, t)
	b.put(catalog.Blob{Digest: d, Size: size}, state[0])
	if b.open++; b.open < maxTemps {
		return nil
	}
	return b.settle()
}

// settle makes what is open durable and closes the files. An error breaks the
// batch.
func (b *batch) settle() error {
	files := b.files[len(b.files)-b.open:]
	if err := b.sync(); err != nil {
		return err
	}
	for i := range files {
		b.err = errors.Join(b.err, files[i].f.Close())
		files[i].f = nil
	}
	return b.err
}

// temp writes size bytes of r, which must be the blob d, to a file in tmp.
func (s *Store) temp(d manifest.Digest, size int64, r io.Reader) (tempFile, error) {
	t := tempFile{name: s.tempName(), digest: d}
	var err error
	if t.f, err = s.fs.OpenFile(t.name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		return t, full(err)
	}
	h := sha256.New()
	if held, ok := inMemory(r, size); ok {
		_, err = held.WriteTo(io.MultiWriter(h, io.NewOffsetWriter(t.f, 0)))
		err = full(err)
	} else {
		err = copyAt(t.f, 0, io.TeeReader(io.LimitReader(r, size), h), size)
	}
	if err == nil && manifest.Digest(h.Sum(nil)) != d {
		err = store.ErrMismatch
	}
	if err != nil {
		s.discard(t)
	}
	return t, err
}

// inMemory returns r as what writes all of itself at once, if it has exactly size
// bytes and has them at hand.
func inMemory(r io.Reader, size int64) (io.WriterTo, bool) {
	b, ok := r.(*bytes.Reader)
	if !ok || int64(b.Len()) != size {
		return nil, false
	}
	return b, true
}

func (s *Store) discard(t tempFile) {
	if t.f != nil {
		t.f.Close()
	}
	s.fs.Remove(t.name)
}

// copyAt copies exactly size bytes of r to offset at of f.
func copyAt(f io.WriterAt, at int64, r io.Reader, size int64) error {
	buf := make([]byte, min(size, 128<<10))
	for end := at + size; at < end; {
		n, err := io.ReadFull(r, buf[:min(int64(len(buf)), end-at)])
		if err != nil {
			return noEOF(err)
		}
		if _, err := f.WriteAt(buf[:n], at); err != nil {
			return full(err)
		}
		at += int64(n)
	}
	return nil
}

// noEOF makes an early end an error that nobody takes for a good one.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
