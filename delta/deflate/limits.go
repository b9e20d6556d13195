package deflate

// Limits bounds what [Split] and [Join] spend on one stream. The zero value
// of a field stands for the field of [DefaultLimits]. The work of searching is
// bounded by the plain bytes, above what anything compressed in earnest takes:
// beyond that both fail with [ErrLimit] (see [Budget]). Time is bounded by the context.
type Limits struct {
	// Plain is the largest number of plain bytes.
	Plain int64

	// Ratio is the largest ratio of plain to compressed bytes, looked at
	// once a MiB of plain bytes has come out. Deflate itself cannot exceed
	// 1032.
	Ratio int64

	// Blocks is the largest number of deflate blocks.
	Blocks int64

	// Recipe is the largest size of a recipe in bytes. Split stops with
	// ErrNotWorth, Join refuses a larger one with ErrRecipe.
	Recipe int

	// Worth is the largest share of the compressed size, in percent, that a
	// recipe may need. Streams under 4 KiB are always let through.
	Worth int

	// Workers is the number of segments worked on at the same time. Memory
	// for it is about 4 MB each and 10 MB more, and at worst (blocks of
	// megabytes) three times that, whatever the stream's size; the result does
	// not depend on it.
	Workers int

	// Budget is what a Joiner shares with others, nil for one of its own.
	Budget *Budget
}

// DefaultLimits returns the limits used for fields that are zero: 64 GiB of
// plain bytes, any ratio, 2^24 blocks, 16 MiB of recipe, 25 percent, two workers.
func DefaultLimits() Limits {
	return Limits{
		Plain:   64 << 30,
		Ratio:   1032,
		Blocks:  1 << 24,
		Recipe:  16 << 20,
		Worth:   25,
		Workers: 2,
	}
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	if l.Plain <= 0 {
		l.Plain = d.Plain
	}
	if l.Ratio <= 0 {
		l.Ratio = d.Ratio
	}
	if l.Blocks <= 0 {
		l.Blocks = d.Blocks
	}
	if l.Recipe <= 0 {
		l.Recipe = d.Recipe
	}
	if l.Worth <= 0 {
		l.Worth = d.Worth
	}
	if l.Workers <= 0 {
		l.Workers = d.Workers
	}
	if l.Budget == nil {
		l.Budget = &Budget{}
	}
	return l
}
