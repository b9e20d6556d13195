package disk

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/server/store/catalog"
	"github.com/pubsync/pubsync/sync/manifest"
)

// errAltered is what is wrong with bytes that are not those their digest names.
var errAltered = errors.New("the bytes are not those its digest names")

// Check implements [store.Maintenance].
func (s *Store) Check(ctx context.Context, o store.CheckOptions, f func(store.Finding) error) (store.Checked, error) {
	var out store.Checked
	err := s.cat.Check(ctx, o.Content, func(err error, uses []store.Use) error {
		out.Damaged++
		return f(store.Finding{Err: err, Uses: uses})
	})
	if err != nil {
		return out, err
	}
	err = s.eachBlob(ctx, o, func(b catalog.Blob) error {
		out.Blobs++
		bad, err := s.examine(ctx, b, o, &out.Bytes)
		if err != nil || bad == nil {
			return err
		}
		out.Damaged++
		uses, err := s.cat.Uses(ctx, b.Digest)
		if err != nil {
			return err
		}
		return f(store.Finding{Digest: b.Digest, Size: b.Size, Err: bad, Uses: uses})
	})
	return out, err
}

// eachBlob calls f for every blob after the one that o says.
func (s *Store) eachBlob(ctx context.Context, o store.CheckOptions, f func(catalog.Blob) error) error {
	for after := o.After; ; {
		page, err := s.cat.Blobs(ctx, after, scanPage)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, b := range page {
			if err := errors.Join(ctx.Err(), f(b)); err != nil {
				return err
			}
		}
		after = page[len(page)-1].ID
		if o.Progress != nil {
			if err := o.Progress(ctx, after); err != nil {
				return err
			}
		}
	}
}

// examine looks at one blob and marks it as what it is found to be. It returns
// what is bad about it, or an error that ends the check.
func (s *Store) examine(ctx context.Context, b catalog.Blob, o store.CheckOptions, read *int64) (bad, err error) {
	bad, err = s.sound(ctx, b, o, read)
	for moved := true; bad != nil && err == nil && moved; {
		// It may have been moved, dropped or healed since the listing.
		now, lerr := s.cat.Locate(ctx, b.Digest)
		if errors.Is(lerr, store.ErrNotFound) {
			return nil, nil
		}
		if lerr != nil {
			return nil, lerr
		}
		moved = now.Pack != b.Pack || now.Offset != b.Offset || now.ID != b.ID
		b = now
		bad, err = s.sound(ctx, b, o, read)
	}
	if err != nil {
		return nil, err
	}
	was := b.Damaged
	switch {
	case bad != nil && !was:
		err = s.cat.SetDamaged(ctx, b.Digest, true)
	case bad == nil && was && o.Content:
		err = s.cat.SetDamaged(ctx, b.Digest, false)
	case bad == nil && was:
		bad = fmt.Errorf("blob %v: %w: %w", b.Digest, store.ErrDamaged, errMarked)
	}
	return bad, err
}

// sound looks whether a blob is there at its size and, if wanted, holds what it
// should.
func (s *Store) sound(ctx context.Context, b catalog.Blob, o store.CheckOptions, read *int64) (bad, err error) {
	b.Damaged = false
	blob, err := s.openAt(b)
	if errors.Is(err, store.ErrDamaged) {
		return err, nil
	}
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	if !o.Content {
		return nil, nil
	}
	h := sha256.New()
	buf := make([]byte, min(b.Size, 256<<10))
	for at := int64(0); at < b.Size; {
		want := buf[:min(int64(len(buf)), b.Size-at)]
		if o.Throttle != nil {
			if err := o.Throttle(ctx, len(want)); err != nil {
				return nil, err
			}
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n, rerr := blob.ReadAt(want, at)
		h.Write(want[:n])
		at += int64(n)
		*read += int64(n)
		if n < len(want) {
			if rerr = noEOF(rerr); !isDamage(rerr) {
				return nil, rerr
			}
			return fmt.Errorf("blob %v: %w: %w", b.Digest, store.ErrDamaged, rerr), nil
		}
	}
	if manifest.Digest(h.Sum(nil)) != b.Digest {
		return fmt.Errorf("blob %v: %w: %w", b.Digest, store.ErrDamaged, errAltered), nil
	}
	return nil, nil
}
