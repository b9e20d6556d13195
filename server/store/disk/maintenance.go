package disk

import (
	"context"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// begin waits until no other maintenance runs; end it with the returned
// function.
func (s *Store) begin(ctx context.Context) (end func(), err error) {
	select {
	case s.maintain <- struct{}{}:
		return func() { <-s.maintain }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Forget implements [store.Maintenance].
func (s *Store) Forget(ctx context.Context, target manifest.Path, v store.Version) (store.Forgotten, error) {
	end, err := s.begin(ctx)
	if err != nil {
		return store.Forgotten{}, err
	}
	defer end()
	return s.cat.Forget(ctx, target, v)
}

// Usage implements [store.Maintenance].
func (s *Store) Usage(ctx context.Context, p manifest.Path) (store.Usage, error) {
	return s.cat.Usage(ctx, p)
}

// Sole implements [store.Maintenance].
func (s *Store) Sole(ctx context.Context, targets []manifest.Path) (store.Collected, error) {
	return s.cat.Sole(ctx, targets)
}

// Kept implements [store.Maintenance].
func (s *Store) Kept(ctx context.Context, o store.Holder) (int64, error) { return s.cat.Kept(ctx, o) }

// Keeps implements [store.Maintenance].
func (s *Store) Keeps(ctx context.Context, o store.Holder, ds []manifest.Digest) ([]bool, error) {
	return s.cat.Keeps(ctx, o, ds)
}

// Free implements [store.Maintenance].
func (s *Store) Free() (int64, error) { return s.fs.Free() }
