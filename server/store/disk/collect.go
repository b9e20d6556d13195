package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/server/store/catalog"
	"github.com/pubsync/pubsync/sync/manifest"
)

const (
	// scanPage is how many blobs collection looks at in one query.
	scanPage = 2000
	// sweepPage is how many it drops while it keeps others waiting.
	sweepPage = 200
)

// Collect implements [store.Maintenance].
func (s *Store) Collect(ctx context.Context, o store.CollectOptions) (store.Collected, error) {
	end, err := s.begin(ctx)
	if err != nil {
		return store.Collected{}, err
	}
	defer end()
	c := collection{s: s, ctx: ctx, o: o}
	for _, step := range []func() error{c.sessions, c.blobs, c.orphanBlobs, c.orphanDerived, c.packs} {
		if err := errors.Join(ctx.Err(), step()); err != nil {
			return c.out, fmt.Errorf("collect: %w", err)
		}
	}
	return c.out, nil
}

// A collection is one run of Collect.
type collection struct {
	s   *Store
	ctx context.Context
	o   store.CollectOptions
	out store.Collected
}

// sessions drops what belongs to sessions that do not come back.
func (c *collection) sessions() error {
	if c.o.Live == nil {
		return nil
	}
	ids, err := c.s.cat.Holders(c.ctx)
	if err != nil {
		return err
	}
	staged, err := c.s.fs.ReadDir("staging")
	if err != nil {
		return err
	}
	for _, e := range staged {
		ids = append(ids, store.SessionID(e.Name()))
	}
	seen := make(map[store.SessionID]bool)
	for _, id := range ids {
		if seen[id] || c.o.Live(id) {
			continue
		}
		seen[id] = true
		c.out.Sessions++
		if c.o.DryRun {
			continue
		}
		if err := c.s.Release(c.ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// blobs drops the blobs that nothing refers to.
func (c *collection) blobs() error {
	for after := int64(0); ; {
		list, next, err := c.s.cat.Unused(c.ctx, after, scanPage)
		if err != nil {
			return err
		}
		for len(list) > 0 {
			page := list[:min(len(list), sweepPage)]
			list = list[len(page):]
			if err := c.drop(page); err != nil {
				return err
			}
		}
		if next == 0 {
			break
		}
		after = next
	}
	if c.o.DryRun {
		return nil
	}
	return c.s.cat.DropStaleLeases(c.ctx)
}

// drop drops a few blobs: their rows first, so that a crash leaves files that
// nobody refers to.
func (c *collection) drop(list []catalog.Blob) (err error) {
	if !c.o.DryRun {
		c.s.sweep.Lock()
		defer c.s.sweep.Unlock()
		if list, err = c.s.cat.Drop(c.ctx, list); err != nil {
			return err
		}
	}
	for _, b := range list {
		c.out.Blobs++
		c.out.Bytes += b.Size
		if b.Pack != 0 {
			continue // freed with the pack
		}
		c.out.Freed += b.Size
		if c.o.DryRun {
			continue
		}
		if err := removeIfThere(c.s.fs, blobName(b.Digest)); err != nil {
			return err
		}
	}
	return nil
}

// orphanBlobs removes files of blobs that the catalog knows nothing of, or has
// elsewhere.
func (c *collection) orphanBlobs() error {
	return c.eachFan("blobs", func(dir string, ds []manifest.Digest) error {
		return c.removeUnless(ds, func(b catalog.Blob) bool { return b.Pack == 0 }, func(d manifest.Digest) error {
			name := blobName(d)
			if st, err := c.s.fs.Stat(name); err == nil {
				c.out.Freed += st.Size()
			}
			if c.o.DryRun {
				return nil
			}
			return removeIfThere(c.s.fs, name)
		})
	})
}

// orphanDerived removes what was derived from blobs that are gone.
func (c *collection) orphanDerived() error {
	return c.eachFan("derived", func(dir string, ds []manifest.Digest) error {
		return c.removeUnless(ds, func(catalog.Blob) bool { return true }, func(d manifest.Digest) error {
			if c.o.DryRun {
				return nil
			}
			return c.s.removeDir(derivedDir(d))
		})
	})
}

// eachFan calls f with the digests that name what is in each directory of
// dir's fan-out.
func (c *collection) eachFan(dir string, f func(dir string, ds []manifest.Digest) error) error {
	fans, err := c.s.fs.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, fan := range fans {
		list, err := c.s.fs.ReadDir(dir + "/" + fan.Name())
		if err != nil {
			return err
		}
		var ds []manifest.Digest
		for _, e := range list {
			if d, err := manifest.ParseDigest(e.Name()); err == nil {
				ds = append(ds, d)
			}
		}
		if err := errors.Join(c.ctx.Err(), f(dir+"/"+fan.Name(), ds)); err != nil {
			return err
		}
	}
	return nil
}

// removeUnless calls remove for the digests whose blobs are not known or not
// as keep wants, while nobody places or promises blobs.
func (c *collection) removeUnless(ds []manifest.Digest, keep func(catalog.Blob) bool, remove func(manifest.Digest) error) error {
	suspects, err := c.unless(ds, keep)
	if err != nil || len(suspects) == 0 {
		return err
	}
	c.s.sweep.Lock()
	defer c.s.sweep.Unlock()
	if suspects, err = c.unless(suspects, keep); err != nil {
		return err
	}
	for _, d := range suspects {
		c.out.Orphans++
		if err := remove(d); err != nil {
			return err
		}
	}
	return nil
}

func (c *collection) unless(ds []manifest.Digest, keep func(catalog.Blob) bool) (out []manifest.Digest, err error) {
	kept := make([]bool, len(ds))
	err = c.s.cat.Find(c.ctx, ds, func(i int, b catalog.Blob) { kept[i] = keep(b) })
	for i, d := range ds {
		if !kept[i] {
			out = append(out, d)
		}
	}
	return out, err
}

// removeDir removes a directory of files.
func (s *Store) removeDir(dir string) error {
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
	}
	return removeIfThere(s.fs, dir)
}
