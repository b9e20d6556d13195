package archive

import (
	"bytes"
	"fmt"
	"strconv"
)

// The layout of a tar header: POSIX.1-2017, pax, "ustar Interchange Format".
const (
	blockSize = 512

	nameLen, prefixLen = 100, 155
	linkOff, linkLen   = 157, 100
	prefixOff          = 345
)

// Member types.
const (
	typeLink       = '1'
	typeFifo       = '6'
	typePax        = 'x'
	typePaxGlobal  = 'g'
	typeLongName   = 'L'
	typeLongTarget = 'K'
)

// A template is what is left of a header block without name, link target,
// sizes, times and checksum: what most members of an archive share.
type template [128]byte

// Where in a template each part is, and from where in a block it comes.
const (
	tmplType  = 24
	tmplSize  = 125 // the style of the size field
	tmplTime  = 126 // that of the mtime field
	tmplCheck = 127 // that of the checksum
)

var templateParts = [...]struct{ at, from, to int }{
	{0, 100, 124},        // mode, uid, gid
	{tmplType, 156, 157}, // type
	{25, 257, 345},       // magic, version, uname, gname, device numbers
	{113, 500, 512},      // star's magic or padding
}

func (t *template) ustar() bool { return string(t[25:31]) == "ustar\x00" }

// takeTemplate reads the template, the size and the mtime off a header block.
// Where a number's form is ambiguous, the one used in like is taken.
func takeTemplate(b *[blockSize]byte, like *template) (t template, size, mtime uint64) {
	for _, p := range templateParts {
		copy(t[p.at:], b[p.from:p.to])
	}
	size, t[tmplSize] = parseField(b[124:136], like[tmplSize], numberStyles)
	mtime, t[tmplTime] = parseField(b[136:148], like[tmplTime], numberStyles)
	sum, _ := checksum(b)
	t[tmplCheck] = formOf(b[148:156], sum, like[tmplCheck], checkStyles)
	return t, size, mtime
}

// block writes the header block that t and the other fields make to b.
func (t *template) block(b *[blockSize]byte, name, prefix, link []byte, size, mtime uint64) {
	*b = [blockSize]byte{}
	for _, p := range templateParts {
		copy(b[p.from:p.to], t[p.at:])
	}
	copy(b[:nameLen], name)
	copy(b[linkOff:linkOff+linkLen], link)
	if prefix != nil {
		copy(b[prefixOff:prefixOff+prefixLen], prefix)
	}
	putField(b[124:136], size, t[tmplSize])
	putField(b[136:148], mtime, t[tmplTime])
	sum, _ := checksum(b)
	putField(b[148:156], sum, t[tmplCheck])
}

// checksum returns the sum of a header's bytes, its checksum field counting as
// spaces, and the same over signed bytes, which old tars wrote.
func checksum(b *[blockSize]byte) (unsigned uint64, signed int64) {
	for i, c := range b {
		if i >= 148 && i < 156 {
			c = ' '
		}
		unsigned += uint64(c)
		signed += int64(int8(c))
	}
	return unsigned, signed
}

// isHeader reports whether b carries its own checksum.
func isHeader(b *[blockSize]byte) bool {
	v, ok := parseOctal(b[148:156])
	if !ok {
		return false
	}
	unsigned, signed := checksum(b)
	return v == unsigned || int64(v) == signed
}

func isZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// The forms in which writers put numbers into fields. The numbers are part of
// the coding of a template.
const (
	styleDigitsNul      = 0 // 00000000644 NUL: most
	styleDigitsSpaceNul = 1 // 0000000644 space NUL, longer ones as style 0: Node
	styleDigitsSpace    = 2 // 00000000644 space
	styleDigits         = 3 // all digits
	styleBinary         = 4 // GNU's base 256
	styleEmpty          = 5 // NULs for 0
	styleSpacesSpace    = 6 // right-aligned, then a space: V7
	styleSpacesNul      = 7
	styleDigitsNulSpace = 8 // 000644 NUL space: checksums
	styleSpacesNulSpace = 9
)

var (
	numberStyles = []byte{styleDigitsNul, styleDigitsSpaceNul, styleDigitsSpace, styleDigits, styleBinary, styleEmpty, styleSpacesSpace, styleSpacesNul}
	checkStyles  = []byte{styleDigitsNulSpace, styleDigitsSpaceNul, styleDigitsNul, styleDigits, styleSpacesNulSpace, styleSpacesSpace, styleSpacesNul}
)

// parseField returns the number in a field and its style, like if that fits. A
// field that fits none counts as 0 in the first style; a patch repairs it.
func parseField(f []byte, like byte, styles []byte) (uint64, byte) {
	v, ok := parseOctal(f)
	if f[0] == 0x80 {
		v, ok = 0, isZero(f[1:len(f)-8])
		for _, c := range f[len(f)-8:] {
			v = v<<8 | uint64(c)
		}
	}
	if !ok {
		v = 0
	}
	return v, formOf(f, v, like, styles)
}

