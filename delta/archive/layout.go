package archive

import "hash/maphash"

// layouts reads through o's view, without its contents, and returns where the
// contents are in the stream of each gzip.
func (o *rebuilder) layouts(seed maphash.Seed) ([]stream, error) {
	l := &layout{}
	l.hash.SetSeed(seed)
	o.layout = l
	if o.head.format != Ar {
		s, err := l.gzip(o, 0)
		return []stream{s}, err
	}
	return l.ar(o)
}

// layout notes the pieces of a stream as it is made.
type layout struct {
	hash   maphash.Hash
	pieces []piece
	at     int64 // in the stream
	end    int64 // of the piece before
}

// Write takes what is not content.
func (l *layout) Write(p []byte) (int, error) {
	l.at += int64(len(p))
	return l.hash.Write(p)
}

// content takes a piece of content.
func (l *layout) content(r Range) {
	l.pieces = append(l.pieces, piece{plain: r.Off, stream: l.at, len: r.Len, before: l.hash.Sum64(), gap: l.at - l.end})
	l.hash.Reset()
	l.at += r.Len
	l.end = l.at
}

// ar lays out the gzips of an ar.
func (l *layout) ar(o *rebuilder) (all []stream, err error) {
	at := int64(len(arMagic))
	for range o.rec.Uvarint(maxArMembers) {
		h := o.rec.Bytes(arHeader)
		if o.rec.Err() != nil {
			return nil, o.rec.Err()
		}
		size, ok := arSize(h)
		if !ok {
			return nil, badRecipe("ar header")
		}
		at += arHeader
		if o.rec.Byte() == arRaw {
			_, err = o.take(int64(o.rec.Uvarint(uint64(o.lim.PlainSize))))
		} else {
			var s stream
			s, err = l.gzip(o, at)
			all = append(all, s)
		}
		if err != nil {
			return nil, err
		}
		at += size + int64(o.rec.Byte())
	}
	return all, o.rec.Err()
}

// gzip lays out one gzip that begins at at.
func (l *layout) gzip(o *rebuilder, at int64) (s stream, err error) {
	kind := o.rec.Byte()
	total := int64(0)
	for i := range o.rec.Uvarint(uint64(o.lim.Members)) {
		h := o.rec.same(nil, gzipHeaderMax)
		m := readGzipPart(o.rec, o.lim)
		if i == 0 {
			s.at, s.first, s.recipe = at+int64(len(h)), m.plain, m.recipe
		}
		if total += m.plain; o.rec.Err() != nil || total > o.lim.PlainSize {
			return s, badRecipe("gzip")
		}
	}
	raw := int64(o.rec.Uvarint(uint64(o.lim.PlainSize)))
	l.pieces, l.at, l.end = nil, 0, 0
	l.hash.Reset()
	if kind == innerTar {
		if part := readTarPart(o.rec, o.lim); o.rec.Err() == nil {
			err = o.tar.stream(l, part)
		}
	} else {
		err = o.content(l, total)
	}
	if err == nil {
		err = o.rec.Err()
	}
	s.pieces = l.pieces
	if err == nil {
		_, err = o.take(raw)
	}
	return s, err
}
