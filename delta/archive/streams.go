package archive

import (
	"context"
	"io"

	"github.com/pubsync/pubsync/delta/deflate"
)

// streams is what this package needs of package deflate; tests put a faster
// one in its place.
type streams interface {
	// split takes the deflate stream at the front of r apart and returns its
	// recipe and compressed length.
	split(ctx context.Context, r *io.SectionReader, plain io.Writer) (recipe []byte, consumed int64, err error)
	join(ctx context.Context, w io.Writer, plain io.Reader, recipe []byte, g *deflate.Guide) error
}

// modelled is package deflate as [streams]. It holds the tables for one
// direction at a time: those for both would exceed the memory an archive may
// take.
type modelled struct {
	lim      deflate.Limits
	splitter *deflate.Splitter
	joiner   *deflate.Joiner
	last     deflate.Model // of the stream before
}

// streamWorkers is how many segments of a deflate stream are worked on at the
// same time; each costs 13 MB.
const streamWorkers = 2

func newModelled(lim Limits, size int64) *modelled {
	return &modelled{lim: lim.deflate(lim.plainMax(size), streamWorkers)}
}

func (m *modelled) split(ctx context.Context, r *io.SectionReader, plain io.Writer) ([]byte, int64, error) {
	if m.splitter == nil {
		m.splitter, m.joiner = deflate.NewSplitter(m.lim), nil
	}
	// An archive's streams are mostly of one encoder: naming it saves the choice.
	recipe, consumed, err := m.splitter.Split(ctx, r, plain, deflate.WithModel(m.last))
	if err != nil {
		return nil, 0, err
	}
	if info, err := deflate.Describe(recipe); err == nil {
		m.last = info.Model
	}
	return recipe, consumed, nil
}

func (m *modelled) join(ctx context.Context, w io.Writer, plain io.Reader, recipe []byte, g *deflate.Guide) error {
	if m.joiner == nil {
		m.splitter, m.joiner = nil, deflate.NewJoiner(m.lim)
	}
	return m.joiner.Join(ctx, w, plain, recipe, g)
}
