package deflate

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// recipeVersion is the first byte of a recipe.
const recipeVersion = 1

// Flags of a segment's record.
const (
	recLast    = 1 << iota // the stream ends with this segment
	recModel               // another model than the stream's
	recCount               // the number of blocks is given
	recBlocks              // some blocks depart from the plan
	recSparse              // some tokens depart from the model: a list
	recDense               // many tokens do: an arithmetic code
	recPadding             // the bits after the stream are not all zero
)

// A record is what a recipe holds of one segment.
type record struct {
	last    bool
	plain   int    // bytes of the segment, -1 for all that is left
	model   Model  // the segment's model
	count   int    // number of blocks, -1 as planned
	blocks  []byte // exceptions from the plan
	sparse  []byte
	dense   []byte
	padding uint8
	steps   int64 // that it took to make; not coded
	looked  int64 // plain bytes that were compared for it; not coded
}

// exact reports whether the record corrects nothing.
func (r *record) exact() bool {
	return r.count < 0 && len(r.blocks) == 0 && len(r.sparse) == 0 && len(r.dense) == 0 && r.padding == 0
}

func (r *record) corrections() int { return len(r.blocks) + len(r.sparse) + len(r.dense) }

// append codes the record of segment i; before is the model of the segment
// before it, or for the first that of the stream.
func (r *record) append(b []byte, i int, before Model) []byte {
	flags := byte(0)
	set := func(on bool, f byte) {
		if on {
			flags |= f
		}
	}
	set(r.last, recLast)
	set(r.model != before, recModel)
	set(r.count >= 0, recCount)
	set(len(r.blocks) > 0, recBlocks)
	set(len(r.sparse) > 0, recSparse)
	set(len(r.dense) > 0, recDense)
	set(r.padding != 0, recPadding)
	b = append(b, flags)
	if !r.last {
		b = binary.AppendVarint(b, int64(r.plain-segmentTarget(i)))
	}
	if r.model != before {
		b = binary.AppendUvarint(b, uint64(r.model))
	}
	if r.count >= 0 {
		b = binary.AppendUvarint(b, uint64(r.count))
	}
	for _, part := range [][]byte{r.blocks, r.sparse, r.dense} {
		if len(part) > 0 {
			b = binary.AppendUvarint(b, uint64(len(part)))
			b = append(b, part...)
		}
	}
	if r.padding != 0 {
		b = append(b, r.padding)
	}
	return b
}

// A recipeReader reads the parts of a recipe. The first malformed part makes
// it fail, and all later reads give zeros.
type recipeReader struct {
	b   []byte
	err error
}

func (r *recipeReader) fail(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("deflate: %s: %w", what, ErrRecipe)
	}
	r.b = nil
}

func (r *recipeReader) byte() byte {
	if len(r.b) == 0 {
		r.fail("recipe is cut short")
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

// uint reads a number of at most limit.
func (r *recipeReader) uint(limit uint64) int {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail("recipe is cut short")
		return 0
	}
	r.b = r.b[n:]
	if v > limit {
		r.fail("number out of range")
		return 0
	}
	return int(v)
}

func (r *recipeReader) bytes() []byte {
	n := r.uint(uint64(len(r.b)))
	if n == 0 || n > len(r.b) {
		r.fail("recipe is cut short")
		return nil
	}
	p := r.b[:n:n]
	r.b = r.b[n:]
	return p
}

// start reads the head of a recipe.
func (r *recipeReader) start() Model {
	if v := r.byte(); r.err == nil && v != recipeVersion {
		r.fail(fmt.Sprintf("version %d is unknown", v))
	}
	return r.model()
}

func (r *recipeReader) model() Model {
	m := Model(r.uint(1<<32 - 1))
	if r.err == nil && !m.valid() {
		r.fail(fmt.Sprintf("model %s is unknown", m))
	}
	return m
}

// record reads the record of segment i.
func (r *recipeReader) record(i int, before Model) record {
	flags := r.byte()
	rec := record{last: flags&recLast != 0, plain: -1, model: before, count: -1}
	if flags&^(recPadding<<1-1) != 0 || flags&(recSparse|recDense) == recSparse|recDense {
		r.fail("unknown flags")
	}
	if !rec.last {
		v, n := binary.Varint(r.b)
		if n <= 0 {
			r.fail("recipe is cut short")
		} else {
			r.b = r.b[n:]
		}
		target := int64(segmentTarget(i))
		if v < -target || target+v > maxPlain+maxStored+maxMatch {
			r.fail("segment size out of range")
			v = 0
		}
		rec.plain = int(target + v)
	}
	if flags&recModel != 0 {
		rec.model = r.model()
	}
	if flags&recCount != 0 {
		rec.count = r.uint(maxBlocks + 1)
	}
	if flags&recBlocks != 0 {
		rec.blocks = r.bytes()
	}
	if flags&recSparse != 0 {
		rec.sparse = r.bytes()
	}
	if flags&recDense != 0 {
		rec.dense = r.bytes()
	}
	if flags&recPadding != 0 {
		rec.padding = r.byte()
	}
	return rec
}

func appendModel(b []byte, m Model) []byte { return binary.AppendUvarint(b, uint64(m)) }

// clone returns a copy of r that stays valid.
func (r *record) clone() record {
	c := *r
	c.blocks = bytes.Clone(r.blocks)
	c.sparse = bytes.Clone(r.sparse)
	c.dense = bytes.Clone(r.dense)
	return c
}
