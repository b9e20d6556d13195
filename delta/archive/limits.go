package archive

import "github.com/pubsync/pubsync/delta/deflate"

// Limits bound what an archive may make of this package. A file past them is
// plain bytes ([ErrNotArchive]); a recipe or index past them is malformed.
type Limits struct {
	// PlainSize is the most bytes of a plain stream.
	PlainSize int64

	// Ratio is the most bytes of plain stream per byte of archive. Deflate
	// itself cannot exceed 1032.
	Ratio int64

	// Members is the most segments of a view.
	Members int

	// NameLen is the longest member name in bytes.
	NameLen int

	// ColumnBytes is the most bytes of all columns of an archive together. They
	// are held in memory while it is taken apart.
	ColumnBytes int

	// RecipeBytes is the most bytes of a recipe.
	RecipeBytes int

	// Budget is what tries to rebuild the same archive may search for together
	// ([deflate.Budget]); nil is a whole one for each.
	Budget *deflate.Budget
}

// DefaultLimits returns the limits that keep an archive below 64 MiB of memory:
// 8 GiB of plain bytes, 1100 per archive byte, 262,144 members, names of 4 KiB,
// 16 MiB of columns, 8 MiB of recipe.
func DefaultLimits() Limits {
	return Limits{
		PlainSize:   8 << 30,
		Ratio:       1100,
		Members:     1 << 18,
		NameLen:     4096,
		ColumnBytes: 16 << 20,
		RecipeBytes: 8 << 20,
	}
}

// plainMax returns the most plain bytes for an archive of size bytes.
func (l Limits) plainMax(size int64) int64 {
	if size > l.PlainSize/max(l.Ratio, 1) {
		return l.PlainSize
	}
	return size * l.Ratio
}

// deflate returns the limits for one deflate stream of an archive of which
// maxPlain plain bytes are allowed, on so many cores.
func (l Limits) deflate(maxPlain int64, workers int) deflate.Limits {
	return deflate.Limits{
		Plain:   maxPlain,
		Ratio:   l.Ratio,
		Recipe:  l.RecipeBytes,
		Worth:   worthPercent,
		Workers: workers,
		Budget:  l.Budget,
	}
}

// worthPercent is the largest recipe of a deflate stream, in percent of its
// compressed size, for which it is taken apart.
const worthPercent = 20
