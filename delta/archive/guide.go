package archive

import (
	"cmp"
	"context"
	"hash/maphash"
	"io"
	"iter"
	"slices"
	"sort"

	"github.com/pubsync/pubsync/delta/deflate"
)

// A Copy says that Len bytes at New in a new plain stream equal those at Old in
// the plain stream of the basis.
type Copy struct {
	New, Old, Len int64
}

// A Guide lets [Rebuild] work from a basis: an archive like the one to be
// rebuilt, of which the caller has everything. The compressed bytes of a zip
// entry that is copied whole are copied too; elsewhere, where the new plain
// stream copies the old one, the basis's encoder's choices are followed
// instead of searched for again.
//
// A guide is advice. Rebuild ignores one that it cannot follow, but a false
// one, and in rare cases a true one (see [deflate.Guide]), makes it write the
// wrong bytes. The caller's digest shows that; rebuilding again without the
// guide is the cure.
type Guide struct {
	Basis     io.ReaderAt // the basis archive
	BasisSize int64

	BasisPlain     io.ReaderAt // its plain stream
	BasisPlainSize int64
	BasisRecipe    []byte

	// Copies ascend by New and do not overlap there.
	Copies []Copy
}

// basis is a guide made ready.
type basis struct {
	*Guide
	// For zips: the entries in file order, the same as in the directory.
	entries []basisEntry
	dir     *zipDirectory

	// For gzips: where the pieces of plain stream are in the streams that
	// were deflated, per gzip.
	old, new []stream
	ordered  []Copy // those of the copies that ascend in both
}

// A basisEntry is a zip entry of the basis.
type basisEntry struct {
	content Range // in its plain stream
	recipe  []byte
	inflate bool // the content is inflated
}

// A stream is the plain bytes of one gzip.
type stream struct {
	pieces []piece // ascending in both
	at     int64   // of the first deflate stream in the basis
	first  int64   // plain bytes of the first gzip member
	recipe []byte  // its deflate recipe
}

// A piece is a run of content in a stream.
type piece struct {
	plain, stream, len int64
	before             uint64 // hash of what the stream has between the piece before and this one
	gap                int64  // its length
}

// follow prepares for working from g.
func (j *rebuilder) follow(g *Guide, recipe []byte) error {
	b := &basis{Guide: g}
	o, err := newRebuilder(j.ctx, g.BasisPlain, g.BasisPlainSize, g.BasisRecipe, j.lim, inflater{})
	if err != nil || o.head.format != j.head.format {
		return j.ctx.Err()
	}
	switch j.head.format {
	case Zip:
		err = b.readZip(j.ctx, o)
	case TarGzip, Gzip, Ar:
		var n *rebuilder
		if n, err = newRebuilder(j.ctx, j.plain, j.end+j.head.total, recipe, j.lim, inflater{}); err != nil {
			return err
		}
		seed := maphash.MakeSeed()
		b.ordered = forward(g.Copies)
		if b.old, err = o.layouts(seed); err == nil {
			b.new, err = n.layouts(seed)
		}
	}
	if err == nil {
		j.guide = b
	}
	return j.ctx.Err()
}

// readZip reads the entries of the basis.
func (b *basis) readZip(ctx context.Context, o *rebuilder) (err error) {
	e := expander{ctx: ctx, lim: o.lim, src: b.Basis, size: b.BasisSize}
	if b.dir, err = e.directory(); err != nil {
		return err
	}
	p := readZipPart(o.rec, o.lim)
	if p.n != len(b.dir.entries) {
		o.rec.Fail("entries")
	}
	if o.rec.Err() != nil {
		return o.rec.Err()
	}
	z := newZipDecoder(o, io.Discard)
	for range p.n {
		parts, err := z.skip()
		if err != nil {
			return err
		}
		b.entries = append(b.entries, basisEntry{parts.content, parts.recipe, parts.shape.kind == zipDeflated})
	}
	return nil
}

// skip reads an entry without making it.
func (z *zipDecoder) skip() (*zipParts, error) {
	c := z.j.cols
	s, err := z.begin(func(n int64) error {
		_, err := z.j.take(n)
		return err
	})
	if err != nil {
		return nil, err
	}
	p, err := z.parts(s)
	if err == nil && s.flags&zipComment != 0 {
		c.bytes(colPax, nil, 0xffff)
	}
	if err == nil {
		err = c.err
	}
	return p, err
}

// entry finds the entry of the basis that the plain bytes at old are in.
func (b *basis) entry(old int64) (int, bool) {
	i := sort.Search(len(b.entries), func(i int) bool { return b.entries[i].content.End() > old })
	return i, i < len(b.entries) && b.entries[i].content.Off <= old
}

// packed returns the compressed bytes of the i-th entry of the basis.
func (b *basis) packed(i int) (Range, error) {
	e := &b.dir.entries[i]
	var h [zipLocalLen]byte
	if n, err := b.Basis.ReadAt(h[:], e.local); n < len(h) {
		return Range{}, noEOF(err)
	}
	return span(e.local+zipLocalLen+int64(h[26])+int64(h[27])<<8+int64(h[28])+int64(h[29])<<8, e.packed), nil
}

