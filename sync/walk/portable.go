package walk

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/pubsync/pubsync/sync/manifest"
)

// portableRoot implements [root] with [os.Root] alone, for systems without the
// *at calls. A link that was swapped in can lead it elsewhere inside the root,
// never out of it. The tests run it everywhere.
type portableRoot struct{ r *os.Root }

func openPortable(name string) (root, error) {
	r, err := os.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	return &portableRoot{r}, nil
}

func (p *portableRoot) close() error { return p.r.Close() }

func (p *portableRoot) openDir(rel string) (directory, error) {
	if rel == "" {
		rel = "."
	}
	st, err := p.r.Lstat(rel)
	if err != nil {
		return nil, err
	}
	if !st.IsDir() {
		return nil, syscall.ENOTDIR
	}
	r, err := p.r.OpenRoot(rel)
	if err != nil {
		return nil, err
	}
	return &portableDir{r}, nil
}

func (p *portableRoot) lstat(rel string) (meta, error) { return (&portableDir{p.r}).lstat(rel) }

func (p *portableRoot) open(rel string) (*os.File, meta, error) {
	before, err := p.r.Lstat(rel)
	if err != nil {
		return nil, meta{}, err
	}
	if !before.Mode().IsRegular() { // opening a pipe would block
		return nil, portableMeta(before), errKind
	}
	f, err := p.r.Open(rel)
	if err != nil {
		return nil, meta{}, err
	}
	after, err := f.Stat()
	if err == nil && !os.SameFile(before, after) {
		err = errKind
	}
	if err != nil {
		f.Close()
		return nil, meta{}, err
	}
	return f, portableMeta(after), nil
}

func (p *portableRoot) read(rel string, buf []byte) (meta, error) {
	f, m, err := p.open(rel)
	if err != nil || m.Size < int64(len(buf)) {
		if f != nil {
			f.Close()
		}
		return m, err
	}
	defer f.Close()
	if _, err := io.ReadFull(f, buf); err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return meta{}, err
	}
	return p.fstat(f)
}

func (p *portableRoot) fstat(f *os.File) (meta, error) {
	st, err := f.Stat()
	if err != nil {
		return meta{}, err
	}
	return portableMeta(st), nil
}

type portableDir struct{ r *os.Root }

func (d *portableDir) close() error { return d.r.Close() }

func (d *portableDir) read(l *listing) error {
	f, err := d.r.Open(".")
	if err != nil {
		return err
	}
	defer f.Close()
	list, err := f.ReadDir(-1)
	for _, e := range list {
		addName(l, e.Name(), e.Type())
	}
	return err
}

func (d *portableDir) lstat(name string) (meta, error) {
	st, err := d.r.Lstat(name)
	if err != nil {
		return meta{}, err
	}
	m := portableMeta(st)
	if m.kind == fs.ModeSymlink {
		link, err := d.r.Readlink(name)
		if err != nil {
			return meta{}, err
		}
		m.link = filepath.ToSlash(link)
	}
	return m, nil
}

func portableMeta(st fs.FileInfo) meta {
	mode := uint32(st.Mode().Perm())
	for bit, as := range map[fs.FileMode]uint32{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if st.Mode()&bit != 0 {
			mode |= as
		}
	}
	return meta{
		kind:  st.Mode().Type(),
		mode:  mode & manifest.MaxMode,
		Stamp: Stamp{Size: st.Size(), MTime: st.ModTime().UnixNano()},
	}
}
