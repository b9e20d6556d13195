// Package pull brings a published tree to a local directory: it pins a version,
// fetches what differs by size and mtime (or by digest), checks every byte
// against its digest, and replaces each file in one step. Of a file that stands
// there in an older state only the ranges that are new are fetched.
//
// A server is not trusted with anything outside the directory: every path is
// checked by package manifest and every access goes through an [os.Root], so
// that neither a name nor a symbolic link leads out (the class of CVE-2024-12086
// and CVE-2024-12087 in rsync).
package pull

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pubsync/pubsync/sync/manifest"
)

// A Remote reads published content. It is safe for concurrent use.
type Remote interface {
	// Tree returns the entries below target, paths relative to it, and the
	// version they are of.
	Tree(ctx context.Context, target manifest.Path, at int64) (manifest.List, int64, error)
	// Fetch calls use with the content of the file at path in that version. It
	// may call it again after a failure of the network.
	Fetch(ctx context.Context, path manifest.Path, at int64, use func(io.Reader) error) error
	// Hashes returns the hashes of blocks of the file at path in that version.
	// blocks is a request as delta/codec writes it, the answer the hashes of
	// delta/codec, at most limit bytes.
	Hashes(ctx context.Context, path manifest.Path, at int64, blocks []byte, limit int64) ([]byte, error)
	// FetchRanges calls use with the bytes of each range, offset and length, of
	// the file at path in that version. It may start again after a failure of
	// the network.
	FetchRanges(ctx context.Context, path manifest.Path, at int64, ranges [][2]int64, use func(i int, r io.Reader) error) error
}

// ErrDigest is the error for content that is not what its digest names.
var ErrDigest = errors.New("content does not match its digest")

// Options say what to pull.
type Options struct {
	Target   manifest.Path
	At       int64 // version; 0: the newest
	Checksum bool  // compare contents, not size and mtime
	Delete   bool  // remove what the target does not hold
	Whole    bool  // fetch changed files whole, not in ranges
	DryRun   bool
	Parallel int // files fetched at once, on one connection where that can be; 0 means 32
	// Event, if not nil, is told of every path that is fetched or removed. It
	// is called by one goroutine at a time.
	Event func(p manifest.Path, what string)
	// Progress, if not nil, is told of files and bytes dealt with.
	Progress func(files int, bytes int64)
}

// What became of a path.
const (
	Fetched = "fetched"
	Removed = "removed"
)

// A Result tells what a pull did.
type Result struct {
	Version int64
	Files   int // in the tree
	Bytes   int64
	Fetched int // whole or in part
	Removed int
	Reused  int64 // bytes of files fetched in part that were here already
}

// Pull makes the directory like the target. What was fetched stays when it
// fails half-way; the next pull goes on from there.
func Pull(ctx context.Context, r Remote, dir *os.Root, o Options) (Result, error) {
	if o.Parallel == 0 {
		o.Parallel = 32
	}
	l, version, err := r.Tree(ctx, o.Target, o.At)
	if err != nil {
		return Result{}, err
	}
	if err := l.Check(); err != nil {
		return Result{}, err
	}
	p := &puller{remote: r, root: dir, opts: o, list: l, matching: make(chan struct{}, matchers)}
	p.result.Version = version
	p.result.Files, p.result.Bytes = l.Totals()
	err = p.run(ctx)
	return p.result, err
}

type puller struct {
	remote Remote
	root   *os.Root
	opts   Options
	list   manifest.List

	matching chan struct{} // holds a value for each file that is being matched

	mu     sync.Mutex
	result Result
}

