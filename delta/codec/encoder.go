package codec

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"github.com/pubsync/pubsync/delta"
)

// EncodeOptions say how to make parts.
type EncodeOptions struct {
	// Limit is the most encoded bytes in one part, at least MinLimit. 0 means 1 MiB.
	Limit int
	// Level of compression.
	Level Level
	// BestBytes, if not 0, is how many bytes of literals levels Best and above are good
	// for, whole parts of them: those after are coded at Default.
	BestBytes int64
	// NumBases is how many bases the ops may copy from: as many as Apply will
	// be given. Ignored if Bases is set.
	NumBases int
	// Bases are the bases themselves if they are at hand, all of them. Literals
	// are then primed with more of their bytes.
	Bases []delta.Source
	// Start is the offset in the new file from which parts are wanted: what is
	// before it has arrived already.
	Start int64
}

// An Encoder cuts ops and the literals of the new file into parts. It is not
// safe for concurrent use.
type Encoder struct {
	coder       *Coder
	src         delta.Source
	opt         EncodeOptions
	ops         []delta.Op
	pos         position // of the next part
	start       int64    // of the next part in the new file
	maxLiterals int64    // bytes in a part
	sent        int64    // bytes of literals in parts before
	weight      int64    // how much to take at once, see opWeight
	steps       []step
	literals    []byte
	coded       []byte // steps
	model       stepModel
	pieces      []piece // that the steps come to, see appendPieces
	starts      []int64 // of ops in the new file, if any copies from itself
	dict        []byte
	taken       []delta.Op // the pieces of ops that the steps are made of
}

// opWeight is the most bytes that the columns of one step take.
const opWeight = 40

// NewEncoder returns an Encoder for the ops that produce src, as [delta.Plan]
// or [delta.Diff] made them.
func (c *Coder) NewEncoder(src delta.Source, ops []delta.Op, opt EncodeOptions) *Encoder {
	if opt.Limit == 0 {
		opt.Limit = defaultLimit
	}
	opt.Limit = max(opt.Limit, MinLimit)
	if opt.Bases != nil {
		opt.NumBases = len(opt.Bases)
	}
	e := &Encoder{coder: c, src: src, opt: opt, ops: ops, maxLiterals: MaxLiterals}
	e.weight = min(4*int64(opt.Limit), MaxLiterals)
	if opt.Level == Stored {
		e.weight = int64(opt.Limit) - partHead
	}
	e.survey()
	for e.pos.op < len(ops) && e.start < opt.Start {
		n := min(ops[e.pos.op].Len, opt.Start-e.start)
		e.pos.advance(ops, n)
		e.start += n
	}
	return e
}

// survey looks through the ops once for what later steps need to know.
func (e *Encoder) survey() {
	self, literals := false, int64(0)
	for i := range e.ops {
		e.opt.NumBases = max(e.opt.NumBases, e.ops[i].Basis+1)
		self = self || e.ops[i].Basis == delta.Self
		if e.ops[i].Basis == delta.Literal {
			literals += e.ops[i].Len
		}
	}
	if e.opt.Level == Dense && literals > maxMixedFile {
		e.opt.Level = Best
	}
	if e.opt.Level == Dense {
		e.maxLiterals = maxMixed
	}
	if !self {
		return
	}
	e.starts = make([]int64, len(e.ops))
	at := int64(0)
	for i := range e.ops {
		e.starts[i] = at
		at += e.ops[i].Len
	}
}

// A position is a place in a list of ops: done bytes of ops[op] lie before it.
type position struct {
	op   int
	done int64
}

// rest returns what is left of the op at the position.
func (p position) rest(ops []delta.Op) delta.Op {
	op := ops[p.op]
	return delta.Op{Basis: op.Basis, Off: op.Off + p.done, Len: op.Len - p.done}
}

// advance moves on by n bytes, at most to the end of the op.
func (p *position) advance(ops []delta.Op, n int64) {
	if p.done += n; p.done == ops[p.op].Len {
		*p = position{op: p.op + 1}
	}
}

// Next appends the next part to dst and returns the extended buffer and how
// many bytes of the new file the part covers. After the last part it returns
// [io.EOF]. A new file of no bytes has no parts. Other errors are those of
// reading the new file or a basis.
func (e *Encoder) Next(dst []byte) (part []byte, covered int64, err error) {
	if e.pos.op == len(e.ops) {
		return dst, 0, io.EOF
	}
	for {
		end, n, weight := e.take()
		if e.literals, err = e.readLiterals(); err != nil {
			return dst, 0, fmt.Errorf("read new file: %w", err)
		}
		part, err = e.encode(dst, n)
		if err != nil {
			return dst, 0, err
		}
		size := int64(len(part) - len(dst))
		if size > int64(e.opt.Limit) {
			// Stored, weight bytes always fit, so this ends.
			e.weight = max(min(weight/2, weight*int64(e.opt.Limit)/size*7/8), int64(e.opt.Limit)-partHead)
			if weight <= e.weight {
				e.weight = weight / 2
			}
			continue
		}
		e.weight = min(max(weight*int64(e.opt.Limit)/max(size, 1)*7/8, int64(e.opt.Limit)/2), 2*MaxLiterals)
		e.pos, e.start = end, e.start+n
		e.sent += int64(len(e.literals))
		return part, n, nil
	}
}

