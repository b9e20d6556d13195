package archive

import (
	"context"
	"errors"
	"io"
	"math"

	"github.com/pubsync/pubsync/delta"
	"github.com/pubsync/pubsync/delta/deflate"
)

var (
	// ErrNotArchive is the error for a file that is to be treated as plain
	// bytes: no archive, an irregular one, or one past the limits.
	ErrNotArchive = errors.New("not an archive that can be taken apart")

	// ErrBadRecipe is the error for a recipe, or a plain stream, that no
	// archive can be rebuilt from.
	ErrBadRecipe = errors.New("malformed archive recipe")

	// ErrBadIndex is the error for bytes that are no index.
	ErrBadIndex = errors.New("malformed archive index")
)

// A Range is a piece of a stream, in bytes.
type Range = delta.Range

func span(off, n int64) Range { return Range{Off: off, Len: n} }

// A Spool holds a plain stream outside memory; an *os.File is one. Bytes past
// the view's size are leftovers to be ignored. One goroutine at a time writes
// to it.
type Spool interface {
	io.WriterAt
	io.ReaderAt
}

// A View is an archive taken apart.
type View struct {
	Format Format
	Size   int64 // of the archive, in bytes

	// Plain holds the plain stream in its first PlainSize bytes.
	Plain     Spool
	PlainSize int64

	// Segments are the extents in Plain of the members' contents in the order
	// of the archive, then of the columns. They ascend, do not overlap, are
	// never empty and cover all of Plain.
	Segments []Range

	// Columns is how many segments at the end of Segments are columns.
	Columns int

	// Keys has for each segment 32 bits of hash of its name without the common
	// prefix, so that members of two archives can be paired by name; for a
	// column it is a small constant, the same in every archive.
	Keys []uint32

	// Recipe is opaque and versioned. Keep it, or send it as a byte-wise
	// difference from a basis's: what did not change is the same bytes.
	Recipe []byte

	// Looked is how many plain bytes of deflate streams were compared with the models of
	// their encoders to make the recipe, and Steps the steps of search that this took (see
	// [deflate.Splitter.Searched]): what rebuilding takes where nothing is copied. Expand
	// leaves both zero.
	Looked, Steps int64
}

// Expand takes apart the archive in the first size bytes of src, writing its
// plain stream to spool from offset 0. The view has been rebuilt and compared
// with src when Expand returns it. An [ErrNotArchive] means plain bytes; any
// other error is one of src, spool or ctx. Memory stays below 64 MiB with the
// default limits; the time is that of inflating and modelling every deflate
// stream and deflating it once more.
func Expand(ctx context.Context, src io.ReaderAt, size int64, spool Spool, lim Limits) (*View, error) {
	return expand(ctx, src, size, spool, lim, newModelled(lim, size))
}

// Sample is [Expand] that checks only samples of the deflate streams against the
// models of their encoders, and is about as fast as inflating. All else has been
// rebuilt and compared as by Expand. The view of an archive whose encoder changed
// its ways in the midst, or slips now and then, can rebuild to something else:
// use it where the digest of the rebuilt archive is compared, and Expand should
// that fail, or where the view serves as a basis and nothing is rebuilt from it.
func Sample(ctx context.Context, src io.ReaderAt, size int64, spool Spool, lim Limits) (*View, error) {
	return expandSampled(ctx, src, size, spool, lim, deflate.SampleSize)
}

// Analyse is [Expand] that compares all tokens with what the models predict, but
// does not deflate once more to see that they come back: half the time. Its plain
// stream is that of [Sample].
func Analyse(ctx context.Context, src io.ReaderAt, size int64, spool Spool, lim Limits) (*View, error) {
	return expandSampled(ctx, src, size, spool, lim, math.MaxInt)
}

// expandSampled takes an archive apart by samples of so many plain bytes.
func expandSampled(ctx context.Context, src io.ReaderAt, size int64, spool Spool, lim Limits, sample int) (*View, error) {
	s := newSampled(lim, size, sample)
	v, err := expand(ctx, src, size, spool, lim, s)
	if v != nil {
		v.Looked, v.Steps = s.looked, s.steps
	}
	return v, err
}

// Rebuild writes to w the archive whose view is plain and recipe. guide may be
// nil. An [ErrBadRecipe] means that the two do not belong together or exceed
// lim; bytes may then have been written already. The caller compares the
// digest of what was written with the one expected: a wrong plain stream can
// rebuild to a wrong archive without an error, and so, rarely, can a guide:
// rebuild again without it (see [Guide]). The caller knows how long the archive
// is to be; w should fail past that.
func Rebuild(ctx context.Context, plain io.ReaderAt, plainSize int64, recipe []byte, w io.Writer, lim Limits, guide *Guide) error {
	j, err := newRebuilder(ctx, plain, plainSize, recipe, lim, newModelled(lim, lim.PlainSize))
	if err != nil {
		return err
	}
	if guide != nil {
		if err := j.follow(guide, recipe); err != nil {
			return err
		}
	}
	return j.run(w)
}
