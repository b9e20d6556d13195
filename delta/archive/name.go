package archive

import (
	"bytes"
	"encoding/binary"
	"hash/fnv"
)

// nameList collects member names while an archive is taken apart, each coded
// against the one before, and finds the prefix that all share. Only at the end
// is that prefix known and can the column be written without it.
type nameList struct {
	coded  []byte // per name: uvarint shared, uvarint len(suffix), suffix
	prev   []byte
	common []byte // what all names begin with
	n      int
}

func (l *nameList) add(name []byte) {
	if l.n == 0 {
		l.common = append([]byte(nil), name...)
	}
	l.common = l.common[:shared(l.common, name)]
	l.coded = appendShared(l.coded, l.prev, name)
	l.prev = append(l.prev[:0], name...)
	l.n++
}

// root is the common prefix up to its last slash.
func (l *nameList) root() []byte {
	return l.common[:bytes.LastIndexByte(l.common, '/')+1]
}

// all calls f with each name in turn; f must not keep it.
func (l *nameList) all(f func(i int, name []byte)) {
	var name []byte
	for i, b := 0, l.coded; len(b) > 0; i++ {
		k, n := binary.Uvarint(b)
		b = b[n:]
		s, n := binary.Uvarint(b)
		b = b[n:]
		name = append(name[:k], b[:s]...)
		b = b[s:]
		f(i, name)
	}
}

func shared(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

func appendShared(dst, prev, name []byte) []byte {
	k := shared(prev, name)
	dst = binary.AppendUvarint(dst, uint64(k))
	dst = binary.AppendUvarint(dst, uint64(len(name)-k))
	return append(dst, name[k:]...)
}

// nameKey is the key of a member in [View.Keys], never that of a column.
func nameKey(name []byte) uint32 {
	h := fnv.New32a()
	h.Write(name)
	return max(h.Sum32(), 1<<8)
}

// nameReader reads names back from their column.
type nameReader struct {
	root []byte
	prev []byte
	max  int
}

// next appends the next full name to dst.
func (r *nameReader) next(c *columnReaders, dst []byte) []byte {
	k := c.uvarint(colName)
	if k > uint64(len(r.prev)) {
		c.fail(badRecipe("member name"))
		return dst
	}
	r.prev = c.bytes(colName, r.prev[:k], r.max-int(k))
	dst = append(dst, r.root...)
	return append(dst, r.prev...)
}

// linkList collects link targets, coded like names but against the root only:
// hard links name members.
type linkList struct {
	coded []byte // per target: uvarint length, bytes
}

func (l *linkList) add(target []byte) {
	l.coded = binary.AppendUvarint(l.coded, uint64(len(target)))
	l.coded = append(l.coded, target...)
}

// appendTo writes the column: per target a length, doubled, plus one if the
// root was cut off its front.
func (l *linkList) appendTo(dst, root []byte) []byte {
	for b := l.coded; len(b) > 0; {
		s, n := binary.Uvarint(b)
		t := b[n : n+int(s)]
		b = b[n+int(s):]
		cut := uint64(0)
		if len(root) > 0 && bytes.HasPrefix(t, root) {
			t, cut = t[len(root):], 1
		}
		dst = binary.AppendUvarint(dst, uint64(len(t))<<1|cut)
		dst = append(dst, t...)
	}
	return dst
}

// nextLink appends the next link target to dst.
func (r *nameReader) nextLink(c *columnReaders, dst []byte) []byte {
	n := c.uvarint(colLink)
	if n>>1 > uint64(r.max) {
		c.fail(badRecipe("link target"))
		return dst
	}
	if n&1 != 0 {
		dst = append(dst, r.root...)
	}
	return c.raw(colLink, dst, int(n>>1))
}
