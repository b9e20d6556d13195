package disk

import (
	"context"
	"crypto/sha256"
	"encoding"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"sync"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/server/store/catalog"
	"github.com/pubsync/pubsync/sync/manifest"
)

// partials are the partials that are open, and the hash states of those that
// were, so that a blob that comes in many requests is hashed once.
type partials struct {
	mu     sync.Mutex
	open   map[string]bool
	states map[string]hashState
}

// A hashState is the SHA-256 of the first size bytes of a file, unfinished.
type hashState struct {
	size  int64
	state []byte
}

// maxStates bounds the states kept; one that was dropped costs a read.
const maxStates = 4096

func newPartials() *partials {
	return &partials{open: make(map[string]bool), states: make(map[string]hashState)}
}

// partial implements [store.Partial].
type partial struct {
	s       *Store
	session store.SessionID
	digest  manifest.Digest
	name    string
	f       File
	size    int64
	h       hash.Hash
	hashed  int64 // bytes that h has seen
	fresh   bool  // the file's name is not durable yet
	behind  behind
}

func stagingDir(id store.SessionID) string { return "staging/" + string(id) }

// OpenPartial implements [store.Content].
func (s *Store) OpenPartial(id store.SessionID, d manifest.Digest) (store.Partial, error) {
	if err := checkSession(id); err != nil {
		return nil, err
	}
	p := &partial{s: s, session: id, digest: d, name: stagingDir(id) + "/" + d.String()}
	if !s.parts.take(p) {
		return nil, fmt.Errorf("blob %v: %w", d, store.ErrBusy)
	}
	if err := p.openFile(); err != nil {
		s.parts.giveBack(p)
		return nil, fmt.Errorf("stage blob %v: %w", d, full(err))
	}
	return p, nil
}

func (p *partial) openFile() (err error) {
	if err := mkdir(p.s.fs, "staging", string(p.session)); err != nil {
		return err
	}
	if p.f, err = p.s.fs.OpenFile(p.name, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return err
	}
	if p.size, err = p.f.Size(); err != nil {
		p.f.Close()
		return err
	}
	p.behind.f = p.f
	p.fresh = p.size == 0
	if p.hashed > p.size { // a power cut took what the state had seen
		p.resetHash()
	}
	return nil
}

// Staged implements [store.Content].
func (s *Store) Staged(ctx context.Context, id store.SessionID) (map[manifest.Digest]int64, error) {
	if err := checkSession(id); err != nil {
		return nil, err
	}
	list, err := s.fs.ReadDir(stagingDir(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("staged blobs: %w", err)
	}
	sizes := make(map[manifest.Digest]int64, len(list))
	for _, e := range list {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		d, err := manifest.ParseDigest(e.Name())
		if err != nil {
			continue // none of ours
		}
		fi, err := s.fs.Stat(stagingDir(id) + "/" + e.Name())
		if errors.Is(err, fs.ErrNotExist) {
			continue // finished meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("staged blob %v: %w", d, err)
		}
		sizes[d] = fi.Size()
	}
	return sizes, nil
}

func (p *partial) resetHash() { p.h, p.hashed = sha256.New(), 0 }

// take marks the partial as open and gives it its hash state.
func (t *partials) take(p *partial) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open[p.name] {
		return false
	}
	t.open[p.name] = true
	p.resetHash()
	if k, ok := t.states[p.name]; ok {
		if p.h.(encoding.BinaryUnmarshaler).UnmarshalBinary(k.state) == nil {
			p.hashed = k.size
		}
	}
	return true
}

// giveBack marks the partial as closed and keeps its hash state, if it has one.
func (t *partials) giveBack(p *partial) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.open, p.name)
	delete(t.states, p.name)
	if p.hashed == 0 || len(t.states) >= maxStates {
		return
	}
	if b, err := p.h.(encoding.BinaryMarshaler).MarshalBinary(); err == nil {
		t.states[p.name] = hashState{p.hashed, b}
	}
}

func (p *partial) Size() int64 { return p.size }

// ReadAt implements [io.ReaderAt].
func (p *partial) ReadAt(b []byte, off int64) (int, error) { return p.f.ReadAt(b, off) }

// Sum implements [store.Partial].
func (p *partial) Sum(ctx context.Context) (manifest.Digest, error) {
	if err := p.hashRest(ctx); err != nil {
		return manifest.Digest{}, fmt.Errorf("staged blob %v: %w", p.digest, err)
	}
	return manifest.Digest(p.h.Sum(nil)), nil
}

// pieceBytes is how much is written at once. For more a kernel takes the largest pages
// that it has free, and those of a virtual machine are what its host takes back (Linux:
// free page reporting): 8 MiB at once were written at a tenth of the speed.
const pieceBytes = 256 << 10

