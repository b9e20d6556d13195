package deflate

import (
	"context"
	"errors"
	"io"
)

// Option adjusts one call of [Split] or of [Splitter.Split].
type Option func(*splitOptions)

type splitOptions struct {
	first Model
}

// WithModel makes Split try model m first and keep it when it predicts the
// stream without corrections. Give it the model of an earlier stream of the
// same archive: choosing is then free, and members that any of several models
// would fit get equal recipes.
func WithModel(m Model) Option {
	return func(o *splitOptions) { o.first = m }
}

// Split decodes the raw deflate stream at the front of r, writes its plain
// bytes to plain in order, and returns the recipe from which, with the plain
// bytes, [Join] rebuilds the stream. consumed is the number of compressed
// bytes the stream occupies, up to and including the byte that holds its last
// bit. Split reads ahead: after it returns, r may stand past the stream's end, so
// a caller that needs what follows uses consumed to seek there.
//
// The same stream, limits and options give the same recipe. On an error plain
// may have received some bytes; discard them. Errors: [ErrCorrupt],
// [ErrLimit], [ErrNotWorth], ctx's error, or what r and plain returned.
//
// For many small streams use a [Splitter], which keeps its tables.
func Split(ctx context.Context, r io.Reader, plain io.Writer, lim Limits, opts ...Option) (recipe []byte, consumed int64, err error) {
	return NewSplitter(lim).Split(ctx, r, plain, opts...)
}

// A Splitter splits one stream after another, reusing its memory. It is not
// safe for concurrent use; several Splitters are independent.
type Splitter struct {
	lim Limits
}

// NewSplitter returns a Splitter with the given limits.
func NewSplitter(lim Limits) *Splitter {
	return &Splitter{lim: lim.withDefaults()}
}

// Split is [Split] with this Splitter's limits and memory.
func (s *Splitter) Split(ctx context.Context, r io.Reader, plain io.Writer, opts ...Option) (recipe []byte, consumed int64, err error) {
	return nil, 0, errors.New("deflate: not built yet")
}
