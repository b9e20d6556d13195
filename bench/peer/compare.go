package peer

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Same compares what was to be published with what is there: the same files, byte by
// byte, symlinks, and modification times to the second (what every peer keeps).
// Directories matter only in so far as files are in them. The error names the first
// difference.
func Same(want, got string) error {
	n := 0
	c := &comparison{make([]byte, 256<<10), make([]byte, 256<<10)}
	if err := each(want, func(rel string, d fs.DirEntry) error {
		n++
		return c.file(filepath.Join(want, rel), filepath.Join(got, rel))
	}); err != nil {
		return err
	}
	return each(got, func(rel string, _ fs.DirEntry) error {
		if n--; n < 0 {
			if _, err := os.Lstat(filepath.Join(want, rel)); err != nil {
				return fmt.Errorf("%s is there and should not be", rel)
			}
		}
		return nil
	})
}

// each calls f for what is no directory. The errors of f end it.
func each(dir string, f func(rel string, d fs.DirEntry) error) error {
	return filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		return f(rel, d)
	})
}

// comparison has room to read two files into.
type comparison struct{ want, got []byte }

func (c *comparison) file(want, got string) error {
	a, err := os.Lstat(want)
	if err != nil {
		return err
	}
	b, err := os.Lstat(got)
	if err != nil {
		return fmt.Errorf("missing: %w", err)
	}
	if a.Mode().Type() != b.Mode().Type() {
		return fmt.Errorf("%s is %v, want %v", got, b.Mode().Type(), a.Mode().Type())
	}
	if a.Mode().Type() == fs.ModeSymlink {
		return sameLink(want, got)
	}
	if a.Size() != b.Size() {
		return fmt.Errorf("%s has %d bytes, want %d", got, b.Size(), a.Size())
	}
	if off := a.ModTime().Truncate(time.Second).Sub(b.ModTime().Truncate(time.Second)); off != 0 {
		return fmt.Errorf("%s has the time %v, want %v", got, b.ModTime(), a.ModTime())
	}
	return c.bytes(want, got)
}

func sameLink(want, got string) error {
	a, err := os.Readlink(want)
	if err != nil {
		return err
	}
	b, err := os.Readlink(got)
	if err == nil && a != b {
		err = fmt.Errorf("%s leads to %q, want %q", got, b, a)
	}
	return err
}

func (c *comparison) bytes(want, got string) error {
	a, err := os.Open(want)
	if err != nil {
		return err
	}
	defer a.Close()
	b, err := os.Open(got)
	if err != nil {
		return err
	}
	defer b.Close()
	x, y := c.want, c.got
	for at := int64(0); ; {
		n, errA := io.ReadFull(a, x)
		m, errB := io.ReadFull(b, y)
		if !bytes.Equal(x[:n], y[:m]) {
			return fmt.Errorf("%s has a wrong byte after %d", got, at)
		}
		if errA != nil || errB != nil {
			if (errA == io.EOF || errA == io.ErrUnexpectedEOF) && (errB == io.EOF || errB == io.ErrUnexpectedEOF) {
				return nil
			}
			return fmt.Errorf("comparing %s: %v, %v", got, errA, errB)
		}
		at += int64(n)
	}
}
