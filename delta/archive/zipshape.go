package archive

import "encoding/binary"

// A zipShape is what an entry has in common with others like it.
type zipShape struct {
	flags   byte
	kind    byte
	desc    byte // the data descriptor: one of descriptors
	dos     byte
	fixed   [16]byte // versions, flags and method; disk and attributes
	local   []extraShape
	central []extraShape
}

// The flags of a shape.
const (
	zipGlue     = 1 << 0 // bytes that belong to no entry come first
	zipReal     = 1 << 1 // the local header has CRC and sizes
	zipComment  = 1 << 2
	zipPlain    = 1 << 3 // the local header has nothing of that but the plain size
	zipEmpty    = 1 << 4 // the plain size is 0
	zipAllFlags = 1<<5 - 1
)

// What an entry's content in the plain stream is.
const (
	zipDeflated = 0 // inflated
	zipStored   = 1
	zipRaw      = 2 // compressed bytes as they are
	zipKinds    = 3
)

// sendsPacked reports whether the compressed length of an entry of that plain
// size is in colPacked: where it cannot be known before the local header is
// written. Up to inlinePlain bytes are deflated in memory first.
func (s *zipShape) sendsPacked(plain int64) bool {
	return s.kind == zipRaw || s.kind == zipDeflated && s.flags&zipReal != 0 && plain > inlinePlain
}

const (
	inlinePlain  = 1 << 20
	inlinePacked = 2 << 20 // what they may come to
)

// descriptors are the forms of a data descriptor: with a signature or not, and
// with 4 or 8 bytes for each size.
var descriptors = [...]struct{ sign, wide bool }{1: {true, false}, {false, false}, {true, true}, {false, true}}

// An extraShape is an extra field as far as a shape holds it.
type extraShape struct {
	id   int
	mode byte
	data []byte // literal, or with the times as zeros
}

// appendZipShape appends the coding of a shape.
func (s *zipShape) append(dst []byte, local, central []extraField, many bool) []byte {
	dst = append(dst, s.flags, s.kind, s.desc, s.dos)
	dst = append(dst, s.fixed[:]...)
	for _, fields := range [][]extraField{local, central} {
		dst = binary.AppendUvarint(dst, uint64(len(fields)))
		for i := range fields {
			dst = fields[i].appendShape(dst, many)
		}
	}
	return dst
}

// readZipShape is its inverse.
func readZipShape(b []byte) (*zipShape, error) {
	r := newRecipeReader(b)
	s := &zipShape{flags: r.Byte(), kind: r.Byte(), desc: r.Byte(), dos: r.Byte()}
	copy(s.fixed[:], r.Bytes(16))
	if s.flags > zipAllFlags || s.kind >= zipKinds || int(s.desc) >= len(descriptors) || s.dos > dosAlone {
		r.Fail("zip shape")
	}
	s.local = readExtraShapes(r)
	s.central = readExtraShapes(r)
	if r.Len() > 0 {
		r.Fail("zip shape too long")
	}
	return s, r.Err()
}

func readExtraShapes(r *recipeReader) (x []extraShape) {
	for n := r.Uvarint(1 << 14); n > 0 && r.Err() == nil; n-- {
		f := extraShape{id: int(r.Uvarint(1<<16)) - 1, mode: r.Byte()}
		switch f.mode {
		case extraLiteral:
			f.data = r.bytes(1 << 16)
		case extraOpaque:
		case extraTimes:
			k, flags := r.Byte(), r.Byte()
			if k > 13 || k%4 != 1 {
				r.Fail("times of a zip entry")
				break
			}
			f.data = make([]byte, k)
			f.data[0] = flags
		default:
			r.Fail("mode of an extra field")
		}
		x = append(x, f)
	}
	return x
}

// zipShapeReader reads shapes back.
type zipShapeReader struct {
	shapes []*zipShape
	spent  int
	max    int
}

// maxZipShape is the longest coding of a shape: both extra areas and the rest.
const maxZipShape = 2<<16 + 256

func (r *zipShapeReader) next(c *columnReaders) *zipShape {
	n := c.uvarint(colZip)
	if c.err != nil {
		return nil
	}
	if n < uint64(len(r.shapes)) {
		return r.shapes[n]
	}
	if n > uint64(len(r.shapes)) || n >= maxShapes {
		c.fail(badRecipe("zip shape"))
		return nil
	}
	b := c.bytes(colZipDef, nil, maxZipShape)
	if c.err != nil {
		return nil
	}
	s, err := readZipShape(b)
	if err != nil {
		c.fail(err)
		return nil
	}
	// An extra field of two bytes of coding takes about 48 in memory.
	if r.spent += 128 + len(b) + 48*(len(s.local)+len(s.central)); r.spent > r.max {
		c.fail(badRecipe("too many zip shapes"))
		return nil
	}
	r.shapes = append(r.shapes, s)
	return s
}