func (p *puller) run(ctx context.Context) error {
	if p.opts.Delete {
		if err := p.remove(); err != nil {
			return err
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(p.opts.Parallel)
	for i := range p.list {
		e := &p.list[i]
		if e.Kind == manifest.Dir {
			if err := p.mkdir(e); err != nil {
				return errors.Join(err, g.Wait())
			}
			continue
		}
		if ctx.Err() != nil {
			break
		}
		g.Go(func() error { return p.entry(ctx, e) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return p.dirTimes()
}

func (p *puller) told(e manifest.Path, what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if what == Fetched {
		p.result.Fetched++
	} else {
		p.result.Removed++
	}
	if p.opts.Event != nil {
		p.opts.Event(e, what)
	}
}

func (p *puller) reused(pieces []piece) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.result.Reused += total(pieces)
}

func (p *puller) progress(e *manifest.Entry) {
	if p.opts.Progress != nil {
		p.opts.Progress(1, e.Size)
	}
}

// mkdir makes a directory, in the place of whatever else is there.
func (p *puller) mkdir(e *manifest.Entry) error {
	if p.opts.DryRun {
		return nil
	}
	fi, err := p.root.Lstat(string(e.Path))
	if err == nil && fi.IsDir() {
		return nil
	}
	if err == nil {
		if err := p.root.Remove(string(e.Path)); err != nil {
			return err
		}
	}
	return p.root.MkdirAll(string(e.Path), 0o755)
}

// dirTimes sets what writing below directories has changed, deepest first.
func (p *puller) dirTimes() error {
	if p.opts.DryRun {
		return nil
	}
	for _, e := range slices.Backward(p.list) {
		if e.Kind != manifest.Dir {
			continue
		}
		if err := p.root.Chmod(string(e.Path), fileMode(e.Mode)); err != nil {
			return err
		}
		if err := p.root.Chtimes(string(e.Path), time.Time{}, e.ModTime()); err != nil {
			return err
		}
	}
	return nil
}

// fileMode translates permission bits as in stat(2).
func fileMode(mode uint32) fs.FileMode {
	m := fs.FileMode(mode & 0o777)
	for bit, f := range map[uint32]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if mode&bit != 0 {
			m |= f
		}
	}
	return m
}

func (p *puller) entry(ctx context.Context, e *manifest.Entry) error {
	defer p.progress(e)
	same, err := p.same(e)
	if err != nil || same {
		return err
	}
	p.told(e.Path, Fetched)
	if p.opts.DryRun {
		return nil
	}
	if dir := path.Dir(string(e.Path)); dir != "." {
		if err := p.root.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if e.Kind == manifest.Symlink {
		return p.place(e, func(tmp string) error { return p.root.Symlink(e.Link, tmp) })
	}
	return p.place(e, func(tmp string) error { return p.fetch(ctx, e, tmp) })
}

// place makes something under a temporary name and renames it into place.
func (p *puller) place(e *manifest.Entry, make func(tmp string) error) error {
	tmp := tempName(e.Path)
	if err := p.root.RemoveAll(tmp); err != nil {
		return err
	}
	if err := make(tmp); err != nil {
		return errors.Join(err, p.root.RemoveAll(tmp))
	}
	if fi, err := p.root.Lstat(string(e.Path)); err == nil && fi.IsDir() {
		if err := p.root.RemoveAll(string(e.Path)); err != nil {
			return err
		}
	}
	return p.root.Rename(tmp, string(e.Path))
}

// tempName is beside the file, hidden, and no longer than a name may be.
func tempName(p manifest.Path) string {
	base := p.Base()
	sum := sha256.Sum256([]byte(base))
	return path.Join(string(p.Dir()), fmt.Sprintf(".pubsync-%x.tmp", sum[:8]))
}

func (p *puller) fetch(ctx context.Context, e *manifest.Entry, tmp string) error {
	f, err := p.root.OpenFile(tmp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	done := false
	if !p.opts.Whole {
		done, err = p.fromBlocks(ctx, e, f)
	}
	if err == nil && !done {
		err = p.fetchWhole(ctx, e, f)
	}
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := p.root.Chmod(tmp, fileMode(e.Mode)); err != nil {
		return err
	}
	return p.root.Chtimes(tmp, time.Time{}, e.ModTime())
}

func (p *puller) fetchWhole(ctx context.Context, e *manifest.Entry, f *os.File) error {
	h := sha256.New()
	err := p.remote.Fetch(ctx, p.opts.Target.Join(e.Path), p.result.Version, func(r io.Reader) error {
		h.Reset()
		if err := f.Truncate(0); err != nil {
			return err
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
		_, err := io.Copy(f, io.TeeReader(io.LimitReader(r, e.Size+1), h))
		return err
	})
	if err != nil {
		return err
	}
	return check(h, e)
}

func check(h hash.Hash, e *manifest.Entry) error {
	if manifest.Digest(h.Sum(nil)) != e.Digest {
		return fmt.Errorf("%q: %w", e.Path, ErrDigest)
	}
	return nil
}

// same reports whether what is here is the entry already. Where only the mode
// or the mtime differs it sets them.
func (p *puller) same(e *manifest.Entry) (bool, error) {
	fi, err := p.root.Lstat(string(e.Path))
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNotDir) {
			return false, nil
		}
		return false, err
	}
	if e.Kind == manifest.Symlink {
		if fi.Mode()&fs.ModeSymlink == 0 {
			return false, nil
		}
		link, err := p.root.Readlink(string(e.Path))
		return link == e.Link, err
	}
	if !fi.Mode().IsRegular() || fi.Size() != e.Size {
		return false, nil
	}
	if p.opts.Checksum || fi.ModTime().UnixNano() != e.MTime {
		same, err := p.sameContent(e)
		if err != nil || !same || p.opts.DryRun {
			return same, err
		}
		if err := p.root.Chtimes(string(e.Path), time.Time{}, e.ModTime()); err != nil {
			return false, err
		}
	}
	if fi.Mode() != fileMode(e.Mode) && !p.opts.DryRun {
		return true, p.root.Chmod(string(e.Path), fileMode(e.Mode))
	}
	return true, nil
}

func (p *puller) sameContent(e *manifest.Entry) (bool, error) {
	f, err := p.root.Open(string(e.Path))
	if err != nil {
		return false, err
	}
	defer f.Close()
	return hasContent(f, e)
}

// hasContent reports whether the file holds the entry's content.
func hasContent(f *os.File, e *manifest.Entry) (bool, error) {
	h := sha256.New()
	_, err := io.Copy(h, io.NewSectionReader(f, 0, e.Size+1))
	return err == nil && check(h, e) == nil, err
}

// remove deletes what the tree does not hold.
func (p *puller) remove() error {
	var extra []string
	err := fs.WalkDir(p.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		if _, ok := p.list.Find(manifest.Path(name)); ok || p.holdsBelow(name) {
			return nil
		}
		extra = append(extra, name)
		if d.IsDir() {
			return fs.SkipDir
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, name := range extra {
		p.told(manifest.Path(name), Removed)
		if p.opts.DryRun {
			continue
		}
		if err := p.root.RemoveAll(name); err != nil {
			return err
		}
	}
	return nil
}

// holdsBelow reports whether the tree has entries below name without name
// itself being one.
func (p *puller) holdsBelow(name string) bool {
	i, _ := p.list.Find(manifest.Path(name + "/"))
	return i < len(p.list) && strings.HasPrefix(string(p.list[i].Path), name+"/")
}