// copies returns the copies that touch the new plain bytes r.
func (b *basis) copies(r Range) []Copy {
	i := sort.Search(len(b.Copies), func(i int) bool { return b.Copies[i].New+b.Copies[i].Len > r.Off })
	k := i
	for k < len(b.Copies) && b.Copies[k].New < r.End() {
		k++
	}
	return b.Copies[i:k]
}

// whole returns the compressed bytes of the basis's entry that the new
// plain bytes r copy from end to end, if its recipe is the same too.
func (b *basis) whole(r Range, recipe []byte) (Range, bool) {
	cs := b.copies(r)
	if len(cs) != 1 || cs[0].New > r.Off || cs[0].New+cs[0].Len < r.End() || r.Len == 0 {
		return Range{}, false
	}
	old := cs[0].Old + r.Off - cs[0].New
	i, ok := b.entry(old)
	if !ok || !b.entries[i].inflate || b.entries[i].content != (span(old, r.Len)) || string(b.entries[i].recipe) != string(recipe) {
		return Range{}, false
	}
	p, err := b.packed(i)
	return p, err == nil
}

// part returns a guide for an entry whose plain bytes are r: the entry of the
// basis that most of it comes from.
func (b *basis) part(r Range) *deflate.Guide {
	cs := b.copies(r)
	if len(cs) == 0 {
		return nil
	}
	most := slices.MaxFunc(cs, func(x, y Copy) int { return cmp.Compare(x.Len, y.Len) })
	i, ok := b.entry(max(most.Old, most.Old+r.Off-most.New))
	if !ok || !b.entries[i].inflate {
		return nil
	}
	at, err := b.packed(i)
	if err != nil {
		return nil
	}
	from := b.entries[i].content
	return &deflate.Guide{
		Old:    io.NewSectionReader(b.Basis, at.Off, at.Len),
		Recipe: b.entries[i].recipe,
		Copies: func(yield func(deflate.Copy) bool) {
			for _, c := range forward(cs) {
				d, ok := cut(c, r, from)
				if ok && !yield(deflate.Copy{New: d.New - r.Off, Old: d.Old - from.Off, Len: d.Len}) {
					return
				}
			}
		},
	}
}

// cut returns what of c copies from the range from to the range to.
func cut(c Copy, to, from Range) (Copy, bool) {
	skip := max(0, to.Off-c.New, from.Off-c.Old)
	c.New, c.Old, c.Len = c.New+skip, c.Old+skip, c.Len-skip
	c.Len = min(c.Len, to.End()-c.New, from.End()-c.Old)
	return c, c.Len > 0
}

// stream returns a guide for the first member of the n-th gzip.
func (b *basis) stream(n int) *deflate.Guide {
	if n >= len(b.old) || n >= len(b.new) || b.old[n].at == 0 {
		return nil
	}
	o, w := &b.old[n], &b.new[n]
	return &deflate.Guide{
		Old:    io.NewSectionReader(b.Basis, o.at, b.BasisSize-o.at),
		Recipe: o.recipe,
		Copies: clip(translate(b.ordered, w.pieces, o.pieces), w.first, o.first),
	}
}

// translate turns copies between plain streams into copies between the streams
// whose pieces are given: it cuts them at the pieces' ends and adds what is
// equal between the pieces, such as headers.
func translate(copies []Copy, new, old []piece) iter.Seq[deflate.Copy] {
	return func(yield func(deflate.Copy) bool) {
		i := 0
		for _, c := range copies {
			for c.Len > 0 {
				for i < len(new) && new[i].plain+new[i].len <= c.New {
					i++
				}
				k := sort.Search(len(old), func(k int) bool { return old[k].plain+old[k].len > c.Old })
				if i == len(new) || k == len(old) {
					break
				}
				n, o := &new[i], &old[k]
				if skip := max(n.plain-c.New, o.plain-c.Old); skip > 0 {
					c = Copy{c.New + skip, c.Old + skip, c.Len - skip}
					continue
				}
				d, _ := cut(c, span(n.plain, n.len), span(o.plain, o.len))
				if d.New == n.plain && d.Old == o.plain && n.gap == o.gap && n.gap > 0 && n.before == o.before &&
					!yield(deflate.Copy{New: n.stream - n.gap, Old: o.stream - o.gap, Len: n.gap}) {
					return
				}
				if !yield(deflate.Copy{New: n.stream + d.New - n.plain, Old: o.stream + d.Old - o.plain, Len: d.Len}) {
					return
				}
				c = Copy{c.New + d.Len, c.Old + d.Len, c.Len - d.Len}
			}
		}
	}
}

// clip ends copies at the lengths of both streams.
func clip(seq iter.Seq[deflate.Copy], new, old int64) iter.Seq[deflate.Copy] {
	return func(yield func(deflate.Copy) bool) {
		for c := range seq {
			if c.New >= new {
				return
			}
			if c.Len = min(c.Len, new-c.New, old-c.Old); c.Len > 0 && !yield(c) {
				return
			}
		}
	}
}
