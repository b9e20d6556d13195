package push

import (
	"os"

	"github.com/pubsync/pubsync/sync/manifest"
)

// An Attic keeps files that were pushed from here. sync/attic has one. It is safe
// for concurrent use.
type Attic interface {
	// Find returns the name of a file that holds an old version of what is at
	// path p of the target, and the digest that its content should have; "" if
	// there is none.
	Find(target, p manifest.Path) (file string, d manifest.Digest)
	// Drop is told that the content of a file is not what its digest names.
	Drop(d manifest.Digest)
	// Keep keeps a file that was pushed.
	Keep(target, p manifest.Path, d manifest.Digest, f *os.File, size int64) error
}

// minOld is the size in bytes below which no old file is looked for in the
// attic.
const minOld = 64 << 10

// oldFiles are the files of the attic that are open.
type oldFiles map[manifest.Digest]*LocalBasis

func (o oldFiles) close() {
	for _, b := range o {
		if b != nil {
			b.Close()
		}
	}
}

// fromAttic returns the old file for an entry that the attic has, checked
// against its digest; nil if it has none.
func (p *pusher) fromAttic(e *manifest.Entry) *LocalBasis {
	if p.opts.Attic == nil || e.Size < minOld {
		return nil
	}
	p.basisLock.Lock()
	defer p.basisLock.Unlock()
	name, d := p.opts.Attic.Find(p.result.Target, e.Path)
	if name == "" {
		return nil
	}
	b, known := p.old[d]
	if known {
		return b
	}
	b, err := OpenBasis(name)
	if err == nil && b.digest != d {
		b.Close()
		b = nil
		p.opts.Attic.Drop(d)
	}
	p.old[d] = b
	return b
}

// keep puts what was pushed into the attic. What fails there has no bearing on
// the push: it costs bytes next time.
func (p *pusher) keep() {
	if p.opts.Attic == nil || p.opts.DryRun {
		return
	}
	for i := range p.tree.Entries {
		e := &p.tree.Entries[i]
		if e.Kind != manifest.File || e.Digest.IsZero() || e.Size < minOld {
			continue
		}
		f, err := p.tree.Open(i)
		if err != nil {
			continue // changed since: its digest is another
		}
		_ = p.opts.Attic.Keep(p.result.Target, e.Path, e.Digest, f.Handle(), e.Size)
		f.Close()
	}
}
