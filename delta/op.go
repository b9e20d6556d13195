package delta

// What an [Op] has for a Basis if it copies from none.
const (
	Literal = -1 // its bytes are in no basis
	Self    = -2 // they are what earlier ops made
)

// An Op produces the next Len bytes of the new file.
type Op struct {
	Basis int   // index of the basis to copy from, or Literal, or Self
	Off   int64 // in that basis; for a literal and for Self, in the new file
	Len   int64 // bytes, more than 0; for Self, Off+Len is not beyond where the op starts
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