// Write implements [io.Writer]. What was written before an error stays.
func (p *partial) Write(b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var k int
		k, err = p.writePiece(b[n:min(len(b), n+pieceBytes)])
		n += k
	}
	return n, err
}

func (p *partial) writePiece(b []byte) (int, error) {
	n, err := p.f.WriteAt(b, p.size)
	if p.hashed == p.size {
		p.h.Write(b[:n])
		p.hashed += int64(n)
	}
	p.size += int64(n)
	p.behind.wrote(n)
	if err != nil {
		p.f.Truncate(p.size) // or the next to open would count what came after
		err = fmt.Errorf("stage blob %v: %w", p.digest, full(err))
	}
	return n, err
}

func (p *partial) Sync() error {
	err := p.settle()
	if err == nil && p.fresh {
		err = p.s.fs.SyncDir(stagingDir(p.session))
	}
	if err != nil {
		return fmt.Errorf("stage blob %v: %w", p.digest, full(err))
	}
	p.fresh = false
	return nil
}

// settle makes what was written durable. If that fails nobody knows what is lost, and
// nothing of it is kept.
func (p *partial) settle() error {
	err := p.behind.wait()
	if err == nil {
		err = p.f.Sync()
	}
	if err != nil {
		err = errors.Join(err, p.Truncate())
	}
	return err
}

func (p *partial) Truncate() error {
	p.behind.wait()
	p.behind = behind{f: p.f}
	p.resetHash()
	if err := p.f.Truncate(0); err != nil {
		return fmt.Errorf("stage blob %v: %w", p.digest, full(err))
	}
	p.size = 0
	return nil
}

// Finish implements [store.Partial].
func (p *partial) Finish(ctx context.Context) error {
	sum, err := p.Sum(ctx)
	if err != nil {
		return err
	}
	if sum != p.digest {
		if err := p.Truncate(); err != nil {
			return err
		}
		return fmt.Errorf("staged blob %v: %w", p.digest, store.ErrMismatch)
	}
	if err := p.settle(); err != nil {
		return fmt.Errorf("staged blob %v: %w", p.digest, full(err))
	}
	if err := p.place(ctx); err != nil {
		return fmt.Errorf("staged blob %v: %w", p.digest, err)
	}
	return nil
}

// hashRest hashes what the hash has not seen.
func (p *partial) hashRest(ctx context.Context) error {
	buf := make([]byte, 256<<10)
	for p.hashed < p.size {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := p.f.ReadAt(buf[:min(int64(len(buf)), p.size-p.hashed)], p.hashed)
		p.h.Write(buf[:n])
		p.hashed += int64(n)
		if err != nil && p.hashed < p.size {
			return noEOF(err)
		}
	}
	return nil
}

// place makes the staged file the blob, or drops it where the blob is held.
func (p *partial) place(ctx context.Context) error {
	state, err := p.s.claim(p.session, []manifest.Digest{p.digest})
	if err != nil {
		return err
	}
	if state[0] == whole {
		if err := p.s.place(ctx, p.session, nil, nil, nil, []manifest.Digest{p.digest}, nil); err != nil {
			return err
		}
		return removeIfThere(p.s.fs, p.name)
	}
	blobs := []catalog.Blob{{Digest: p.digest, Size: p.size}}
	files := []tempFile{{name: p.name, digest: p.digest}}
	if state[0] == broken {
		return p.s.place(ctx, p.session, files, nil, blobs, nil, nil)
	}
	return p.s.place(ctx, p.session, files, blobs, nil, nil, nil)
}

// Close implements [store.Partial].
func (p *partial) Close() error {
	defer p.s.parts.giveBack(p)
	p.behind.wait()
	return p.f.Close()
}

// Remove implements [store.Partial].
func (p *partial) Remove() error {
	p.resetHash()
	defer p.s.parts.giveBack(p)
	err := removeIfThere(p.s.fs, p.name)
	return errors.Join(err, p.f.Close())
}

// Release implements [store.Content].
func (s *Store) Release(ctx context.Context, id store.SessionID) error {
	if err := checkSession(id); err != nil {
		return err
	}
	if err := s.cat.DropLeases(ctx, id); err != nil {
		return err
	}
	return s.removeStaged(id)
}

func (s *Store) removeStaged(id store.SessionID) error {
	dir := stagingDir(id)
	list, err := s.fs.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range list {
		if err := removeIfThere(s.fs, dir+"/"+e.Name()); err != nil {
			return err
		}
		s.parts.forget(dir + "/" + e.Name())
	}
	return removeIfThere(s.fs, dir)
}

func (t *partials) forget(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.states, name)
}
