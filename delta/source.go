package delta

import "io"

// A Source is a file's bytes: ReadAt over [0, Size). Everything in this package
// that takes one reads within those bounds, sequentially where it can, and
// fails with [io.ErrUnexpectedEOF] if the file turns out to be shorter.
type Source struct {
	io.ReaderAt
	Size int64 // bytes
}

// readFull fills b from offset off of s.
func (s Source) readFull(b []byte, off int64) error {
	n, err := s.ReadAt(b, off)
	if n == len(b) {
		return nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}
