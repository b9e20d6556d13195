package disk

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// A derived file ends in the CRC-32C of what is before, since it is not synced:
// after a power cut it may have its size and nothing in it.
const derivedCheck = 4

func derivedDir(d manifest.Digest) string { return "derived/" + fan(d) + "/" + d.String() }

func checkDerivedName(name string) error {
	ok := len(name) > 0 && len(name) <= 32
	for i := 0; ok && i < len(name); i++ {
		c := name[i]
		ok = 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-'
	}
	if !ok {
		return fmt.Errorf("derived %q: %w", name, store.ErrInvalid)
	}
	return nil
}

// Derived implements [store.Content].
func (s *Store) Derived(ctx context.Context, d manifest.Digest, name string) ([]byte, error) {
	if err := checkDerivedName(name); err != nil {
		return nil, err
	}
	b, err := s.readAll(derivedDir(d) + "/" + name)
	if err == nil && !checksOut(b) || errors.Is(err, fs.ErrNotExist) {
		err = store.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("%s of blob %v: %w", name, d, err)
	}
	return b[:len(b)-derivedCheck], ctx.Err()
}

func checksOut(b []byte) bool {
	n := len(b) - derivedCheck
	return n >= 0 && binary.LittleEndian.Uint32(b[n:]) == castagnoli(b[:n])
}

func castagnoli(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

func (s *Store) readAll(name string) ([]byte, error) {
	f, err := s.fs.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	b := make([]byte, size)
	if _, err := f.ReadAt(b, 0); err != nil && size > 0 {
		return nil, noEOF(err)
	}
	return b, nil
}

// PutDerived implements [store.Content].
func (s *Store) PutDerived(ctx context.Context, d manifest.Digest, name string, b []byte) error {
	if err := checkDerivedName(name); err != nil {
		return err
	}
	// Collection stays away, so that nothing is put beside a blob that goes.
	s.sweep.RLock()
	defer s.sweep.RUnlock()
	if _, err := s.cat.Locate(ctx, d); err != nil {
		return err
	}
	if err := s.putDerived(derivedDir(d), name, b); err != nil {
		return fmt.Errorf("%s of blob %v: %w", name, d, full(err))
	}
	return nil
}

func (s *Store) putDerived(dir, name string, b []byte) error {
	temp := s.tempName()
	f, err := s.fs.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(b, 0)
	if err == nil {
		_, err = f.WriteAt(binary.LittleEndian.AppendUint32(nil, castagnoli(b)), int64(len(b)))
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = s.renameInto(temp, dir, name)
	}
	if err != nil {
		s.fs.Remove(temp)
	}
	return err
}

// renameInto moves a file into a directory two levels below one that exists.
func (s *Store) renameInto(temp, dir, name string) error {
	err := s.fs.Rename(temp, dir+"/"+name)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, d := range []string{dir[:len("derived/ab")], dir} {
		if err := s.fs.Mkdir(d, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return s.fs.Rename(temp, dir+"/"+name)
}