// formOf returns the style in which v makes the field f.
func formOf(f []byte, v uint64, like byte, styles []byte) byte {
	var buf [12]byte
	b := buf[:len(f)]
	if putField(b, v, like); bytes.Equal(b, f) && bytes.IndexByte(styles, like) >= 0 {
		return like
	}
	for _, s := range styles {
		if putField(b, v, s); bytes.Equal(b, f) {
			return s
		}
	}
	return styles[0]
}

// parseOctal reads digits after spaces up to the first other byte.
func parseOctal(f []byte) (v uint64, ok bool) {
	f = bytes.TrimLeft(f, " \x00")
	for i, c := range f {
		if c == ' ' || c == 0 {
			return v, i > 0
		}
		if c < '0' || c > '7' || v>>60 != 0 {
			return 0, false
		}
		v = v<<3 | uint64(c-'0')
	}
	return v, len(f) > 0
}

// putField writes v to the field f in the given style, in a longer one of the
// same family if it does not fit, and as NULs if none fits.
func putField(f []byte, v uint64, style byte) {
	clear(f)
	var buf [24]byte
	digits := strconv.AppendUint(buf[:0], v, 8)
	n := len(f)
	switch style {
	case styleBinary:
		f[0] = 0x80
		for i := range 8 {
			f[n-1-i] = byte(v >> (8 * i))
		}
	case styleEmpty:
	case styleDigits:
		putDigits(f, digits, '0')
	case styleDigitsSpace:
		putDigits(f[:n-1], digits, '0')
		f[n-1] = ' '
	case styleDigitsSpaceNul:
		if len(digits) >= n-1 {
			putDigits(f[:n-1], digits, '0')
			return
		}
		putDigits(f[:n-2], digits, '0')
		f[n-2] = ' '
	case styleDigitsNulSpace:
		putDigits(f[:n-2], digits, '0')
		f[n-1] = ' '
	case styleSpacesSpace:
		putDigits(f[:n-1], digits, ' ')
		f[n-1] = ' '
	case styleSpacesNul:
		putDigits(f[:n-1], digits, ' ')
	case styleSpacesNulSpace:
		putDigits(f[:n-2], digits, ' ')
		f[n-1] = ' '
	default:
		putDigits(f[:n-1], digits, '0')
	}
}

func putDigits(f, digits []byte, fill byte) {
	if len(digits) > len(f) {
		return
	}
	k := len(f) - len(digits)
	for i := range f[:k] {
		f[i] = fill
	}
	copy(f[k:], digits)
}

// hasContent reports whether bytes follow the header of a member of type typ,
// whatever its size field says: none do for links, devices, directories, fifos.
func hasContent(typ byte) bool { return typ < typeLink || typ > typeFifo }

// cString returns f up to its first NUL.
func cString(f []byte) []byte {
	if i := bytes.IndexByte(f, 0); i >= 0 {
		return f[:i]
	}
	return f
}

// A splitRule says how a long name is put into the name and prefix fields.
type splitRule byte

const (
	splitLongest     splitRule = 0 // the longest prefix that fits: GNU tar, Go, Node
	splitShortest    splitRule = 1 // the shortest that leaves a name that fits: Python
	splitTruncate    splitRule = 2 // no prefix; the full name is elsewhere
	splitTruncateNul splitRule = 3 // the same, with a NUL at the end: old GNU tar
	numSplitRules              = 4
)

// fields returns the name and prefix fields of a full name.
func (r splitRule) fields(full []byte) (name, prefix []byte) {
	if r == splitTruncateNul {
		return full[:min(len(full), nameLen-1)], nil
	}
	if len(full) <= nameLen || r == splitTruncate {
		return full, nil
	}
	cut := -1
	if r == splitLongest {
		cut = bytes.LastIndexByte(bytes.TrimRight(full[:min(len(full), prefixLen+1)], "/"), '/')
		if len(full) > prefixLen+1 || full[len(full)-1] != '/' {
			cut = bytes.LastIndexByte(full[:min(len(full), prefixLen+1)], '/')
		}
	} else {
		for i, c := range full {
			if c == '/' && i <= prefixLen && len(full)-i-1 <= nameLen {
				cut = i
				break
			}
		}
	}
	if cut <= 0 || len(full)-cut-1 > nameLen || cut == len(full)-1 {
		return full, nil
	}
	return full[cut+1:], full[:cut]
}

// ruleFor returns the rule by which full fills name and prefix fields, or the
// nearest one.
func ruleFor(full, name, prefix []byte, long bool) splitRule {
	for r := range splitRule(numSplitRules) {
		n, p := r.fields(full)
		if bytes.Equal(n[:min(len(n), nameLen)], name) && bytes.Equal(p, prefix) {
			return r
		}
	}
	if long {
		return splitTruncate
	}
	return splitLongest
}

func badRecipe(what string) error { return fmt.Errorf("%w: %s", ErrBadRecipe, what) }
