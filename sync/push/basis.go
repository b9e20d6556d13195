package push

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/pubsync/pubsync/delta"
	"github.com/pubsync/pubsync/delta/archive"
	"github.com/pubsync/pubsync/delta/codec"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// A LocalBasis is an old file at hand that the server may hold as well: against
// it a true binary diff takes the place of signatures. It is safe for concurrent
// reading.
type LocalBasis struct {
	name   string
	file   *os.File
	size   int64
	digest manifest.Digest
	view   *expanded // nil until wanted, or if it is no archive
	looked bool
}

// OpenBasis opens and hashes an old file. Close it after the push.
func OpenBasis(name string) (*LocalBasis, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	b := &LocalBasis{name: filepath.Base(name), file: f}
	h := sha256.New()
	if b.size, err = io.Copy(h, f); err != nil {
		f.Close()
		return nil, fmt.Errorf("reading the basis %s: %w", name, err)
	}
	b.digest = manifest.Digest(h.Sum(nil))
	return b, nil
}

// Close releases the file.
func (b *LocalBasis) Close() error {
	if b.view != nil {
		b.view.close()
	}
	return b.file.Close()
}

// localBasis returns the old file for an entry: that of the same name but for
// digits, or the only one there is, or what the attic has.
func (p *pusher) localBasis(e *manifest.Entry) *LocalBasis {
	for _, b := range p.opts.Bases {
		if manifest.Path(b.name).Stem() == e.Path.Stem() {
			return b
		}
	}
	if len(p.opts.Bases) == 1 && e.Size >= minArchive {
		return p.opts.Bases[0]
	}
	return p.fromAttic(e)
}

// held asks whether the server holds the old file where the token may read it,
// by the hash of its first bytes.
func (s *sender) held(index int, b *LocalBasis) (bool, error) {
	if b.size == 0 {
		return false, nil
	}
	req := delta.RangesRequest([]delta.Range{{Off: 0, Len: min(b.size, 64)}})
	body := wire.AppendSign(nil, wire.Sign{
		Index: index, Basis: wire.Basis{Digest: b.digest}, Params: codec.AppendRequest(nil, &req, b.size),
	})
	held := false
	err := s.p.exchange(s.ctx, body, func(f wire.Frame) error {
		if f.Type != wire.FrameHashes {
			return s.p.onEnd(f)
		}
		sig, err := wire.ParseSignature(f.Payload)
		held = len(sig.Body) > 0
		return err
	})
	return held, err
}

// byLocal sends a file as its difference from the old one, and reports whether
// it did: not if the server does not hold the old one.
func (s *sender) byLocal(m *match) (bool, error) {
	b := s.p.localBasis(&s.p.tree.Entries[m.verdict.Index])
	if b == nil || s.failed.whole(m.verdict.Index) || s.failed.remodel(m.verdict.Index) {
		return false, nil
	}
	basis := wire.Basis{Digest: b.digest, Size: b.size}
	if i := slices.IndexFunc(m.verdict.Bases, basis.Is); i >= 0 && m.verdict.Bases[i].Size == b.size {
		basis = m.verdict.Bases[i] // the server has named it, so it holds it
	} else if ok, err := s.held(m.verdict.Index, b); err != nil || !ok {
		return false, err
	}
	bases := []wire.Basis{basis}
	if err := s.views(m, b); err != nil {
		return false, err
	}
	if m.view == nil || b.view == nil {
		raw := m.raw(false)
		return true, s.diff(m, raw, bases, delta.Source{ReaderAt: b.file, Size: b.size}, m.verdict.Staged, &s.p.delta, true)
	}
	recipe := newStream(wire.Recipe, m.view.recipeSource(), nil)
	if err := s.diff(m, recipe, bases, b.view.recipeSource(), m.verdict.Recipe.Size, &s.p.archive, false); err != nil {
		return false, err
	}
	plain := newStream(wire.Plain, delta.Source{ReaderAt: m.view.plain, Size: m.view.size}, nil)
	old := delta.Source{ReaderAt: b.view.plain, Size: b.view.size}
	return true, s.diff(m, plain, bases, old, m.verdict.Plain.Size, &s.p.archive, true)
}

// views takes both files apart if both are archives.
func (s *sender) views(m *match, b *LocalBasis) (err error) {
	m.local = true
	if err = s.takeUp(m); err != nil || m.view == nil {
		return err
	}
	s.p.basisLock.Lock()
	defer s.p.basisLock.Unlock()
	if !b.looked {
		b.looked = true
		b.view, err = s.p.expandBasis(s.ctx, b)
	}
	return err
}

func (p *pusher) expandBasis(ctx context.Context, b *LocalBasis) (*expanded, error) {
	spool, err := p.opts.Spool()
	if err != nil {
		return nil, err
	}
	done, err := p.takingApart(ctx)
	if err != nil {
		spool.Close()
		return nil, err
	}
	defer done()
	v, err := archive.Sample(ctx, b.file, b.size, spool, archive.DefaultLimits())
	if err != nil {
		spool.Close()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, nil // by its bytes then
	}
	return &expanded{plain: spool, size: v.PlainSize, recipe: v.Recipe}, nil
}

// diff sends a stream as what delta.Diff makes of it.
func (s *sender) diff(m *match, st *stream, bases []wire.Basis, old delta.Source, from int64, t *tally, last bool) error {
	ops, err := delta.Diff(st.src, []delta.Source{old}, delta.DiffOptions{})
	if err != nil {
		return err
	}
	st.bases = nil
	for _, b := range bases {
		b.View = st.view
		st.bases = append(st.bases, b)
	}
	st.known, st.at = ops, []delta.Source{old}
	return s.encode(m.verdict, st, from, t, last)
}
