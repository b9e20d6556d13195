package delta

import (
	"fmt"
	"io"
)

// DiffOptions tune [Diff]. The zero value is good.
type DiffOptions struct {
	// Cache bounds what is kept of the bases and of the new file, in bytes each,
	// beside 24 MiB for the index. 0 means 12 MiB.
	Cache int64
}

// diffOwn is the least length in bytes of a copy from the new file itself: a shorter
// one costs more than the bytes do beside those that they replace.
const diffOwn = 192

// Diff returns ops that produce the new file src from the bases, with all
// files at hand. Every copy is verified byte by byte. In all bases together, up
// to 1.3 million strings are indexed, evenly spaced: in 30 MiB every common
// string of 47 bytes is found, in 1 GiB of 850. Errors are those of reading.
func Diff(src Source, bases []Source, opt DiffOptions) ([]Op, error) {
	if opt.Cache == 0 {
		opt.Cache = 8 << 20
	}
	text, extents := join(bases)
	f, err := newFinder(text, extents, src, finderOptions{cache: opt.Cache, own: src.Size, min: seedLen, minOwn: diffOwn, resync: resyncNear})
	if err != nil {
		return nil, fmt.Errorf("read basis: %w", err)
	}
	p := NewPlan(src, nil, PlanOptions{})
	f.out = p.add
	if err := f.search(Range{0, src.Size}, &match{}); err != nil {
		return nil, fmt.Errorf("compare files: %w", err)
	}
	return p.Ops(), nil
}

// joined is several files one after another.
type joined []extentSource

type extentSource struct {
	at int64
	Source
}

// join returns the bases as one text.
func join(bases []Source) (Source, []extent) {
	var (
		j  joined
		es []extent
		at int64
	)
	for i, b := range bases {
		if b.Size > 0 {
			j = append(j, extentSource{at, b})
			es = append(es, extent{at, Op{i, 0, b.Size}})
			at += b.Size
		}
	}
	return Source{j, at}, es
}

// ReadAt reads across the borders of the files.
func (j joined) ReadAt(b []byte, off int64) (int, error) {
	done := 0
	for _, f := range j {
		if done == len(b) {
			break
		}
		in := off + int64(done) - f.at
		if in < 0 || in >= f.Size {
			continue
		}
		piece := b[done:min(int64(len(b)), int64(done)+f.Size-in)]
		if err := f.readFull(piece, in); err != nil {
			return done, err
		}
		done += len(piece)
	}
	if done < len(b) {
		return done, io.EOF
	}
	return done, nil
}
