package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"

	"github.com/pubsync/pubsync/server/store/catalog"
)

// maxIdle is how many packs stay open for reading while nobody reads them.
const maxIdle = 64

// packs are the store's packs: those open for reading, shared by all readers,
// and those that have room, each lent to one writer at a time.
type packs struct {
	fs    FS
	limit int64

	mu    sync.Mutex
	next  int64
	free  []catalog.Pack // with room, lent to nobody
	lent  map[int64]bool
	files map[int64]*packFile
	clock int64 // orders the last uses of files
}

// A packFile is a pack open for reading.
type packFile struct {
	File
	owner *packs
	id    int64
	refs  int
	used  int64
	gone  bool // close when the last reader is done
}

func packName(id int64) string { return fmt.Sprintf("packs/%08x.pack", id) }

func newPacks(ctx context.Context, fsys FS, cat *catalog.Catalog, limit int64) (*packs, error) {
	p := &packs{fs: fsys, limit: limit, lent: make(map[int64]bool), files: make(map[int64]*packFile)}
	known, err := cat.Packs(ctx)
	if err != nil {
		return nil, err
	}
	for _, k := range known {
		p.next = max(p.next, k.ID)
		if k.Extent < p.full() {
			p.free = append(p.free, k)
		}
	}
	list, err := fsys.ReadDir("packs")
	for _, e := range list {
		if id, ok := packID(e.Name()); ok {
			p.next = max(p.next, id)
		}
	}
	return p, err
}

// full returns the extent from which a pack is not worth keeping for writers.
func (p *packs) full() int64 { return p.limit - p.limit/64 }

func (p *packs) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for id, f := range p.files {
		errs = append(errs, f.File.Close())
		delete(p.files, id)
	}
	return errors.Join(errs...)
}

// open returns the pack for reading; give it back with its release.
func (p *packs) open(id int64) (*packFile, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.files[id]
	if f == nil {
		file, err := p.fs.OpenFile(packName(id), os.O_RDONLY, 0)
		if err != nil {
			return nil, err
		}
		f = &packFile{File: file, owner: p, id: id}
		p.files[id] = f
		p.shrink()
	}
	f.refs++
	p.clock++
	f.used = p.clock
	return f, nil
}

// shrink closes the file used longest ago while too many are open.
func (p *packs) shrink() {
	for len(p.files) > maxIdle {
		var oldest *packFile
		for _, f := range p.files {
			if f.refs == 0 && (oldest == nil || f.used < oldest.used) {
				oldest = f
			}
		}
		if oldest == nil {
			return
		}
		delete(p.files, oldest.id)
		oldest.File.Close()
	}
}

func (f *packFile) release() {
	p := f.owner
	p.mu.Lock()
	defer p.mu.Unlock()
	if f.refs--; f.refs == 0 && f.gone {
		f.File.Close()
	}
}

// remove deletes a pack. Those who read it go on reading.
func (p *packs) remove(id int64) error {
	p.mu.Lock()
	f := p.files[id]
	delete(p.files, id)
	if f != nil {
		if f.gone = true; f.refs == 0 {
			f.File.Close()
		}
	}
	p.free = slices.DeleteFunc(p.free, func(k catalog.Pack) bool { return k.ID == id })
	p.mu.Unlock()
	return removeIfThere(p.fs, packName(id))
}

// lend lends a pack with room for n bytes to one writer.
func (p *packs) lend(n int64) (*packWriter, error) {
	for {
		p.mu.Lock()
		i := slices.IndexFunc(p.free, func(k catalog.Pack) bool { return k.Extent+n <= p.limit })
		if i < 0 {
			p.next++
			id := p.next
			p.lent[id] = true
			p.mu.Unlock()
			return p.create(id)
		}
		k := p.free[i]
		p.free = slices.Delete(p.free, i, i+1)
		p.lent[k.ID] = true
		p.mu.Unlock()
		w, err := p.reopen(k)
		if err == nil {
			return w, nil
		}
		// Missing, short or unreadable: Check reports what is lost with it,
		// and writing goes on elsewhere.
		p.unlend(k.ID)
	}
}

func (p *packs) create(id int64) (*packWriter, error) {
	f, err := p.fs.OpenFile(packName(id), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		p.unlend(id)
		return nil, full(err)
	}
	w := &packWriter{owner: p, id: id, f: f, fresh: true}
	if err := w.append([]byte(packMagic)); err != nil {
		f.Close()
		p.unlend(id)
		p.fs.Remove(packName(id))
		return nil, err
	}
	return w, nil
}

func (p *packs) reopen(k catalog.Pack) (*packWriter, error) {
	f, err := p.fs.OpenFile(packName(k.ID), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	size, err := f.Size()
	switch {
	case err == nil && size < k.Extent:
		err = fs.ErrInvalid
	case err == nil && size > k.Extent:
		err = f.Truncate(k.Extent)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &packWriter{owner: p, id: k.ID, f: f, extent: k.Extent, tail: k.Extent, begun: k.Extent}, nil
}

func (p *packs) unlend(id int64) {
	p.mu.Lock()
	delete(p.lent, id)
	p.mu.Unlock()
}

// A packWriter appends to one pack. What is beyond extent means nothing until
// the catalog knows of it.
type packWriter struct {
	owner  *packs
	id     int64
	f      File
	extent int64 // known to the catalog
	tail   int64 // written
	begun  int64 // up to where it is on its way to the disk
	fresh  bool  // the pack's name is not durable yet
}

// append writes b at the tail. After an error the tail is where it was.
func (w *packWriter) append(b []byte) error {
	if _, err := w.f.WriteAt(b, w.tail); err != nil {
		return fmt.Errorf("pack %d: %w", w.id, full(err))
	}
	w.tail += int64(len(b))
	if n := w.tail - w.begun; n >= beginBytes {
		w.f.Begin(w.begun, n)
		w.begun = w.tail
	}
	return nil
}

// beginBytes is how many bytes of a pack are sent on their way to the disk together.
const beginBytes = 512 << 10

// sync makes what was appended durable.
func (w *packWriter) sync() error {
	if err := w.f.Sync(); err != nil {
		return fmt.Errorf("pack %d: %w", w.id, full(err))
	}
	if !w.fresh {
		return nil
	}
	if err := w.owner.fs.SyncDir("packs"); err != nil {
		return fmt.Errorf("pack %d: %w", w.id, full(err))
	}
	w.fresh = false
	return nil
}

// keep gives the pack back with all that was appended: the catalog knows.
func (w *packWriter) keep() {
	w.extent = w.tail
	w.giveBack(w.f.Close() == nil && w.extent < w.owner.full())
}

// drop gives the pack back as it was. A pack that cannot be cut back, or one
// whose sync failed and whose cache can no longer be trusted, is not written
// again before the next start.
func (w *packWriter) drop(trust bool) {
	if w.extent == 0 {
		w.f.Close()
		w.owner.fs.Remove(packName(w.id))
		w.giveBack(false)
		return
	}
	err := w.f.Truncate(w.extent)
	err = errors.Join(err, w.f.Close())
	w.giveBack(trust && err == nil)
}

func (w *packWriter) giveBack(room bool) {
	p := w.owner
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.lent, w.id)
	if room {
		p.free = append(p.free, catalog.Pack{ID: w.id, Extent: w.extent})
	}
}
