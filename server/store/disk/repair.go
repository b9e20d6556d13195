package disk

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/server/store/catalog"
	"github.com/pubsync/pubsync/sync/manifest"
)

// Repair implements [store.Maintenance].
func (s *Store) Repair(ctx context.Context, o store.CheckOptions) (store.Repaired, error) {
	var out store.Repaired
	end, err := s.begin(ctx)
	if err != nil {
		return out, err
	}
	defer end()
	if out.Indexes, err = s.cat.RepairIndexes(ctx); err != nil {
		return out, err
	}
	// A blob that is marked is worth a read even where the rest is not.
	thorough := o
	thorough.Content = true
	lost := make(map[manifest.Digest]catalog.Blob)
	err = s.eachBlob(ctx, store.CheckOptions{}, func(b catalog.Blob) error {
		how := o
		if b.Damaged {
			how = thorough
		}
		var read int64
		bad, err := s.examine(ctx, b, how, &read)
		if bad != nil {
			lost[b.Digest] = b
		} else if err == nil && b.Damaged {
			out.Healed++
		}
		return err
	})
	if err != nil {
		return out, err
	}
	if len(lost) > 0 {
		if err := s.search(ctx, lost, &out); err != nil {
			return out, err
		}
	}
	out.Damaged = len(lost)
	return out, s.cat.DropStaleLeases(ctx)
}

// search reads all packs and the names of all files for blobs that are lost,
// and takes those it finds off the list.
func (s *Store) search(ctx context.Context, lost map[manifest.Digest]catalog.Blob, out *store.Repaired) error {
	found := func(b catalog.Blob) error {
		if err := s.cat.Replace(ctx, b); err != nil {
			return err
		}
		delete(lost, b.Digest)
		out.Found++
		return nil
	}
	list, err := s.fs.ReadDir("packs")
	if err != nil {
		return err
	}
	for _, e := range list {
		id, ok := packID(e.Name())
		if !ok {
			continue
		}
		skipped, err := s.scanPack(ctx, id, func(offset int64, d manifest.Digest, size int64) error {
			b, ok := lost[d]
			b.Pack, b.Offset = id, offset
			if !ok || size != b.Size {
				return nil
			}
			if _, err := s.record(b); err != nil {
				return nil
			}
			return found(b)
		})
		out.Skipped += skipped
		if err != nil {
			return err
		}
	}
	for _, b := range lost {
		var read int64
		b.Pack, b.Offset = 0, 0
		bad, err := s.sound(ctx, b, store.CheckOptions{Content: true}, &read)
		if err == nil && bad == nil {
			err = found(b)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// scanPack calls f for every record of a pack, by its headers alone. Where
// there is none it looks for the next; it returns how often.
func (s *Store) scanPack(ctx context.Context, id int64, f func(offset int64, d manifest.Digest, size int64) error) (skipped int, err error) {
	p, err := s.packs.open(id)
	if err != nil {
		return 1, nil
	}
	defer p.release()
	end, err := p.Size()
	if err != nil {
		return 1, nil
	}
	var h [headerSize]byte
	for at := int64(len(packMagic)); at+headerSize <= end; {
		if err := ctx.Err(); err != nil {
			return skipped, err
		}
		if _, err := p.ReadAt(h[:], at); err != nil {
			return skipped + 1, nil
		}
		d, size, err := parseHeader(h[:])
		if err != nil {
			skipped++
			if at, err = nextRecord(p, at+1, end); err != nil {
				return skipped, nil
			}
			continue
		}
		if err := f(at, d, size); err != nil {
			return skipped, err
		}
		at += headerSize + size
	}
	return skipped, nil
}

// nextRecord returns the offset of the first header at or after at, or io.EOF.
func nextRecord(r io.ReaderAt, at, end int64) (int64, error) {
	buf := make([]byte, 64<<10)
	for at+headerSize <= end {
		n, err := r.ReadAt(buf[:min(int64(len(buf)), end-at)], at)
		if n < headerSize {
			return 0, errors.Join(io.EOF, err)
		}
		window := buf[:n]
		for i := 0; i+headerSize <= n; i++ {
			k := bytes.Index(window[i:], []byte(recordMagic))
			if k < 0 {
				break
			}
			if i += k; i+headerSize > n {
				break
			}
			if _, _, err := parseHeader(window[i:]); err == nil {
				return at + int64(i), nil
			}
		}
		at += int64(n - headerSize + 1)
	}
	return 0, io.EOF
}
