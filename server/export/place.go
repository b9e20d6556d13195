package export

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// place makes the file of an entry in the cheapest way there is.
func (b *builder) place(ctx context.Context, e *manifest.Entry, name string) error {
	if b.linkPlaced(e, name) {
		b.rep.Same++
		return nil
	}
	blob, err := b.x.cfg.Store.Open(ctx, e.Digest)
	if err != nil {
		return err
	}
	defer blob.Close()
	if blob.Size() != e.Size {
		return fmt.Errorf("%w: %d bytes instead of %d", store.ErrDamaged, blob.Size(), e.Size)
	}
	file, plain := blob.File()
	switch {
	case plain && b.may(Hard) && b.linkBlob(e, file, name):
		b.rep.Linked++
	case plain && b.may(Reflink) && b.clone(file, name):
		b.rep.Cloned++
	default:
		if err := b.copy(blob, e, name); err != nil {
			return err
		}
		b.rep.Copied++
		b.rep.Bytes += e.Size
	}
	b.placed[inodeOf(e)] = name
	return b.finish(e, name)
}

// may reports whether the configuration allows a means.
func (b *builder) may(m Means) bool { return b.x.cfg.Means == m || b.x.cfg.Means == Cheapest }

// linkPlaced links a file already exported, if there is one like e that nobody
// has touched since.
func (b *builder) linkPlaced(e *manifest.Entry, name string) bool {
	from, ok := b.placed[inodeOf(e)]
	if !ok {
		return false
	}
	fi, err := b.x.root.Lstat(from)
	return err == nil && carries(fi, e) && b.x.root.Link(from, name) == nil
}

// carries reports whether a file has all of the entry's metadata.
func carries(fi fs.FileInfo, e *manifest.Entry) bool {
	return fi.Size() == e.Size && hasMeta(fi, e)
}

func hasMeta(fi fs.FileInfo, e *manifest.Entry) bool {
	return fi.Mode() == fileMode(e.Mode) && fi.ModTime().UnixNano() == e.MTime
}

// linkBlob links the store's own file, if that can carry the entry's metadata:
// it does already, or the store's is its only name and the entry gives nobody
// leave to write to it.
func (b *builder) linkBlob(e *manifest.Entry, file, name string) bool {
	fi, err := os.Lstat(file)
	if err != nil || !fi.Mode().IsRegular() || e.Mode&writeBits != 0 {
		return false
	}
	if !hasMeta(fi, e) && linkCount(fi) != 1 {
		return false
	}
	return linkInto(b.x.root, file, name) == nil
}

// clone makes a file that shares the blob's extents, where the file system
// can. It leaves nothing behind where it cannot.
func (b *builder) clone(file, name string) bool {
	from, err := os.Open(file)
	if err != nil {
		return false
	}
	defer from.Close()
	to, err := b.create(name)
	if err != nil {
		return false
	}
	err = reflink(to, from)
	if cerr := to.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		_ = b.x.root.Remove(name) // the copy that follows says what is wrong
	}
	return err == nil
}

// copy copies the blob and checks it on the way.
func (b *builder) copy(blob store.Blob, e *manifest.Entry, name string) (err error) {
	to, err := b.create(name)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := to.Close(); err == nil {
			err = cerr
		}
	}()
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(to, h), io.NewSectionReader(blob, 0, e.Size))
	if err != nil {
		return err
	}
	if n != e.Size || manifest.Digest(h.Sum(nil)) != e.Digest {
		return fmt.Errorf("%w: blob %v", store.ErrDamaged, e.Digest)
	}
	return nil
}

func (b *builder) create(name string) (*os.File, error) {
	return b.x.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

// fileMode returns permission and sticky bits as package fs has them. Set-id
// bits are never exported.
func fileMode(mode uint32) fs.FileMode {
	m := fs.FileMode(mode & 0o777)
	if mode&0o1000 != 0 {
		m |= fs.ModeSticky
	}
	return m
}
