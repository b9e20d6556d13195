package archive

import "bytes"

// A special is a pax or GNU long-name header in front of a member, held back
// until the member is known.
type special struct {
	block   [blockSize]byte
	content []byte
	pad     []byte // what the file has of the padding
}

// maxSpecialSize is the longest content of a special header that is looked
// into; a longer one is a member like any other.
const maxSpecialSize = 64 << 10

func (s *special) typ() byte { return s.block[156] }

func isSpecial(typ byte) bool {
	return typ == typePax || typ == typePaxGlobal || typ == typeLongName || typ == typeLongTarget
}

// tarState is what the coding of a member takes from those before it. Both
// sides keep it in step.
type tarState struct {
	mtime    uint64 // of the member before
	special  uint64 // of the special header before
	patterns patterns
	texts    [maxPaxRecords][]byte // the last text value at each place of a pax header
}

// A resolved member is what its headers say together.
type resolved struct {
	full, link []byte
	long       bool // the name is in a special header
	records    [][]paxRecord
}

// resolve reads a member's name and link target out of all its headers. It
// reports false if they say more than coding can keep.
func resolve(specials []special, b *[blockSize]byte, maxName int) (r resolved, ok bool) {
	r.full, r.link = cString(b[:nameLen]), cString(b[linkOff:linkOff+linkLen])
	if p := cString(b[prefixOff : prefixOff+prefixLen]); string(b[257:263]) == "ustar\x00" && len(p) > 0 {
		r.full = append(append(bytes.Clone(p), '/'), r.full...)
	}
	for i := range specials {
		s := &specials[i]
		var recs []paxRecord
		switch s.typ() {
		case typeLongName:
			r.full, r.long = bytes.TrimSuffix(s.content, []byte{0}), true
		case typeLongTarget:
			r.link = bytes.TrimSuffix(s.content, []byte{0})
		default:
			if recs, ok = parsePax(s.content); !ok {
				return r, false
			}
		}
		r.records = append(r.records, recs)
	}
	for i := range specials {
		if specials[i].typ() != typePax {
			continue
		}
		for _, rec := range r.records[i] {
			switch kindOf(rec.key) {
			case paxPath:
				r.full, r.long = rec.value, true
			case paxTarget:
				r.link = rec.value
			}
		}
	}
	return r, len(r.full) <= maxName && len(r.link) <= maxName && r.implies(specials)
}

// implies reports whether every name in the special headers is the one
// resolved, so that the decoder can write it again.
func (r *resolved) implies(specials []special) bool {
	for i := range specials {
		s := &specials[i]
		switch s.typ() {
		case typeLongName:
			if !bytes.Equal(s.content, append(bytes.Clone(r.full), 0)) {
				return false
			}
		case typeLongTarget:
			if !bytes.Equal(s.content, append(bytes.Clone(r.link), 0)) {
				return false
			}
		case typePax:
			for _, rec := range r.records[i] {
				k := kindOf(rec.key)
				if k == paxPath && !bytes.Equal(rec.value, r.full) || k == paxTarget && !bytes.Equal(rec.value, r.link) {
					return false
				}
			}
		}
	}
	return true
}

// tarEncoder codes members into columns.
type tarEncoder struct {
	tarState
	cols    *columnSet
	names   *nameList
	links   *linkList
	table   shapeTable
	patch   sparseWriter
	pattern sparseWriter
	like    template // of the last member and
	liked   template // special header
	maxName int
}

// group codes one member with its special headers. It reports false, having
// changed nothing, if the special headers must be members of their own.
// overflow means the archive has too many shapes of headers.
func (t *tarEncoder) group(specials []special, b *[blockSize]byte) (size uint64, ok, overflow bool) {
	r, ok := resolve(specials, b, t.maxName)
	if !ok {
		return 0, false, false
	}
	tmpl, size, mtime := takeTemplate(b, &t.like)
	t.like = tmpl
	prefix := []byte(nil)
	if tmpl.ustar() {
		prefix = cString(b[prefixOff : prefixOff+prefixLen])
	}
	shape := tarShape{
		sized:  size != 0,
		linked: len(r.link) > 0,
		rule:   ruleFor(r.full, cString(b[:nameLen]), prefix, r.long),
		main:   &tmpl,
	}
	times := make([]uint64, len(specials))
	for i := range specials {
		st, _, tm := takeTemplate(&specials[i].block, &t.liked)
		t.liked, times[i] = st, tm
		sp := specialShape{tmpl: &st}
		for _, rec := range r.records[i] {
			sp.keys = append(sp.keys, rec.key)
		}
		shape.specials = append(shape.specials, sp)
	}
	n, ok := t.table.number(t.cols, &shape)
	if !ok {
		return 0, true, true
	}
	t.cols.uvarint(colShape, uint64(n))
	t.names.add(r.full)
	if shape.linked {
		t.links.add(r.link)
	}
	if shape.sized {
		t.cols.uvarint(colSize, size)
	}
	t.cols.varint(colTime, int64(mtime-t.mtime))
	t.mtime = mtime
	for i := range specials {
		t.special(&specials[i], shape.specials[i].tmpl, &r, r.records[i], times[i])
	}
	var want [blockSize]byte
	name, pre := shape.rule.fields(r.full)
	tmpl.block(&want, name, pre, r.link, size, mtime)
	t.patch.patch(t.cols, want[:], b[:])
	return size, true, false
}

// special codes one special header of the member r.
func (t *tarEncoder) special(s *special, tmpl *template, r *resolved, recs []paxRecord, time uint64) {
	switch {
	case time == t.mtime:
		t.cols.uvarint(colSpecial, 0)
	case time == t.tarState.special:
		t.cols.uvarint(colSpecial, 1)
	default:
		t.cols.uvarint(colSpecial, 2)
		t.cols.varint(colSpecial, int64(time-t.tarState.special))
	}
	t.tarState.special = time
	for i, rec := range recs {
		t.record(s.typ(), i, rec)
	}
	field := s.block[:nameLen]
	dir, base := dirBase(r.full)
	p := &t.patterns[patternSlot(s.typ(), dir)]
	if name := expandPattern(*p, dir, base); !bytes.Equal(name, cString(field)) {
		*p = derivePattern(cString(field), dir, base)
		t.pattern.hit(t.cols)
		t.cols.bytes(colPattern, *p)
	} else {
		t.pattern.skip()
	}
	var want [blockSize]byte
	tmpl.block(&want, expandPattern(*p, dir, base), nil, nil, uint64(len(s.content)), time)
	t.patch.patch(t.cols, want[:], s.block[:])
	t.padding(s.pad)
}

// record codes the i-th value of a pax header.
func (t *tarEncoder) record(typ byte, i int, rec paxRecord) {
	kind := kindOf(rec.key)
	if typ == typePaxGlobal {
		kind = paxText
	}
	switch kind {
	case paxTime:
		putStamp(t.cols, rec.value, t.mtime)
	case paxText:
		t.cols[colPax] = appendShared(t.cols[colPax], t.texts[i], rec.value)
		t.texts[i] = append(t.texts[i][:0], rec.value...)
	}
}

// padding codes what the file has between a member's end and the next block.
func (t *tarEncoder) padding(pad []byte) {
	if len(pad) > 0 {
		var zero [blockSize]byte
		t.patch.patch(t.cols, zero[:len(pad)], pad)
	}
}
