package delta

// DiffOptions tune [Diff]. The zero value is good.
type DiffOptions struct {
	// Memory bounds the working memory in bytes, at least 4 MiB. 0 means 48 MiB.
	Memory int64
}

// Diff returns ops that produce the new file src from the bases, with all
// files at hand. Every copy is verified byte by byte. Errors are those of
// reading.
func Diff(src Source, bases []Source, opt DiffOptions) ([]Op, error) { return nil, nil }
