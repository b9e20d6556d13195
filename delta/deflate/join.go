package deflate

import (
	"context"
	"errors"
	"io"
)

// Join writes to w the compressed bytes that recipe and the plain bytes
// stand for. plain is read to its end. Join does not know whether plain holds
// the right bytes: given others it writes some other stream or fails with
// [ErrRecipe]. The caller compares digests.
//
// guide may be nil. With a guide the result should be the same, sooner;
// should its digest be wrong, call Join again without it (see [Guide]).
//
// Errors: [ErrRecipe], [ErrLimit], ctx's error, or what w and plain returned.
//
// For many small streams use a [Joiner], which keeps its tables.
func Join(ctx context.Context, w io.Writer, plain io.Reader, recipe []byte, lim Limits, guide *Guide) error {
	return NewJoiner(lim).Join(ctx, w, plain, recipe, guide)
}

// A Joiner joins one stream after another, reusing its memory. It is not safe
// for concurrent use; several Joiners are independent.
type Joiner struct {
	lim Limits
}

// NewJoiner returns a Joiner with the given limits.
func NewJoiner(lim Limits) *Joiner {
	return &Joiner{lim: lim.withDefaults()}
}

// Join is [Join] with this Joiner's limits and memory.
func (j *Joiner) Join(ctx context.Context, w io.Writer, plain io.Reader, recipe []byte, guide *Guide) error {
	return errors.New("deflate: not built yet")
}
