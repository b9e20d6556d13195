package deflate

import "errors"

// Errors that callers tell apart with [errors.Is]. Errors of the reader, of
// the writer and of the context pass through, wrapped.
var (
	// ErrCorrupt says that the bytes given to [Split] are not a valid deflate
	// stream, or end before the stream does. Keep them as plain bytes.
	ErrCorrupt = errors.New("not a valid deflate stream")

	// ErrLimit says that a bound of [Limits] was reached. Keep the stream as
	// plain bytes.
	ErrLimit = errors.New("deflate stream exceeds a limit")

	// ErrNotWorth says that no model comes close to this stream's encoder, so
	// that the recipe would exceed [Limits.Worth]. Keep the stream as plain
	// bytes.
	ErrNotWorth = errors.New("deflate stream follows no known encoder")

	// ErrRecipe says that the recipe is malformed, of an unknown version, or
	// does not belong to these plain bytes.
	ErrRecipe = errors.New("bad deflate recipe")
)
