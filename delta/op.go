package delta

// Literal is the Basis of an [Op] whose bytes are in no basis.
const Literal = -1

// An Op produces the next Len bytes of the new file.
type Op struct {
	Basis int   // index of the basis to copy from, or Literal
	Off   int64 // in that basis; for a literal, in the new file
	Len   int64 // bytes, more than 0
}

// A Range is a piece of a file, in bytes.
type Range struct{ Off, Len int64 }

// End returns the offset after the range.
func (r Range) End() int64 { return r.Off + r.Len }

// total returns the bytes of all ranges.
func total(rs []Range) int64 {
	var n int64
	for _, r := range rs {
		n += r.Len
	}
	return n
}
