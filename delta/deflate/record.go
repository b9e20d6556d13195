package deflate

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/pubsync/pubsync/delta/field"
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

// A recipeReader takes the parts of a recipe.
type recipeReader struct{ field.Reader }

func newRecipeReader(b []byte) recipeReader { return recipeReader{field.New(b, ErrRecipe)} }

// uint takes a number of at most limit.
func (r *recipeReader) uint(limit uint64) int { return int(r.Uvarint(limit)) }

// bytes takes a part, which is not empty.
func (r *recipeReader) bytes() []byte {
	p := r.Bytes(r.Uvarint(math.MaxInt32))
	if len(p) == 0 {
		r.Fail("empty part")
	}
	return p
}

// start reads the head of a recipe.
func (r *recipeReader) start() Model {
	if v := r.Byte(); r.Err() == nil && v != recipeVersion {
		r.Fail(fmt.Sprintf("version %d is unknown", v))
	}
	return r.model()
}

func (r *recipeReader) model() Model {
	m := Model(r.uint(1<<32 - 1))
	if r.Err() == nil && !m.valid() {
		r.Fail(fmt.Sprintf("model %s is unknown", m))
	}
	return m
}

// record reads the record of segment i.
func (r *recipeReader) record(i int, before Model) record {
	flags := r.Byte()
	rec := record{last: flags&recLast != 0, plain: -1, model: before, count: -1}
	if flags&^(recPadding<<1-1) != 0 || flags&(recSparse|recDense) == recSparse|recDense {
		r.Fail("unknown flags")
	}
	if !rec.last {
		target := int64(segmentTarget(i))
		rec.plain = int(target + r.Varint(-target, maxPlain+maxStored+maxMatch-target))
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
		rec.padding = r.Byte()
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
