package deflate

// Info is what a recipe says about its stream without the plain bytes.
type Info struct {
	// Model is the model of the stream's first segment.
	Model Model

	// Exact is true when the model predicts every token, block and code of
	// the stream.
	Exact bool

	// Corrections is the number of bytes of the recipe that correct the model.
	Corrections int
}

// Describe reads a recipe's header. Its error is [ErrRecipe].
//
// Two streams with equal plain bytes and equal recipes are equal, byte for
// byte: a caller that holds the one needs no Join for the other. (Streams with
// unequal recipes may still be equal.)
func Describe(recipe []byte) (Info, error) {
	r := newRecipeReader(recipe)
	info := Info{Model: r.start(), Exact: true}
	for i, model := 0, info.Model; r.Err() == nil; i++ {
		rec := r.record(i, model)
		model = rec.model
		info.Exact = info.Exact && rec.exact()
		info.Corrections += rec.corrections()
		if rec.last {
			break
		}
	}
	if r.Err() == nil && r.Len() > 0 {
		r.Fail("bytes after the last segment")
	}
	if r.Err() != nil {
		return Info{}, r.Err()
	}
	return info, nil
}
