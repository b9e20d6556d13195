package delta

import "errors"

// Limits of a Plan.
const (
	MaxCopies = 1 << 19 // copies kept; matches beyond it are left literal
	MaxChain  = 32      // blocks compared for one window
)

// ErrOverlap is the error for a copy over bytes that are matched already.
var ErrOverlap = errors.New("copy overlaps another")

// PlanOptions tune a Plan. The zero value is good.
type PlanOptions struct {
	// RoundTrip is what a round costs beside its bytes, in bytes: headers and
	// the time of a round trip at the rate of the link. 0 means 200.
	RoundTrip int64
	// LiteralCost is what a literal byte is expected to cost after compression,
	// in bytes. 0: measured on a sample of what is missing.
	LiteralCost float64
	// MaxRounds ends the rounds after this many calls of Next. 0 means 8.
	MaxRounds int
	// MinBlock is the smallest block size to ask for, in bytes. 0 means 32.
	MinBlock int
	// Segments are the pieces of the new file that signatures of whole ranges
	// (BlockSize 0) are matched with, ascending and not overlapping: its
	// members, if it is the plain view of an archive.
	Segments []Range
}

// A BasisRequest asks for a signature of one of the bases of a Plan.
type BasisRequest struct {
	Basis int
	Request
}

// Stats counts what a Plan has done.
type Stats struct {
	Comparisons int64 // hashes compared with the hash of a window
	Strong      int64 // strong hashes computed over windows of the new file
	Rounds      int   // calls of Next that asked for something
}

// A Plan collects copies from bases that together with literals make up a new
// file. Keep one per file; it is not safe for concurrent use. The new file must
// not change meanwhile; if it does, the ops produce something else than either
// state, which the digest of the whole shows.
type Plan struct{}

// NewPlan returns a Plan for the new file src against bases of the given sizes
// in bytes; their indexes are the Basis of ops and requests. It reads nothing
// yet.
func NewPlan(src Source, bases []int64, opt PlanOptions) *Plan { return nil }

// Place records that the new file's bytes from at on equal those that op
// copies, without checking. It is for what the caller knows from elsewhere
// (members of equal digest). Errors wrap [ErrOverlap] or [ErrBadRequest].
func (p *Plan) Place(at int64, op Op) error { return nil }

// Match finds blocks of the signature in what is still missing. Among equal
// blocks it prefers the one that continues the copy before. Errors are those
// of reading the new file, or wrap [ErrBadRequest] if the signature does not
// fit the basis.
func (p *Plan) Match(basis int, sig *Signature) error { return nil }

// Next returns the requests of another round, at most one per basis, or
// nothing if no round is expected to save more bytes than it costs. Every
// request must be answered by Match before the next call, or is given up.
func (p *Plan) Next() []BasisRequest { return nil }

// Missing returns what of the new file is in no copy yet, ascending.
func (p *Plan) Missing() []Range { return nil }

// MissingBytes returns the total length of Missing.
func (p *Plan) MissingBytes() int64 { return 0 }

// Ops returns the ops that produce the new file from its first byte to its
// last.
func (p *Plan) Ops() []Op { return nil }

// Stats returns the counts so far.
func (p *Plan) Stats() Stats { return Stats{} }
