package disk

import (
	"context"
	"errors"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

func (s *Store) Collect(ctx context.Context, o store.CollectOptions) (store.Collected, error) {
	return store.Collected{}, errors.ErrUnsupported
}
func (s *Store) Check(ctx context.Context, o store.CheckOptions, f func(store.Finding) error) (store.Checked, error) {
	return store.Checked{}, errors.ErrUnsupported
}
func (s *Store) Repair(ctx context.Context, o store.CheckOptions) (store.Repaired, error) {
	return store.Repaired{}, errors.ErrUnsupported
}
func (s *Store) Backup(ctx context.Context, dir string) error { return errors.ErrUnsupported }

// Forget implements [store.Maintenance].
func (s *Store) Forget(ctx context.Context, target manifest.Path, v store.Version) (store.Forgotten, error) {
	return s.cat.Forget(ctx, target, v)
}

// Usage implements [store.Maintenance].
func (s *Store) Usage(ctx context.Context, p manifest.Path) (store.Usage, error) {
	return s.cat.Usage(ctx, p)
}
