package disk

import (
	"context"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/server/store/catalog"
	"github.com/pubsync/pubsync/sync/manifest"
)

// presence tells what is known of a blob.
type presence byte

const (
	unknown presence = iota // not in the catalog
	broken                  // in it, but damaged or not there at its size
	whole
)

// prober tells whether blobs are there at their sizes. It looks at each pack
// only once; use it for one call and throw it away.
type prober struct {
	fs    FS
	sizes map[int64]int64
}

func (s *Store) prober() *prober { return &prober{fs: s.fs, sizes: make(map[int64]int64)} }

func (p *prober) present(b catalog.Blob) bool {
	if b.Pack == 0 {
		st, err := p.fs.Stat(blobName(b.Digest))
		return err == nil && st.Mode().IsRegular() && st.Size() == b.Size
	}
	size, ok := p.sizes[b.Pack]
	if !ok {
		if st, err := p.fs.Stat(packName(b.Pack)); err == nil {
			size = st.Size()
		}
		p.sizes[b.Pack] = size
	}
	return b.Offset+headerSize+b.Size <= size
}

// claim looks up blobs that a session is bringing and leases those that are
// held whole, until the next restart.
func (s *Store) claim(id store.SessionID, ds []manifest.Digest) ([]presence, error) {
	s.sweep.RLock()
	defer s.sweep.RUnlock()
	state := make([]presence, len(ds))
	p := s.prober()
	var ids []int64
	err := s.cat.Find(context.Background(), ds, func(i int, b catalog.Blob) {
		state[i] = broken
		if !b.Damaged && p.present(b) {
			state[i] = whole
			ids = append(ids, b.ID)
		}
	})
	if err == nil && len(ids) > 0 {
		s.cat.Lease(id, ids...)
	}
	return state, err
}

// Have implements [store.Content].
func (s *Store) Have(ctx context.Context, id store.SessionID, ds []manifest.Digest, sight store.Sight) ([]bool, error) {
	if err := checkSession(id); err != nil {
		return nil, err
	}
	s.sweep.RLock()
	defer s.sweep.RUnlock()
	return s.cat.Have(ctx, id, ds, sight, s.prober().present)
}

// MarkDamaged implements [store.Content].
func (s *Store) MarkDamaged(ctx context.Context, d manifest.Digest) error {
	return s.cat.SetDamaged(ctx, d, true)
}