// take collects the steps of the next part and returns the position after
// them, the bytes of output they cover, and their weight.
func (e *Encoder) take() (pos position, n, weight int64) {
	e.steps, e.taken, e.pieces = e.steps[:0], e.taken[:0], e.pieces[:0]
	literals := int64(0)
	for pos = e.pos; pos.op < len(e.ops) && weight < e.weight && n < MaxPartOutput && len(e.steps) < MaxOps; {
		op := e.resolve(pos.rest(e.ops))
		op.Len = min(op.Len, MaxPartOutput-n)
		weight += opWeight
		if op.Basis == delta.Literal {
			op.Len = min(op.Len, max(e.weight-weight, 1), e.maxLiterals-literals)
			if op.Len == 0 {
				break
			}
			weight += op.Len
			literals += op.Len
		}
		if !e.addStep(op, n) {
			break
		}
		pos.advance(e.ops, op.Len)
		n += op.Len
	}
	return pos, n, weight
}

// resolve returns op, or if it copies what was made before this part, the first
// piece of what that came from.
func (e *Encoder) resolve(op delta.Op) delta.Op {
	for op.Basis == delta.Self && op.Off < e.start {
		i, found := slices.BinarySearch(e.starts, op.Off)
		if !found {
			i--
		}
		skip := op.Off - e.starts[i]
		from := e.ops[i]
		op = delta.Op{Basis: from.Basis, Off: from.Off + skip, Len: min(op.Len, from.Len-skip)}
	}
	return op
}

// addStep appends a piece of an op that starts at offset n of the part's
// output, or reports that the part is full.
func (e *Encoder) addStep(op delta.Op, n int64) bool {
	if op.Basis == delta.Self {
		op.Off -= e.start
	}
	pieces, err := appendPieces(e.pieces, n, op)
	if err != nil && len(e.steps) > 0 {
		return false
	}
	e.pieces = pieces
	e.taken = append(e.taken, op)
	last := len(e.steps) - 1
	open := last >= 0 && e.steps[last].copy.Len == 0
	switch {
	case op.Basis == delta.Literal && open:
		e.steps[last].literal += op.Len
	case op.Basis == delta.Literal:
		e.steps = append(e.steps, step{literal: op.Len})
	case open:
		e.steps[last].copy = op
	default:
		e.steps = append(e.steps, step{copy: op})
	}
	return true
}

// readLiterals reads the literals of the steps.
func (e *Encoder) readLiterals() ([]byte, error) {
	b := e.literals[:0]
	for _, op := range e.taken {
		if op.Basis != delta.Literal {
			continue
		}
		n := len(b)
		b = append(b, make([]byte, op.Len)...)
		if got, err := e.src.ReadAt(b[n:], op.Off); got < int(op.Len) {
			return b, notEOF(err)
		}
	}
	return b, nil
}

// Flags of a part.
const (
	flagOps      = 1 << 0 // there are ops; else all is one literal
	flagLiterals = 1 << 1 // literals are compressed
	flagPrimed   = 1 << 2 // with a dictionary from the bases
	flagMixed    = 1 << 3 // literals are coded with a mixModel
	flagsUnknown = ^byte(1<<4 - 1)
)

// partHead bounds the bytes of a part that are neither ops nor literals.
const partHead = 64

// encode appends the part of the steps, which cover n bytes.
func (e *Encoder) encode(dst []byte, n int64) ([]byte, error) {
	flags := byte(0)
	head := len(dst)
	dst = append(dst, kindPart, 0)
	dst = binary.AppendUvarint(dst, uint64(n))
	if len(e.steps) > 1 || e.steps[0].copy.Len > 0 {
		flags |= flagOps
		e.coded = e.model.appendSteps(e.coded[:0], e.steps)
		dst = binary.AppendUvarint(dst, uint64(len(e.coded)))
		dst = append(dst, e.coded...)
	}
	dst, literal, err := e.appendLiterals(dst)
	dst[head+1] = flags | literal
	return dst, err
}

// minCompress is the least literal bytes worth compressing.
const minCompress = 24

// appendLiterals appends the literals in the smallest form and returns its
// flags.
func (e *Encoder) appendLiterals(dst []byte) ([]byte, byte, error) {
	lits := e.literals
	if len(lits) < minCompress || e.opt.Level == Stored {
		return append(dst, lits...), 0, nil
	}
	start := len(dst)
	if e.opt.Level == Dense && len(e.steps) > 1 {
		mixed, ok, err := e.appendMixed(dst)
		if ok || err != nil {
			return mixed, flagMixed, err
		}
	}
	if ps, p := e.prime(); len(ps) > 0 {
		var err error
		if e.dict, err = e.readDictionary(e.dict[:0], ps, p); err != nil {
			return dst, 0, err
		}
		dst = binary.AppendUvarint(dst, uint64(p.inside))
		dst = binary.AppendUvarint(dst, uint64(p.outside))
		dst = e.coder.compress(dst, lits, e.dict, e.level())
		if len(dst)-start < len(lits) {
			return dst, flagLiterals | flagPrimed, nil
		}
		dst = dst[:start]
	}
	dst = e.coder.compress(dst, lits, nil, e.level())
	if len(dst)-start < len(lits) {
		return dst, flagLiterals, nil
	}
	return append(dst[:start], lits...), 0, nil
}

// level is the level of compression of this part.
func (e *Encoder) level() Level {
	if e.opt.BestBytes > 0 && e.sent >= e.opt.BestBytes && e.opt.Level >= Best && e.opt.Level != Stored {
		return Default
	}
	return e.opt.Level
}
