package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/server/store/catalog"
	"github.com/pubsync/pubsync/sync/manifest"
)

// Open implements [store.Content].
func (s *Store) Open(ctx context.Context, d manifest.Digest) (store.Blob, error) {
	b, err := s.cat.Locate(ctx, d)
	if err != nil {
		return nil, err
	}
	blob, err := s.openAt(b)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return blob, err
	}
	// Not where it was a moment ago: perhaps collection moved it since.
	again, err2 := s.cat.Locate(ctx, d)
	if err2 != nil {
		return nil, err2
	}
	if again == b {
		return nil, err
	}
	return s.openAt(again)
}

// openAt opens a blob at its place. ErrDamaged if it is not there; troubles of
// the moment (too many open files) are not taken for damage.
func (s *Store) openAt(b catalog.Blob) (store.Blob, error) {
	var (
		blob store.Blob
		err  error
	)
	switch {
	case b.Damaged:
		err = errMarked
	case b.Pack != 0:
		blob, err = s.openPacked(b)
	default:
		blob, err = s.openFile(b)
	}
	switch {
	case err == nil:
		return blob, nil
	case isDamage(err):
		return nil, fmt.Errorf("blob %v: %w: %w", b.Digest, store.ErrDamaged, err)
	}
	return nil, fmt.Errorf("blob %v: %w", b.Digest, err)
}

// errMarked is what is wrong with a blob that was found damaged before.
var errMarked = errors.New("marked as damaged")

// isDamage reports whether err says that content is lost.
func isDamage(err error) bool {
	for _, e := range []error{errMarked, errRecord, errAltered, fs.ErrNotExist, io.ErrUnexpectedEOF, syscall.EIO} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// packBlob is a blob in a pack.
type packBlob struct {
	*io.SectionReader
	f *packFile
}

func (s *Store) openPacked(b catalog.Blob) (store.Blob, error) {
	f, err := s.packs.open(b.Pack)
	if err != nil {
		return nil, err
	}
	if err := checkRecord(f, b); err != nil {
		f.release()
		return nil, err
	}
	return packBlob{io.NewSectionReader(f, b.Offset+headerSize, b.Size), f}, nil
}

// checkRecord returns an error if the pack does not hold the record of b, all
// of it, where the catalog says.
func checkRecord(f *packFile, b catalog.Blob) error {
	var h [headerSize]byte
	if _, err := f.ReadAt(h[:], b.Offset); err != nil {
		return fmt.Errorf("pack %d at %d: %w", b.Pack, b.Offset, noEOF(err))
	}
	d, size, err := parseHeader(h[:])
	if err == nil && (d != b.Digest || size != b.Size) {
		err = errRecord
	}
	if err != nil {
		return fmt.Errorf("pack %d at %d: %w", b.Pack, b.Offset, err)
	}
	end, err := f.Size()
	if err == nil && end < b.Offset+headerSize+b.Size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("pack %d at %d: %w", b.Pack, b.Offset, err)
	}
	return nil
}

func (p packBlob) File() (string, bool) { return "", false }
func (p packBlob) Close() error         { p.f.release(); return nil }

// fileBlob is a blob in a file of its own.
type fileBlob struct {
	f    File
	path string
	ok   bool
	size int64
}

func (s *Store) openFile(b catalog.Blob) (store.Blob, error) {
	name := blobName(b.Digest)
	f, err := s.fs.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	size, err := f.Size()
	if err == nil && size != b.Size {
		err = fmt.Errorf("%s: %w: %d bytes, not %d", name, errAltered, size, b.Size)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	path, ok := s.fs.Path(name)
	return fileBlob{f, path, ok, size}, nil
}

func (b fileBlob) ReadAt(p []byte, off int64) (int, error) { return b.f.ReadAt(p, off) }
func (b fileBlob) Close() error                            { return b.f.Close() }
func (b fileBlob) Size() int64                             { return b.size }
func (b fileBlob) File() (string, bool)                    { return b.path, b.ok }
