package archive

import (
	"bytes"
	"encoding/binary"
)

// A tarShape is what a member has in common with others like it: its template,
// those of the pax and GNU headers in front of it, and which fields are there.
type tarShape struct {
	sized    bool // the size is not 0
	linked   bool // there is a link target
	rule     splitRule
	main     *template
	specials []specialShape
}

// A specialShape is one header in front of a member.
type specialShape struct {
	tmpl *template
	keys [][]byte // of the pax records
}

// maxSpecials is the most headers in front of a member; one of each type.
const maxSpecials = 4

// maxShapes bounds the distinct shapes, and distinct templates, of an archive.
const maxShapes = 1 << 15

// shapeTable numbers shapes and templates in order of first use.
type shapeTable struct {
	shapes    map[string]int
	templates map[template]int
}

func newShapeTable() shapeTable {
	return shapeTable{map[string]int{}, map[template]int{}}
}

// number returns the number of s, defining it in colDef if it is new. It
// reports false when there are too many.
func (t *shapeTable) number(c *columnSet, s *tarShape) (int, bool) {
	key := s.key()
	if n, ok := t.shapes[key]; ok {
		return n, true
	}
	if len(t.shapes) >= maxShapes || len(t.templates) >= maxShapes {
		return 0, false
	}
	n := len(t.shapes)
	t.shapes[key] = n
	c[colDef] = append(c[colDef], s.flags(), byte(s.rule), byte(len(s.specials)))
	for _, sp := range s.specials {
		t.define(c, sp.tmpl)
		c.uvarint(colDef, uint64(len(sp.keys)))
		for _, k := range sp.keys {
			c.bytes(colDef, k)
		}
	}
	t.define(c, s.main)
	return n, true
}

func (t *shapeTable) define(c *columnSet, tmpl *template) {
	n, ok := t.templates[*tmpl]
	if !ok {
		n = len(t.templates)
		t.templates[*tmpl] = n
	}
	c.uvarint(colDef, uint64(n))
	if !ok {
		c[colDef] = append(c[colDef], tmpl[:]...)
	}
}

func (s *tarShape) flags() byte {
	f := byte(0)
	if s.sized {
		f |= 1
	}
	if s.linked {
		f |= 2
	}
	return f
}

// key is equal for equal shapes only.
func (s *tarShape) key() string {
	b := []byte{s.flags(), byte(s.rule), byte(len(s.specials))}
	for _, sp := range s.specials {
		b = append(b, sp.tmpl[:]...)
		b = append(b, byte(len(sp.keys)))
		for _, k := range sp.keys {
			b = binary.AppendUvarint(b, uint64(len(k)))
			b = append(b, k...)
		}
	}
	return string(append(b, s.main[:]...))
}

// shapeReader reads shapes back.
type shapeReader struct {
	shapes    []*tarShape
	templates []*template
	spent     int // bytes of keys and templates held
	max       int
}

func (r *shapeReader) next(c *columnReaders) *tarShape {
	n := c.uvarint(colShape)
	if c.err != nil {
		return nil
	}
	if n < uint64(len(r.shapes)) {
		return r.shapes[n]
	}
	if n > uint64(len(r.shapes)) || n >= maxShapes {
		c.fail(badRecipe("header shape"))
		return nil
	}
	s := r.define(c)
	if c.err != nil {
		return nil
	}
	r.shapes = append(r.shapes, s)
	return s
}

func (r *shapeReader) define(c *columnReaders) *tarShape {
	flags, rule, n := c.byte(colDef), c.byte(colDef), c.byte(colDef)
	if flags > 3 || rule >= numSplitRules || n > maxSpecials {
		c.fail(badRecipe("header shape"))
		return nil
	}
	s := &tarShape{sized: flags&1 != 0, linked: flags&2 != 0, rule: splitRule(rule)}
	for range n {
		sp := specialShape{tmpl: r.template(c)}
		for k := c.uvarint(colDef); k > 0 && c.err == nil; k-- {
			if len(sp.keys) == maxPaxRecords {
				c.fail(badRecipe("pax keys"))
				break
			}
			sp.keys = append(sp.keys, c.bytes(colDef, nil, maxPaxKey))
			r.spend(c, len(sp.keys[len(sp.keys)-1])+32)
		}
		s.specials = append(s.specials, sp)
	}
	s.main = r.template(c)
	r.spend(c, 64)
	return s
}

func (r *shapeReader) template(c *columnReaders) *template {
	n := c.uvarint(colDef)
	if n < uint64(len(r.templates)) {
		return r.templates[n]
	}
	if n > uint64(len(r.templates)) || n > maxShapes+maxSpecials {
		c.fail(badRecipe("header template"))
		return nil
	}
	t := new(template)
	copy(t[:], c.raw(colDef, nil, len(t)))
	r.templates = append(r.templates, t)
	r.spend(c, len(t))
	return t
}

func (r *shapeReader) spend(c *columnReaders, n int) {
	if r.spent += n; r.spent > r.max {
		c.fail(badRecipe("too many header shapes"))
	}
}

// Patterns make the names of pax and GNU headers from the name of their
// member: byte 1 stands for its directory, byte 2 for its last component.
const (
	patternDir  = 1
	patternBase = 2
)

// patterns remembers the last pattern for each type of header, apart for
// members with and without a directory.
type patterns [8][]byte

func patternSlot(typ byte, dir []byte) int {
	n := bytes.IndexByte([]byte{typePax, typePaxGlobal, typeLongName, typeLongTarget}, typ)
	if dir == nil {
		return n * 2
	}
	return n*2 + 1
}

// dirBase splits a member's name; dir is nil if there is no slash.
func dirBase(full []byte) (dir, base []byte) {
	full = bytes.TrimRight(full, "/")
	i := bytes.LastIndexByte(full, '/')
	if i < 0 {
		return nil, full
	}
	return full[:i:i], full[i+1:]
}

// expandPattern returns the name field that pattern makes.
func expandPattern(pattern, dir, base []byte) []byte {
	var name []byte
	for _, c := range pattern {
		switch c {
		case patternDir:
			name = append(name, dir...)
		case patternBase:
			name = append(name, base...)
		default:
			name = append(name, c)
		}
		if len(name) >= nameLen {
			return name[:nameLen]
		}
	}
	return name
}

// derivePattern returns a pattern that makes name.
func derivePattern(name, dir, base []byte) []byte {
	if bytes.IndexByte(name, patternDir) >= 0 || bytes.IndexByte(name, patternBase) >= 0 {
		return nil
	}
	p, tail := name, []byte(nil)
	if len(base) > 0 && bytes.HasSuffix(p, base) {
		p, tail = p[:len(p)-len(base)], []byte{patternBase}
	}
	if len(dir) > 0 && bytes.HasPrefix(p, dir) {
		return append(append([]byte{patternDir}, p[len(dir):]...), tail...)
	}
	return append(bytes.Clone(p), tail...)
}
